// Checks are folded to one line each. A reader can unfold all at once, and finds them so on the next page.
const KEPT = "checks";
const checks = [...document.querySelectorAll("details.check")];
const before = document.querySelector(".reading-time");
if (checks.length && before) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "all-checks d-print-none" });
  const say = (/** @type {boolean} */ open) => {
    button.textContent = `${open ? "Fold" : "Unfold"} all ${checks.length} checks`;
    button.setAttribute("aria-pressed", String(open));
  };
  const unfold = (/** @type {boolean} */ open) => {
    for (const check of checks) check.open = open;
    say(open);
  };
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") === "false";
    unfold(open);
    localStorage.setItem(KEPT, open ? "open" : "folded");
  });
  // What an address or the way back has unfolded stays so.
  if (localStorage.getItem(KEPT) === "open") unfold(true);
  else say(false);
  before.append(" ", button);
}
