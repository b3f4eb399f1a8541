// Checks are folded to one line each. A reader can unfold all at once, and finds them so on the next page.
const KEPT = "checks";
const checks = [...document.querySelectorAll("details.check")];
const before = document.querySelector(".reading-time");
if (checks.length && before) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "all-checks d-print-none" });
  const set = (/** @type {boolean} */ open) => {
    for (const check of checks) check.open = open;
    button.textContent = `${open ? "Fold" : "Unfold"} all ${checks.length} checks`;
    button.setAttribute("aria-pressed", String(open));
  };
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") === "false";
    set(open);
    localStorage.setItem(KEPT, open ? "open" : "folded");
  });
  set(localStorage.getItem(KEPT) === "open");
  before.append(" ", button);
}
