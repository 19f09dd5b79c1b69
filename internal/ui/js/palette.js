// The palette jumps to a place by its name; keys go to pages and through lists.
// Nothing here does what a link or a button of the page does not do as well.

const dialog = document.getElementById("palette");
const keys = document.getElementById("keys");

const goes = {
  n: "/", i: "/issues", a: "/alerts", e: "/instances", s: "/servers", c: "/clients",
  m: "/metrics", l: "/logs", p: "/probes", r: "/runs", h: "/schedules", d: "/drift",
};

if (dialog) {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const none = dialog.querySelector(".palette-none");
  let asking = null; // the question that is on its way
  let at = 0;        // the chosen one
  let entered = null; // Enter, pressed before the answer to what is written

  const open = () => {
    if (dialog.open) return;
    keys.close();
    list.replaceChildren();
    input.value = "";
    dialog.showModal();
    ask();
  };

  // A browser leaves the focus in a closed dialog until it paints again, and a
  // field there would take the next key.
  const shut = () => {
    dialog.close();
    if (dialog.contains(document.activeElement)) document.activeElement.blur();
  };

  const options = () => [...list.querySelectorAll("[role=option]")];

  const choose = (n) => {
    const all = options();
    if (!all.length) { input.removeAttribute("aria-activedescendant"); return; }
    at = (n + all.length) % all.length;
    all.forEach((o, i) => o.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };

  const show = (hits, words) => {
    let group = "";
    list.replaceChildren(...hits.flatMap((h, i) => {
      const rows = [];
      if (h.group !== group) {
        group = h.group;
        const head = document.createElement("li");
        head.className = "palette-group";
        head.setAttribute("role", "presentation");
        head.textContent = group;
        rows.push(head);
      }
      const row = document.createElement("li");
      row.id = `palette-${i}`;
      row.setAttribute("role", "option");
      row.dataset.href = h.href;
      const text = document.createElement("span");
      text.textContent = h.text;
      const under = document.createElement("small");
      under.textContent = h.under;
      row.append(text, under);
      rows.push(row);
      return rows;
    }));
    none.textContent = hits.length ? "" : `Nothing is called “${words}”.`;
    choose(0);
  };

  const ask = async () => {
    asking?.abort();
    const mine = asking = new AbortController();
    const words = input.value.trim();
    entered = null;
    try {
      const r = await fetch(`${dialog.dataset.find}?q=${encodeURIComponent(words)}`, { signal: mine.signal, headers: { Accept: "application/json" } });
      if (!r.ok) throw new Error(r.statusText);
      const { items } = await r.json();
      if (mine !== asking) return;
      asking = null;
      show(items, words);
      if (entered) follow(options()[0], entered.elsewhere);
    } catch (err) {
      if (err.name === "AbortError") return;
      asking = null;
      list.replaceChildren();
      none.textContent = "The hub does not answer. The pages that are open stay as they are.";
    }
  };

  const follow = (option, elsewhere) => {
    if (!option) return;
    shut();
    if (elsewhere) window.open(option.dataset.href, "_blank", "noopener");
    else location.assign(option.dataset.href);
  };

  input.addEventListener("input", ask);
  dialog.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown") choose(at + 1);
    else if (e.key === "ArrowUp") choose(at - 1);
    else if (e.key === "Escape") shut(); // a search field would keep the first one for itself
    else if (e.key === "Enter" && asking) entered = { elsewhere: e.ctrlKey || e.metaKey };
    else if (e.key === "Enter") follow(options()[at], e.ctrlKey || e.metaKey);
    else return;
    e.preventDefault();
  });
  list.addEventListener("click", (e) => follow(e.target.closest("[role=option]"), e.ctrlKey || e.metaKey));
  for (const d of [dialog, keys]) d.addEventListener("click", (e) => { if (e.target === d) d === dialog ? shut() : d.close(); });
  for (const b of document.querySelectorAll("[data-palette]")) {
    b.hidden = false;
    b.addEventListener("click", open);
  }

  // lines are the first links of the rows of lists, which j and k go through.
  const lines = () => [...document.querySelectorAll("main tbody tr, main .results > li")].map((r) => r.querySelector("a[href]")).filter((a) => a && a.offsetParent);
  const step = (by) => {
    const all = lines();
    const now = all.findIndex((a) => a.closest("tr, li").contains(document.activeElement));
    all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1)]?.focus();
  };

  let going = 0;
  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
      e.preventDefault();
      open();
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || dialog.open) return;
    if (e.target.closest?.("input, textarea, select, [contenteditable]")) return;
    if (keys.open && e.key !== "?") return;
    const gone = going && Date.now() - going < 1500;
    going = 0;
    if (gone && goes[e.key] && document.querySelector(`.rail-list a[href="${goes[e.key]}"]`)) {
      location.assign(goes[e.key]);
    } else if (e.key === "g") {
      going = Date.now();
    } else if (e.key === "j") {
      step(1);
    } else if (e.key === "k") {
      step(-1);
    } else if (e.key === "x") {
      document.activeElement?.closest("tr")?.querySelector("input[type=checkbox]")?.click();
    } else if (e.key === "?") {
      if (keys.open) keys.close(); else keys.showModal();
    } else if (e.key === "/" && ![...document.querySelectorAll("[data-slash]")].some((el) => el.offsetParent)) {
      open();
    } else {
      return;
    }
    e.preventDefault();
  });
}
