// Where the rail or a row of tabs is longer than the screen, the entry that one
// is on is scrolled into its middle. The page itself stays where it is.

for (const entry of document.querySelectorAll(".rail-list [aria-current], .tabs [aria-current]")) {
  const list = entry.closest(".rail-list, .tabs");
  const at = entry.getBoundingClientRect(), box = list.getBoundingClientRect();
  list.scrollBy({
    left: at.left + at.width / 2 - box.left - box.width / 2,
    top: at.top + at.height / 2 - box.top - box.height / 2,
    behavior: "instant",
  });
}
