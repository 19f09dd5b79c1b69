// Filters and sorts rows that are already on the page. "/" goes to the filter.

function bodyOf(box) { return box.querySelector("tbody"); }

function filter(box) {
  const input = box.querySelector("[data-filter] input");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, all = 0;
  for (const row of bodyOf(box).rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !wanted.every((w) => text.includes(w));
    all++;
    if (!row.hidden) shown++;
  }
  box.querySelector("[data-filter-count]").textContent = wanted.length ? `${shown} of ${all}` : "";
}

const numeric = /^-?[\d\s\u00a0]*\.?\d+/;

// keyOf is what a cell sorts by: data-sort if the page gives one, else a
// leading number, else its text.
function keyOf(cell) {
  const raw = cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
  const m = raw.match(numeric);
  return m && cell.matches(".n, [data-sort]") ? parseFloat(m[0].replace(/[\s\u00a0]/g, "")) : raw.toLowerCase();
}

function sort(th) {
  const box = th.closest(".table-box"), column = th.cellIndex;
  const down = th.getAttribute("aria-sort") === "ascending";
  for (const other of th.parentElement.cells) other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...bodyOf(box).rows].map((row) => [keyOf(row.cells[column]), row]);
  rows.sort(([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))) * (down ? -1 : 1));
  bodyOf(box).append(...rows.map(([, row]) => row));
}

// A table of forms has a box in each row; the one in its head marks all that
// are shown.
function markAll(box, on) {
  for (const row of bodyOf(box).rows) {
    const tick = row.querySelector("td.mark input");
    if (tick && !row.hidden) tick.checked = on;
  }
}

function prepare() {
  for (const td of document.querySelectorAll("tbody tr:first-child td.mark")) {
    const th = td.closest("table").tHead?.rows[0].cells[0];
    if (!th || th.firstChild) continue;
    const label = document.createElement("label"), tick = document.createElement("input");
    label.className = "tick";
    tick.type = "checkbox";
    tick.dataset.markAll = "";
    tick.setAttribute("aria-label", "Mark all");
    label.append(tick);
    th.append(label);
  }
  for (const f of document.querySelectorAll("[data-filter][hidden]")) f.hidden = false;
  for (const th of document.querySelectorAll(".table-box[data-sortable] thead th")) {
    if (th.querySelector("button") || !th.textContent.trim()) continue;
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = th.textContent;
    th.replaceChildren(b);
  }
}

document.addEventListener("input", (e) => {
  if (e.target.closest("[data-filter]")) filter(e.target.closest(".table-box"));
});
document.addEventListener("change", (e) => {
  if (e.target.matches("[data-mark-all]")) markAll(e.target.closest(".table-box"), e.target.checked);
});
document.addEventListener("click", (e) => {
  const th = e.target.closest?.(".table-box[data-sortable] thead th");
  if (th) sort(th);
});
document.addEventListener("keydown", (e) => {
  if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target.closest("input, textarea, select, [contenteditable]")) return;
  const box = [...document.querySelectorAll("[data-slash]")].find((el) => el.offsetParent);
  if (box) {
    e.preventDefault();
    box.focus();
  }
});
document.addEventListener("ui:swap", () => {
  prepare();
  document.querySelectorAll(".table-box").forEach(filter);
});
prepare();
