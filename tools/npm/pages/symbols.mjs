// A symbol of the notation says what it means to a pointer that rests on it, or a finger.
const tip = Object.assign(document.createElement("div"), { className: "tip d-print-none", hidden: true });
tip.setAttribute("role", "tooltip");
document.addEventListener("pointerover", ({ target }) => {
  const symbol = target.closest(".symbol, .tip");
  if (symbol === tip) return;
  tip.hidden = !symbol;
  if (!symbol) return;
  const meaning = document.getElementById([...symbol.classList].find((name) => name.startsWith("symbol-")));
  tip.replaceChildren(...meaning.cloneNode(true).childNodes);
  document.body.append(tip);
  const { left, bottom } = symbol.getBoundingClientRect();
  tip.style.left = `${scrollX + Math.max(8, Math.min(left, innerWidth - tip.offsetWidth - 24))}px`;
  tip.style.top = `${scrollY + bottom}px`;
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") tip.hidden = true;
});
