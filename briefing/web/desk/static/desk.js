// The desk's own script: panels, dragging, countdowns, the preview, and what others do. Everything
// here is a convenience over forms and links that work without it.
"use strict";

(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sheet = () => $("#sheet");
  const place = () => `${location.pathname.replace(/\/$/, "")}`;
  const token = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRF-Token"];
  let dragging = false;
  let behind = false;
  let pause = 2000;
  // Whether what is being put in was asked for by this script, because of what others did.
  let live = false;
  let pressed = null;

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
    return htmx.ajax("POST", `${place()}/acts/${act}`, {
      target: "#sheet", swap: "morph:outerHTML", values: { seen: revision, ...values },
    });
  }

  function dress() {
    const frame = $("#frame");
    if (frame) show(frame.dataset.look);
    if (sheet()?.dataset.editable === "yes") {
      for (const list of all("ol.stories")) {
        if (Sortable.get(list)) continue;
        new Sortable(list, {
          group: "stories", handle: ".grip", draggable: ".story", animation: 120,
          onStart: () => { dragging = true; },
          onEnd: (event) => {
            dragging = false;
            if (behind) { behind = false; refresh(); }
            if (event.from === event.to && event.oldIndex === event.newIndex) return;
            send("move", {
              story: event.item.dataset.story, section: event.to.dataset.section,
              index: event.newDraggableIndex,
            });
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
    htmx.ajax("GET", `${place()}/sheet`, {
      target: "#sheet", swap: "morph:outerHTML", headers: { "X-Live": "1" },
    });
  }

  function listen() {
    const cursor = encodeURIComponent(sheet().dataset.cursor);
    const stream = new EventSource(`${place()}/events?cursor=${cursor}`);
    stream.addEventListener("news", (event) => {
      const news = JSON.parse(event.data);
      if (news.cursor !== sheet().dataset.cursor) refresh();
    });
    // By itself it would come back with the old cursor. The sheet is asked for first: it also knows
    // whether the session has ended.
    stream.addEventListener("open", () => { pause = 2000; });
    stream.addEventListener("error", () => {
      stream.close();
      setTimeout(() => { refresh(); listen(); }, pause);
      pause = Math.min(pause * 2, 60000);
    });
    addEventListener("pagehide", () => stream.close(), { once: true });
  }

  // What did not get there. What is on the page may not be what is kept, so it is asked for again.

  function fail(said) {
    if (live) return;
    const notice = $("#unsaved");
    // An open panel covers everything else.
    if (panel()?.open) panel().prepend(notice); else $("#main").before(notice);
    notice.textContent = said;
    notice.hidden = false;
  }

  const failures = {
    413: "Not saved: that is too much text.",
    401: "Not saved: you are logged out.",
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    live = "X-Live" in event.detail.requestConfig.headers;
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => fail("Not saved: there is no connection. Try again."));
  }
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status >= 500 || [400, 401, 408, 413].includes(status)) {
      fail(failures[status] || "Not saved: the desk could not do it. Try again.");
    }
  });
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status < 400) $("#unsaved").hidden = true;
  });
  addEventListener("online", () => { if (sheet()) refresh(); });

  document.addEventListener("DOMContentLoaded", () => {
    setInterval(tick, 1000);
    tick();
    if (!sheet()) return;
    dress();
    look();
    listen();
    setInterval(look, 10000);
    let last = null;
    document.addEventListener("focusin", () => {
      const story = document.activeElement?.closest?.("[data-story]")?.dataset.story;
      if (story !== last) { last = story; look(); }
    });
    addEventListener("pagehide", () => look(true));
  });
})();
