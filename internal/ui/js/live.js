// Live pages. The event stream names topics; every part of the page that
// listens to one is fetched again and put in place, without disturbing the
// reader: never while typing, and with focus, open details and scroll kept.

const light = document.querySelector("[data-stream]");
const waiting = new Map(); // id of a part -> timer
const busy = new Set();    // ids being fetched

function say(state, words) {
  light.hidden = false;
  light.dataset.liveState = state;
  if (light.textContent !== words) light.textContent = words;
}

function parts() { return [...document.querySelectorAll("[data-live][data-topics]")]; }

// occupied tells whether swapping the part would take something from the
// reader: a field in use, a field changed, text being marked, a question open,
// a chart being dragged over.
function occupied(part) {
  const active = document.activeElement;
  if (part.contains(active) && active.matches("input, textarea, select, [contenteditable]")) return true;
  for (const f of part.querySelectorAll("textarea, input:not([type=hidden])")) {
    if (f.closest("[data-filter]")) continue; // carried over by swap
    if (f.type === "checkbox" || f.type === "radio" ? f.checked !== f.defaultChecked : f.value !== f.defaultValue) return true;
  }
  if (part.querySelector("details.confirm[open], [data-busy]")) return true;
  const s = getSelection();
  return s && !s.isCollapsed && part.contains(s.anchorNode);
}

// pathTo names an element inside a part, so that its twin can be found after
// the swap: by id, else by its place among its siblings.
function pathTo(el, part) {
  if (el.id) return "#" + CSS.escape(el.id);
  const steps = [];
  for (; el !== part; el = el.parentElement) steps.unshift(`:nth-child(${[...el.parentElement.children].indexOf(el) + 1})`);
  return ":scope > " + steps.join(" > ");
}

function swap(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const focus = part.contains(document.activeElement) && document.activeElement !== part ? pathTo(document.activeElement, part) : null;
  const open = [...part.querySelectorAll("details[open]")].map((d) => pathTo(d, part));
  const scrolled = [...part.querySelectorAll("*")].filter((e) => e.scrollTop || e.scrollLeft).map((e) => [pathTo(e, part), e.scrollLeft, e.scrollTop]);
  const filters = [...part.querySelectorAll("[data-filter] input")].filter((f) => f.value).map((f) => [pathTo(f, part), f.value]);
  const y = scrollY;
  part.replaceChildren(...fresh.childNodes);
  for (const p of open) part.querySelector(p)?.setAttribute("open", "");
  for (const [p, left, top] of scrolled) part.querySelector(p)?.scrollTo(left, top);
  for (const [p, value] of filters) {
    const f = part.querySelector(p);
    if (f) f.value = value;
  }
  if (focus) part.querySelector(focus)?.focus({ preventScroll: true });
  if (scrollY !== y) scrollTo({ top: y, behavior: "instant" });
  document.dispatchEvent(new CustomEvent("ui:swap", { detail: { id: part.id } }));
}

async function refresh(id) {
  waiting.delete(id);
  const part = document.getElementById(id);
  if (!part) return;
  if (busy.has(id) || occupied(part)) return later(id, 2000);
  busy.add(id);
  try {
    const answer = await fetch(part.dataset.live || location.href, { headers: { "X-Fragment": id }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 401) {
      say("reconnecting", "signed out, reload the page");
      stream.close();
      return;
    }
    if (!answer.ok) return later(id, 10000);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(id);
    // The reader may have begun to type while the answer was on its way.
    if (!fresh || !part.isConnected) return;
    if (occupied(part)) return later(id, 2000);
    swap(part, document.adoptNode(fresh));
  } catch {
    later(id, 10000);
  } finally {
    busy.delete(id);
  }
}

// later gathers a burst of events into one request.
function later(id, ms) {
  if (!waiting.has(id)) waiting.set(id, setTimeout(refresh, ms, id));
}

let stream = null;
let told = ""; // id of the last message: up to there everything is known

function connect() {
  const topics = [...new Set(parts().flatMap((p) => p.dataset.topics.split(" ").filter(Boolean)))];
  const url = new URL(light.dataset.stream, location.href);
  if (told) url.searchParams.set("since", told);
  for (const t of topics) url.searchParams.append("topic", t);
  stream = new EventSource(url);
  stream.onopen = () => say("live", "live");
  // The first message tells what happened between the making of the page, or
  // the loss of the stream, and now.
  stream.onmessage = (e) => {
    told = e.lastEventId;
    const named = new Set(e.data.split(/\s+/));
    for (const p of parts()) {
      if (p.dataset.topics.split(" ").some((t) => named.has(t))) later(p.id, 200);
    }
  };
  stream.onerror = () => {
    say("reconnecting", "reconnecting");
    // A refused stream is not tried again by the browser itself.
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
  };
}

if (light && parts().length) connect();
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (e) => { if (e.persisted && light && parts().length) connect(); });
