// The desk's own script: panels, dragging, countdowns, the preview, and what others do. Everything
// here is a convenience over forms and links that work without it.
"use strict";

(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sheet = () => $("#sheet");
  const place = () => `${location.pathname.replace(/\/$/, "")}`;
  const standing = ({ dataset }) => `${dataset.revision} ${dataset.state}`;
  const token = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRF-Token"];
  const desk = () => document.body.dataset.desk;
  let dragging = false;
  let behind = false;
  let pause = 2000;
  // Whether what is being put in was asked for by this script, because of what others did.
  let live = false;
  let pressed = null;
  // The state of the edition that what was just said is of.
  let acted = "";

  // Panels: what is put into #panel-body opens over the page, and closes when its form was taken.

  const panel = () => $("#panel");

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "panel-body") {
      if (!panel().open) panel().showModal();
      ($("[autofocus], [role=alert], #panel-title", panel()) || panel()).focus();
      look();
    }
    if (event.detail.target.id === "sheet") {
      dress();
      if (!live) acted = standing(sheet());
      setTimeout(follow, 3000);
      if (sheet().dataset.live === "yes") listen(); else deafen();
      // Whoever is at a story far below does not see what is said on top.
      $("#clash, #trouble", sheet())?.scrollIntoView({ block: "center" });
    }
  });

  // A form in a panel that is refused comes back into the panel; taken, it changes the sheet.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { shouldSwap, target, requestConfig } = event.detail;
    live = "X-Live" in requestConfig.headers;
    if (shouldSwap && target.id === "sheet" && panel()?.open && panel().contains(requestConfig.elt)) {
      panel().close();
    }
  });

  const written = (within) => all("input[type=text], input[type=url], textarea:not([hidden])", within)
    .some((field) => field.value !== field.defaultValue);

  const mayLose = (within) => !written(within) || confirm("What you wrote is not saved yet. Leave it?");

  document.addEventListener("pointerdown", (event) => { pressed = event.target; }, true);

  document.addEventListener("click", (event) => {
    const beside = event.target === panel() && pressed === panel();
    if (event.target.closest("[data-close]") || beside) { if (mayLose(panel())) panel().close(); }
    const summary = event.target.closest("summary");
    if (summary) folded.add(summary.parentElement);
    const tab = event.target.closest("[data-look].tab");
    if (tab && $("#frame")) {
      event.preventDefault();
      all("[data-look].tab").forEach((one) => one.removeAttribute("aria-current"));
      tab.setAttribute("aria-current", "true");
      show(tab.dataset.look);
    }
    // A headline is the way to its form as well; who marks words of it means something else.
    const headline = event.target.closest("[data-editable=yes] .story .headline");
    if (headline && getSelection().isCollapsed) $("[id^=edit-]", headline.closest(".story")).click();
    if (event.target.closest("[aria-disabled=true]")) event.preventDefault();
  }, true);

  document.addEventListener("cancel", (event) => {
    if (event.target === panel() && !mayLose(panel())) event.preventDefault();
  }, true);

  // A panel may hold several forms: one is not to take the words of another with it.
  document.addEventListener("submit", (event) => {
    const others = panel()?.contains(event.target)
      ? all("form", panel()).filter((form) => form !== event.target) : [];
    if (!others.every(mayLose)) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  document.addEventListener("close", (event) => {
    if (event.target.id !== "panel") return;
    $("#panel-body").replaceChildren();
    $("#main").before($("#unsaved"));
    look();
  }, true);

  // The preview shows the revision that the sheet shows.

  function show(name) {
    const frame = $("#frame");
    const wanted = new URL(frame.dataset.src, location.href);
    wanted.searchParams.set("look", name);
    wanted.searchParams.set("revision", sheet().dataset.revision);
    wanted.searchParams.set("state", sheet().dataset.state);
    frame.dataset.look = name;
    if (frame.src !== wanted.href) frame.src = wanted.href;
  }

  // On a phone, the mail as a phone shows it, unless another look was asked for.
  function choose() {
    const small = matchMedia("(max-width: 43.99rem)").matches;
    if (!$("#frame") || !small || new URLSearchParams(location.search).has("look")) return;
    all("[data-look].tab").forEach((one) => {
      if (one.dataset.look === "phone") one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    });
    $("#frame").dataset.look = "phone";
  }

  // What others do puts the sheet in anew: what is typed, ticked or unfolded on it stays.

  const folded = new WeakSet();

  Object.assign(Idiomorph.defaults.callbacks, {
    beforeAttributeUpdated: (name, node) => {
      const typed = name === "value" && node.matches("input[type=text], textarea")
        && node.value !== node.defaultValue;
      const ticked = name === "checked" && node.checked !== node.defaultChecked;
      return !(typed || ticked || (name === "open" && folded.has(node)));
    },
    // Who is about to approve has seen the revision that is named there, and no other one.
    beforeNodeMorphed: (before, after) => {
      // What was just done stays to be read, for the news of it may come behind its own answer, as
      // long as it is so: not once somebody has made another revision of what was approved.
      if (live && before.id === "done") {
        const newest = after.closest("#sheet");
        return !newest || standing(newest) !== acted;
      }
      const named = (form) => form.querySelector?.("[name=revision]")?.value;
      if (!live || before.id !== "approving" || named(before) === named(after)) return true;
      $("#renew", before).hidden = false;
      return false;
    },
    // What somebody has not answered yet, with their words in it.
    beforeNodeRemoved: (node) => !(live && ["clash", "trouble"].includes(node.id)),
  });

  // Dragging; the buttons beside each story do the same.

  function send(act, values) {
    const { revision } = sheet().dataset;
    ask("POST", `acts/${act}`, { values: { seen: revision, ...values } });
  }

  // What does not get there is an event (htmx:sendError), and told by that.
  function ask(method, path, more) {
    htmx.ajax(method, `${place()}/${path}`, {
      target: "#sheet", swap: "morph:outerHTML", ...more,
    }).catch(() => {});
  }

  // Where a dragged story stands in its section now: the lead counts there, though it is shown
  // elsewhere, so it goes by the place that the story before it has.
  function spot({ item, from, to }) {
    const before = item.previousElementSibling?.closest(".story");
    if (!before) return 0;
    const index = Number(before.dataset.index);
    return from === to && Number(item.dataset.index) < index ? index : index + 1;
  }

  function dress() {
    const frame = $("#frame");
    if (frame) show(frame.dataset.look);
    if (sheet()?.dataset.editable === "yes") {
      for (const list of all("ol.stories")) {
        if (Sortable.get(list)) continue;
        new Sortable(list, {
          group: "stories", handle: ".grip", draggable: ".story:not(.lead)", animation: 120,
          onStart: () => { dragging = true; },
          onEnd: (event) => {
            dragging = false;
            if (behind) { behind = false; refresh(); }
            if (event.from === event.to && event.oldIndex === event.newIndex) return;
            const { story } = event.item.dataset;
            if ("lead" in event.to.dataset) send("treat", { story, treatment: "lead" });
            else send("move", { story, section: event.to.dataset.section, index: spot(event) });
          },
        });
      }
    }
    tick();
  }

  // Countdowns.

  function tick() {
    for (const time of all("time.countdown")) {
      const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
      const away = Math.abs(seconds);
      const [d, h, m] = [Math.floor(away / 86400), Math.floor(away / 3600) % 24, Math.floor(away / 60) % 60];
      const said = d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : away >= 600 ? `${m} min`
        : `${m}:${String(away % 60).padStart(2, "0")} min`;
      const text = seconds > 0 ? `in ${said}` : `${said} ago`;
      if (time.textContent !== text) time.textContent = text;
      time.classList.toggle("bad", seconds > 0 && seconds < 900);
    }
  }

  // Together: say where one is, and hear what others do.

  function look(gone = false) {
    if (!sheet()) return;
    const at = $("[data-at]", panel() || document)?.dataset.at
      || document.activeElement?.closest?.("[data-story]")?.dataset.story || 0;
    const body = new URLSearchParams({ csrf: token(), story: at, ...(gone ? { gone: "true" } : {}) });
    const address = `${place()}/look`;
    if (gone) navigator.sendBeacon(address, body);
    else fetch(address, { method: "POST", body }).catch(() => {});
  }

  function refresh() {
    if (dragging) { behind = true; return; }
    ask("GET", "sheet", { headers: { "X-Live": "1" } });
  }

  // The answer of a form may come late, behind news of what was done after it, and be put in over
  // it. The news comes once a second: by the time this asks, it is what the sheet has to show.
  let heard = "";

  function follow() {
    if (heard && sheet() && heard !== sheet().dataset.cursor) refresh();
  }

  function hear(news) {
    heard = news.cursor;
    if (heard !== sheet().dataset.cursor) refresh();
    if (sheet().dataset.live !== "yes") deafen();
  }

  // All tabs of somebody share one stream (news.js); where there is no such worker, on phones, each has
  // its own. None is held by a tab that nobody sees, nor for an edition that nothing happens to.
  let ear = null;

  function listen() {
    const { live: lives, cursor, edition } = sheet().dataset;
    if (ear || document.hidden || lives !== "yes") return;
    ear = window.SharedWorker ? share(Number(edition), cursor) : open(edition, cursor);
  }

  function deafen() {
    ear?.close();
    ear = null;
  }

  function share(edition, cursor) {
    const { news, user } = document.body.dataset;
    const { port } = new SharedWorker(news, { name: `news for ${user}` });
    const say = (act) => port.postMessage({ act, edition, cursor });
    port.onmessage = ({ data }) => { if (data.lost) refresh(); else hear(data); };
    say("listen");
    const pulse = setInterval(() => say("still"), 10000);
    return { close: () => { clearInterval(pulse); say("leave"); port.close(); } };
  }

  function open(edition, cursor) {
    const of = encodeURIComponent(`${edition}~${cursor}`);
    const stream = new EventSource(`${desk()}/events?of=${of}`);
    stream.addEventListener("news", (event) => hear(JSON.parse(event.data)));
    stream.addEventListener("open", () => { pause = 2000; });
    // By itself it would come back with the old cursor. The sheet is asked for first: it also knows
    // whether the session has ended.
    stream.addEventListener("error", () => {
      if (ear?.stream !== stream) return;
      deafen();
      setTimeout(() => { refresh(); listen(); }, pause);
      pause = Math.min(pause * 2, 60000);
    });
    return { stream, close: () => stream.close() };
  }

  // What did not get there. What is on the page may not be what is kept, so it is asked for again.

  function fail(said) {
    if (!live) tell(said);
  }

  function tell(...said) {
    const notice = $("#unsaved");
    // An open panel covers everything else.
    if (panel()?.open) panel().prepend(notice); else $("#main").before(notice);
    const words = said.map((one) => one.textContent ?? one).join("");
    if (notice.textContent !== words) notice.replaceChildren(...said);
    notice.hidden = false;
  }

  const failures = { 413: "Not saved: that is too much text." };

  // A session that has ended. What is typed stays: whoever logs in again in another tab goes on
  // here, with the token of the new session. Only a page of the desk has it, and gives it to nobody
  // but whoever has that session.

  let out = false;

  const entrance = () => `${desk()}/login?to=${encodeURIComponent(place().slice(desk().length))}`;

  function lament() {
    const way = document.createElement("a");
    Object.assign(way, { href: entrance(), target: "_blank", rel: "noopener" });
    way.textContent = "Log in again in another tab";
    const button = panel()?.open ? "Save" : "the button";
    tell("You were logged out. What you wrote is still here. ", way, `, then press ${button} again.`);
  }

  // Whether the browser has a session of the same person by now, whose token the page takes on:
  // "renewed", "same" where it has that token already, "none", or "other" for somebody else's.
  async function renew() {
    const answer = await fetch(`${desk()}/account`, { redirect: "manual", cache: "no-store" });
    if (!answer.ok) return "none";
    const { body } = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (body.dataset.user !== document.body.dataset.user) return "other";
    const before = token();
    document.body.setAttribute("hx-headers", body.getAttribute("hx-headers"));
    all("input[name=csrf]").forEach((field) => { field.value = token(); });
    return token() === before ? "same" : "renewed";
  }

  const strange = "Not saved: somebody else is logged in here now. Copy what you wrote, and load the "
    + "page again.";
  const offline = "Not saved: there is no connection. Try again.";

  // Before anything more is sent, the new session is looked for.
  document.addEventListener("htmx:confirm", (event) => {
    if (!out || "X-Live" in (event.detail.etc.headers || {})) return;
    event.preventDefault();
    renew().then((found) => {
      if (found === "none") lament();
      else if (found === "other") tell(strange);
      else { out = false; event.detail.issueRequest(true); }
    }).catch(() => tell(offline));
  });

  document.addEventListener("visibilitychange", () => {
    if (!out || document.hidden) return;
    renew().then((found) => {
      if (found !== "renewed" && found !== "same") return;
      tell("You are logged in again. It is not saved yet: press the button again.");
    }).catch(() => {});
  });

  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    const held = requestConfig.verb !== "get" || panel()?.open || written(document);
    if (xhr.status === 401) {
      event.preventDefault();
      if (held) { out = true; lament(); } else location.href = entrance();
    }
    // What is refused before any form was looked at, for a token of another session most likely,
    // is answered by a whole page, which would take the place of this one.
    if (xhr.status === 403 && xhr.getResponseHeader("HX-Reselect") === "#main" && held) {
      event.preventDefault();
      renew().then((found) => {
        if (found === "none") { out = true; lament(); }
        else if (found === "other") tell(strange);
        else if (found === "same") tell("Not saved: that is not for you to do.");
        else tell("Not saved: you have logged in anew. Press the button again.");
      }).catch(() => tell(offline));
    }
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    live = "X-Live" in event.detail.requestConfig.headers;
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => fail(offline));
  }
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status >= 500 || [400, 408, 413].includes(status)) {
      fail(failures[status] || "Not saved: the desk could not do it. Try again.");
    }
  });
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 400 && !(out && live)) $("#unsaved").hidden = true;
  });
  addEventListener("online", () => { if (sheet()) refresh(); });

  document.addEventListener("DOMContentLoaded", () => {
    setInterval(tick, 1000);
    tick();
    if (!sheet()) return;
    acted = standing(sheet());
    choose();
    dress();
    look();
    listen();
    document.addEventListener("visibilitychange", () => (document.hidden ? deafen() : listen()));
    addEventListener("pagehide", deafen);
    addEventListener("pageshow", ({ persisted }) => { if (persisted) { refresh(); listen(); } });
    setInterval(look, 10000);
    let last = null;
    document.addEventListener("focusin", () => {
      const story = document.activeElement?.closest?.("[data-story]")?.dataset.story;
      if (story !== last) { last = story; look(); }
    });
    addEventListener("pagehide", () => look(true));
  });
})();
