// On paper: light, with proofs, without solutions (see book.css), and formulas no wider than the sheet.
const SHEET = 620; // pixels, of A4 between its margins
/** @type {(() => void)[]} */
const undo = [];
const change = (/** @type {any} */ object, /** @type {string} */ key, /** @type {any} */ value) => {
  const before = object[key];
  undo.push(() => (object[key] = before));
  object[key] = value;
};
window.addEventListener("beforeprint", () => {
  change(document.documentElement.dataset, "theme", "light");
  const folds = document.querySelectorAll("details.sd-dropdown:not(.check, .solution)");
  for (const fold of folds) change(fold, "open", true);
  const sizes = [...document.querySelectorAll("mjx-container[display=true]")].map((formula) => ({
    formula,
    width: formula.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0,
    size: parseFloat(getComputedStyle(formula).fontSize),
  }));
  for (const { formula, width, size } of sizes) {
    if (width > SHEET) change(formula.style, "fontSize", `${(size * SHEET) / width}px`);
  }
});
window.addEventListener("afterprint", () => {
  while (undo.length) undo.pop()();
});
