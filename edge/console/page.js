/* Old data must never look live: when the page's beat stands still, the page says so itself. */
(() => {
  const SILENT_MS = 4000;
  let beat = null, since = Date.now();
  const banner = document.createElement("div");
  banner.id = "lost";
  banner.setAttribute("role", "alert");
  document.addEventListener("DOMContentLoaded", () => document.body.append(banner));
  setInterval(() => {
    const now = document.getElementById("beat")?.textContent ?? null;
    if (now !== beat) { beat = now; since = Date.now(); }
    const silent = Date.now() - since;
    const lost = silent > SILENT_MS;
    document.body.classList.toggle("lost", lost);
    banner.textContent = lost
      ? `? This page has had no news for ${Math.floor(silent / 1000)} s. What it shows is old.`
      : "";
  }, 500);
})();
