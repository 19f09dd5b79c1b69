// A button with data-copy copies its text, one with data-copy-link the whole
// address of its path. What became of it stands on the button for a moment.
document.addEventListener("click", async (e) => {
  const b = e.target.closest("[data-copy], [data-copy-link]");
  if (!b || b.dataset.was) return;
  b.dataset.was = b.textContent;
  try {
    await navigator.clipboard.writeText(b.dataset.copy ?? new URL(b.dataset.copyLink, location.href).href);
    b.textContent = "Copied";
  } catch {
    b.textContent = "Could not be copied";
  }
  setTimeout(() => { b.textContent = b.dataset.was; delete b.dataset.was; }, 1500);
});
