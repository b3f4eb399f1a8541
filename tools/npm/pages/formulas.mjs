// A formula in the text that is wider than the text, as on a phone, gets lines of its own and scrolls; what scrolls
// can be reached by the Tab key.

// Sizes change when a part of a page is laid out, when fonts come, when something is unfolded and when a phone is turned.
const sized = new ResizeObserver((changes) => {
  const all = changes.flatMap(({ target }) => [...target.querySelectorAll("mjx-container")]);
  const formulas = all.filter((formula) => !formula.closest("details:not([open])")); // those have no size yet
  const sizes = formulas.map((formula) => {
    const display = formula.hasAttribute("display");
    const room = display ? formula.clientWidth : formula.closest("p, li, dd, td, figcaption")?.clientWidth;
    const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width;
    return { formula, display, wide: Boolean(room) && width > room };
  });
  for (const { formula, display, wide } of sizes) {
    if (!display) formula.classList.toggle("wide", wide);
    if (wide) formula.setAttribute("tabindex", "0");
    else formula.removeAttribute("tabindex");
  }
});

/** Fit the formulas of a part of a page, whenever its size changes. @param {Element} part */
export const keepFitting = (part) => sized.observe(part);
