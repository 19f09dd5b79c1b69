// The page of logs: lines that open in place, values of fields that come when
// they are asked for, completion, and lines that are pushed as they come.
// Whatever a line holds is put in as text, never as HTML.

const el = (name, cls, text) => {
  const e = document.createElement(name);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};

async function fragment(href, id) {
  const answer = await fetch(href, { headers: { "X-Fragment": id }, credentials: "same-origin" });
  if (answer.redirected || !answer.ok) throw new Error("refused");
  return document.adoptNode(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id));
}

// A line opens below itself; with a modifier key its page opens as a link does.
document.addEventListener("click", async (e) => {
  const link = e.target.closest("[data-logs-open]");
  if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
  if (getSelection() && !getSelection().isCollapsed) { e.preventDefault(); return; } // text is being marked
  e.preventDefault();
  const row = link.closest("li");
  const open = row.querySelector(".log-details");
  if (open) { open.remove(); row.classList.remove("open"); return; }
  row.classList.add("open");
  try {
    const details = await fragment(link.href, "log-details");
    details.removeAttribute("id");
    if (row.classList.contains("open") && !row.querySelector(".log-details")) row.append(details);
  } catch {
    location.href = link.href;
  }
});

// Values of fields are asked for when their field is opened.
async function values(d) {
  if (d.dataset.asked) return;
  d.dataset.asked = "1";
  const place = d.querySelector(".logs-values");
  try {
    const fresh = await fragment(d.dataset.logsValues, "log-values");
    fresh.removeAttribute("id");
    place.replaceChildren(fresh);
  } catch { /* the link to the page stays */ }
}
for (const d of document.querySelectorAll("[data-logs-values]")) {
  if (d.open) values(d);
  d.addEventListener("toggle", () => { if (d.open) values(d); });
}

// Completion: what may stand at the cursor.
const box = document.querySelector("[data-logs-complete]");
if (box) {
  const input = box.querySelector("input");
  const list = box.querySelector("ul");
  let asked = 0, timer = 0, chosen = -1, items = [];
  const bytes = (s) => new TextEncoder().encode(s).length;
  const chars = (s, n) => new TextDecoder().decode(new TextEncoder().encode(s).slice(0, n)).length;
  const hide = () => { list.hidden = true; chosen = -1; input.removeAttribute("aria-activedescendant"); };
  const take = (i) => {
    input.value = items[i].query;
    const at = chars(items[i].query, items[i].cursor);
    input.setSelectionRange(at, at);
    hide();
    input.focus();
    later();
  };
  const mark = (i) => {
    chosen = i;
    [...list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    if (i >= 0) { list.children[i].scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", list.children[i].id); }
  };
  const ask = async () => {
    const turn = ++asked;
    const url = new URL(box.dataset.logsComplete, location.href);
    url.searchParams.set("q", input.value);
    url.searchParams.set("at", bytes(input.value.slice(0, input.selectionStart)));
    try {
      const answer = await fetch(url, { credentials: "same-origin" });
      if (!answer.ok || turn !== asked || document.activeElement !== input) return;
      items = (await answer.json()).items;
    } catch { return; }
    list.replaceChildren(...items.map((c, i) => {
      const li = el("li");
      li.id = "logs-candidate-" + i;
      li.setAttribute("role", "option");
      li.append(el("span", "mono", c.text), el("small", "", c.note));
      li.addEventListener("mousedown", (e) => { e.preventDefault(); take(i); });
      return li;
    }));
    list.hidden = items.length === 0;
    mark(-1);
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(ask, 120); };
  input.addEventListener("input", later);
  input.addEventListener("click", later);
  input.addEventListener("blur", hide);
  input.addEventListener("keydown", (e) => {
    if (list.hidden) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      const n = items.length;
      mark(e.key === "ArrowDown" ? (chosen + 1) % n : (chosen + n - 1) % n);
    } else if ((e.key === "Enter" || e.key === "Tab") && chosen >= 0) {
      e.preventDefault();
      take(chosen);
    } else if (e.key === "Escape") {
      e.stopPropagation();
      hide();
    }
  });
}

// Live tail. A burst is drawn once a frame; the oldest rows go.
const tail = document.querySelector("[data-logs-tail]");
if (tail) {
  const most = 1000;
  const list = tail.parentElement.querySelector("ol.logs");
  const state = tail.querySelector(".state"), note = tail.querySelector("[data-logs-dropped]"), button = tail.querySelector("[data-logs-pause]");
  let waiting = [], dropped = 0, came = 0, paused = false, drawing = false;
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
  const row = (l) => {
    const li = el("li", "log fresh " + l.kind);
    li.id = "l" + l.seq;
    const a = el("a", "log-line");
    a.href = l.href;
    a.dataset.logsOpen = "";
    const t = el("time", "", time.format(new Date(l["@timestamp"])));
    t.dateTime = l["@timestamp"];
    const from = el("span", "log-from");
    if (l.service) from.append(el("b", "", l.service));
    if (l.host) from.append(el("span", "", l.host));
    a.append(t, el("span", "log-level", l.level || ""), from, el("span", "log-text", l.message.slice(0, 1500)));
    li.append(a);
    return li;
  };
  const words = () => {
    state.textContent = paused ? "paused" : "live";
    state.className = "state " + (paused ? "quiet" : "ok");
    const parts = [];
    if (came) parts.push(came.toLocaleString("en") + " new");
    if (dropped) parts.push(dropped.toLocaleString("en") + " came too fast to be shown");
    if (paused && waiting.length) parts.push(waiting.length.toLocaleString("en") + " wait");
    note.textContent = parts.join(", ");
  };
  const draw = () => {
    drawing = false;
    if (paused) return words();
    const some = waiting.slice(-most);
    dropped += waiting.length - some.length;
    waiting = [];
    tail.parentElement.querySelector("[data-logs-none]")?.remove();
    tail.parentElement.querySelector(".nothing")?.remove();
    const fresh = document.createDocumentFragment();
    for (const l of some) fresh.prepend(row(l));
    list.prepend(fresh);
    while (list.children.length > most) list.lastElementChild.remove();
    words();
  };
  const open = () => {
    const stream = new EventSource(new URL(tail.dataset.logsTail, location.href));
    stream.onopen = words;
    stream.onmessage = (e) => {
      const push = JSON.parse(e.data);
      came += push.lines.length;
      dropped += push.dropped || 0;
      waiting.push(...push.lines);
      if (waiting.length > 5 * most) { dropped += waiting.length - most; waiting = waiting.slice(-most); }
      if (!drawing) { drawing = true; requestAnimationFrame(draw); }
    };
    stream.onerror = () => {
      state.textContent = "reconnecting";
      state.className = "state warn";
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, 5000);
    };
    addEventListener("pagehide", () => stream.close());
  };
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    draw();
  });
  open();
}
