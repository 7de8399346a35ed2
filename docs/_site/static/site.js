// What axe-core asks for and the theme leaves out: names for its folding arrows, and the keyboard for wide tables.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("summary:has(.toctree-toggle)")) {
    const page = arrow.closest("li")?.querySelector("a")?.textContent.trim();
    arrow.setAttribute("aria-label", `Pages below ${page ?? "this one"}`);
  }
  for (const table of document.querySelectorAll(".bd-article table, .bd-article pre, .bd-article div.math")) {
    table.tabIndex = 0;
  }
});
