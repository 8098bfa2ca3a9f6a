// One stream of news for all of a browser's tabs, in a worker that they share: over HTTP/1.1 a browser
// has six connections to a host, and six tabs with a stream each would leave none for anything else.
//
//   tab ──"listen" edition, cursor──▶ worker ──one EventSource──▶ /desk/events?of=EDITION~CURSOR&of=…
//       ◀─news of its edition, "lost"─
"use strict";

const SILENT = 45000; // A tab says every 10 s that it is there; one that was closed says nothing.
const tabs = new Map(); // each tab's port: the edition it shows, and when it was heard of
const known = new Map(); // the latest cursor of each edition
let stream = null;
let watched = "";
let pause = 2000;
let waiting = null;

const place = new URL(".", self.location.href).pathname.replace(/static\/$/, "");

function tune() {
  waiting = null;
  for (const [port, tab] of tabs) if (Date.now() - tab.seen > SILENT) tabs.delete(port);
  const editions = [...new Set([...tabs.values()].map((tab) => tab.edition))].sort();
  for (const edition of known.keys()) if (!editions.includes(edition)) known.delete(edition);
  if (stream && editions.join() === watched) return;
  stream?.close();
  stream = null;
  watched = editions.join();
  if (!editions.length) return;
  const of = editions.map((edition) => `of=${encodeURIComponent(`${edition}~${known.get(edition)}`)}`);
  stream = new EventSource(`${place}events?${of.join("&")}`);
  stream.addEventListener("open", () => { pause = 2000; });
  stream.addEventListener("news", (event) => tell(JSON.parse(event.data)));
  stream.addEventListener("error", lose);
}

function soon(after = 50) {
  waiting ??= setTimeout(tune, after);
}

function tell(news) {
  if (news.cursor) known.set(news.edition, news.cursor);
  for (const [port, tab] of tabs) if (tab.edition === news.edition) port.postMessage(news);
}

// By itself a stream would come back with its old cursors. The tabs ask for their part of the page
// first: it also knows whether the session has ended.
function lose() {
  stream?.close();
  stream = null;
  for (const port of tabs.keys()) port.postMessage({ lost: true });
  if (waiting) clearTimeout(waiting);
  waiting = setTimeout(tune, pause);
  pause = Math.min(pause * 2, 60000);
}

self.addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data: { act, edition, cursor } }) => {
    if (act === "leave") { tabs.delete(port); soon(); return; }
    tabs.set(port, { edition, seen: Date.now() });
    if (act !== "listen") return;
    if (!known.has(edition)) known.set(edition, cursor);
    else if (known.get(edition) !== cursor) port.postMessage({ edition, cursor: known.get(edition) });
    soon();
  };
});

setInterval(tune, SILENT);
