// The theme: auto, light or dark. This file is no module and is not deferred,
// because the choice must stand before the first paint.
(function () {
  "use strict";
  const root = document.documentElement;

  function chosen() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage may be forbidden; the system's theme is fine
    }
  }

  function apply(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  apply(chosen());

  document.addEventListener("DOMContentLoaded", function () {
    for (const box of document.querySelectorAll("[data-theme-switch]")) {
      box.hidden = false;
      const now = box.querySelector(`input[value="${CSS.escape(chosen())}"]`);
      if (now) now.checked = true;
      box.addEventListener("change", function (e) {
        apply(e.target.value);
        try {
          localStorage.setItem("theme", e.target.value);
        } catch {
          // it lasts for this page, then
        }
      });
    }
  });

  // Another tab changed it.
  addEventListener("storage", function (e) {
    if (e.key === "theme") apply(e.newValue);
  });
})();
