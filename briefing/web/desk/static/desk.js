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
    const { target, requestConfig } = event.detail;
    if (target.id === "sheet" && panel()?.open && panel().contains(requestConfig.elt)) {
      panel().close();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]") || event.target === panel()) panel().close();
    const tab = event.target.closest("[data-look].tab");
    if (tab && $("#frame")) {
      event.preventDefault();
      all("[data-look].tab").forEach((one) => one.removeAttribute("aria-current"));
      tab.setAttribute("aria-current", "true");
      show(tab.dataset.look);
    }
    if (event.target.closest("[aria-disabled=true]")) event.preventDefault();
  }, true);

  document.addEventListener("close", (event) => {
    if (event.target.id === "panel") { $("#panel-body").replaceChildren(); look(); }
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

  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => {
    const typed = name === "value" && node.matches("input[type=text], textarea")
      && node.value !== node.defaultValue;
    const ticked = name === "checked" && node.checked !== node.defaultChecked;
    return !(typed || ticked || (name === "open" && node.matches("details")));
  };

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
    htmx.ajax("GET", `${place()}/sheet`, { target: "#sheet", swap: "morph:outerHTML" });
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

  document.addEventListener("dragend", () => { if (behind) { behind = false; refresh(); } });

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
