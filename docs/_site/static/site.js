// What axe-core asks for and the theme leaves out: names for its folding arrows, and the keyboard for what scrolls.
document.addEventListener("DOMContentLoaded", () => {
  for (const arrow of document.querySelectorAll("summary:has(.toctree-toggle)")) {
    const page = arrow.closest("li")?.querySelector("a")?.textContent.trim();
    arrow.setAttribute("aria-label", `Pages below ${page ?? "this one"}`);
  }
  const sliding = ".bd-article .pst-scrollable-table-container, .bd-article pre, .bd-article div.math";
  for (const each of document.querySelectorAll(sliding)) {
    each.tabIndex = 0;
    const fade = () => {  // at the side where there is more
      const left = each.scrollLeft, hidden = each.scrollWidth - each.clientWidth;
      each.classList.toggle("more-left", left > 4);
      each.classList.toggle("more-right", hidden - left > 4);
    };
    each.addEventListener("scroll", fade, { passive: true });
    new ResizeObserver(fade).observe(each);
  }
});
