// The crosshair over charts, and dragging to zoom. A chart carries its points
// in data attributes; zooming is a link to the same page with from and to.

const svgNS = "http://www.w3.org/2000/svg";
const parsed = new WeakMap();
let tip = null, drag = null;

function series(svg) {
  if (!parsed.has(svg)) parsed.set(svg, JSON.parse(svg.dataset.points || "[]"));
  return parsed.get(svg);
}

function timeOf(s, i) { return s.o ? s.t + s.o[i] : s.t + (s.s || 0) * i; }

// nearest is the index of the point closest to the time; points are in order.
function nearest(s, time) {
  let lo = 0, hi = s.v.length - 1;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (timeOf(s, mid) < time) lo = mid; else hi = mid;
  }
  return Math.abs(timeOf(s, lo) - time) <= Math.abs(timeOf(s, hi) - time) ? lo : hi;
}

const steps = {
  "bytes": [[2 ** 50, "PiB"], [2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"], [1, "B"]],
  "bytes/s": [[1e12, "TB/s"], [1e9, "GB/s"], [1e6, "MB/s"], [1e3, "kB/s"], [1, "B/s"]],
  "seconds": [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"]],
  "percent": [[1, "%"]],
};

function words(unit, v) {
  if (v === null || v === undefined) return "no data";
  const known = steps[unit];
  const step = known ? known.find(([size]) => Math.abs(v) >= size) || (v && unit === "seconds" ? known.at(-1) : known.find(([size]) => size === 1)) : [1, ""];
  const n = v / step[0];
  return (+n.toPrecision(Math.abs(n) >= 1000 ? 6 : 3)).toLocaleString("en", { maximumFractionDigits: 3 }).replaceAll(",", "\u00a0") + (step[1] ? "\u00a0" + step[1] : "");
}

// place finds where in the plot the pointer is: share of the width, and time.
function place(svg, clientX) {
  const css = getComputedStyle(svg), box = svg.getBoundingClientRect();
  const left = box.left + parseFloat(css.paddingLeft);
  const width = box.width - parseFloat(css.paddingLeft) - parseFloat(css.paddingRight);
  const share = Math.min(1, Math.max(0, (clientX - left) / width));
  const from = +svg.dataset.from, to = +svg.dataset.to;
  return { share, left, width, from, to, time: from + share * (to - from) };
}

function layer(svg) {
  svg.querySelector("g.over")?.remove();
  const g = document.createElementNS(svgNS, "g");
  g.setAttribute("class", "over");
  svg.append(g);
  return g;
}

function shape(parent, name, attributes) {
  const el = document.createElementNS(svgNS, name);
  for (const [k, v] of Object.entries(attributes)) el.setAttribute(k, v);
  parent.append(el);
  return el;
}

function clear() {
  tip?.remove();
  tip = null;
  for (const g of document.querySelectorAll("svg.chart g.over")) g.remove();
}

function show(svg, event) {
  const at = place(svg, event.clientX), g = layer(svg);
  const height = +svg.getAttribute("height");
  const lines = [];
  let snap = null;
  series(svg).forEach((s) => {
    const i = nearest(s, at.time);
    if (snap === null) snap = timeOf(s, i);
    lines.push([s.n, words(svg.dataset.unit, s.v[i])]);
  });
  const time = snap ?? at.time;
  const x = (100 * (time - at.from) / (at.to - at.from)) + "%";
  shape(g, "line", { class: "hair", x1: x, x2: x, y1: 0, y2: height });
  if (drag?.svg === svg) {
    const a = Math.min(drag.share, at.share), b = Math.max(drag.share, at.share);
    shape(g, "rect", { class: "zoom", x: 100 * a + "%", width: 100 * (b - a) + "%", y: 0, height });
  }
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "chart-tip";
    document.body.append(tip);
  }
  tip.replaceChildren();
  const head = document.createElement("b");
  head.textContent = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: svg.dataset.zone === "Local" ? undefined : svg.dataset.zone }).format(time);
  tip.append(head);
  for (const [name, value] of lines) {
    const row = document.createElement("div"), a = document.createElement("span"), b = document.createElement("b");
    a.textContent = name;
    b.textContent = value;
    row.append(a, b);
    tip.append(row);
  }
  const box = tip.getBoundingClientRect();
  const beside = event.clientX + 14 + box.width > innerWidth ? event.clientX - 14 - box.width : event.clientX + 14;
  tip.style.transform = `translate(${Math.max(4, beside)}px, ${Math.max(4, event.clientY - box.height - 10)}px)`;
}

function chartAt(target) { return target.closest?.("svg.chart[data-from]"); }

function release() {
  if (drag) delete drag.svg.dataset.busy;
  drag = null;
}

document.addEventListener("pointermove", (e) => {
  const svg = drag?.svg || chartAt(e.target);
  if (svg?.isConnected) show(svg, e);
  else if (tip) clear();
});

document.addEventListener("pointerdown", (e) => {
  const svg = chartAt(e.target);
  // A finger scrolls; it only moves the crosshair.
  if (!svg || e.button !== 0 || e.pointerType === "touch") return;
  drag = { svg, ...place(svg, e.clientX), x: e.clientX };
  svg.dataset.busy = ""; // live.js waits with new pictures
  e.preventDefault();
});

document.addEventListener("pointerup", (e) => {
  if (!drag) return;
  const start = drag, end = place(drag.svg, e.clientX);
  release();
  clear();
  if (Math.abs(e.clientX - start.x) < 8) return;
  const url = new URL(location.href);
  url.searchParams.delete("range");
  url.searchParams.set("from", Math.round(Math.min(start.time, end.time)));
  url.searchParams.set("to", Math.round(Math.max(start.time, end.time)));
  location.assign(url);
});

document.addEventListener("pointercancel", () => { release(); clear(); });
document.addEventListener("keydown", (e) => { if (e.key === "Escape") { release(); clear(); } });
document.addEventListener("ui:swap", () => { if (!drag) clear(); });

// A double click goes back to the range the page starts with.
document.addEventListener("dblclick", (e) => {
  const url = new URL(location.href);
  if (!chartAt(e.target) || !url.searchParams.has("from")) return;
  url.searchParams.delete("from");
  url.searchParams.delete("to");
  location.assign(url);
});
