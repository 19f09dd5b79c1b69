// Keeps relative times fresh, and turns the absolute ones in titles to the
// reader's zone. The words are those of ui.Ago. A cookie tells the hub the zone,
// so that the times of day on the next page are the reader's own.

function coarse(seconds) {
  const minute = 60, hour = 3600, day = 86400;
  if (seconds < minute) return Math.floor(seconds) + " s";
  if (seconds < hour) return Math.floor(seconds / minute) + " min";
  if (seconds < 2 * day) return Math.floor(seconds / hour) + " h";
  if (seconds < 730 * day) return Math.floor(seconds / day) + " days";
  return Math.floor(seconds / (365 * day)) + " years";
}

function ago(seconds) {
  if (seconds < 0) return seconds > -1 ? "now" : "in " + coarse(-seconds);
  return seconds < 5 ? "just now" : coarse(seconds) + " ago";
}

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

// clock is ui.Clock in the reader's zone. The hub knows it from the second page
// on; the first one is put right here.
function clock(at) {
  const t = new Date(at), now = new Date();
  const day = t.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  if (t.getFullYear() !== now.getFullYear()) return day + " " + t.getFullYear();
  const time = t.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return t.toDateString() === now.toDateString() ? time : day + " " + time;
}

function refresh() {
  for (const el of document.querySelectorAll("time[data-clock]:not([data-titled])")) {
    const at = Date.parse(el.dateTime);
    if (Number.isNaN(at)) continue;
    const words = clock(at);
    if (el.textContent !== words) el.textContent = words;
    el.dataset.titled = "1";
    el.title = local.format(at) + " (" + el.title + ")";
  }
  for (const el of document.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(el.dateTime);
    if (Number.isNaN(at)) continue;
    const age = (Date.now() - at) / 1000;
    const words = el.dataset.relative === "for" ? coarse(Math.max(0, age)) : ago(age);
    if (el.textContent !== words) el.textContent = words;
    if (!el.dataset.titled) {
      el.dataset.titled = "1";
      el.title = local.format(at) + " (" + el.title + ")";
    }
  }
}

document.cookie = `zone=${new Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;

refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 1000);
document.addEventListener("visibilitychange", refresh);
document.addEventListener("ui:swap", refresh);
