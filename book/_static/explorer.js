// What the explorers need on a static page beside the widget manager.
(() => {
  // The widget manager typesets through the interface of MathJax 2; the page has MathJax 3.
  const hub = {
    Queue: ([, , element]) => MathJax.startup?.promise.then(() => MathJax.typesetPromise([element])),
  };
  let mathjax;
  const adopt = (value) => {
    mathjax = value;
    if (value) value.Hub = hub;
  };
  adopt(window.MathJax);
  Object.defineProperty(window, "MathJax", { configurable: true, get: () => mathjax, set: adopt });

  // The theme's icons would take the place of those that the Play button still has to change: nest them instead.
  if (window.FontAwesome) window.FontAwesome.config.autoReplaceSvg = "nest";

  // Slider handles come without a name and announce their index: give them the label and the value shown.
  const describe = (slider) => {
    const handle = slider.querySelector(".noUi-handle");
    if (!handle) return;
    const text = (part) => slider.querySelector(part)?.textContent ?? "";
    for (const [name, value] of [
      ["aria-label", text(".widget-label")],
      ["aria-valuetext", text(".widget-readout")],
    ]) {
      if (handle.getAttribute(name) !== value) handle.setAttribute(name, value);
    }
  };
  const name = (play) => {
    const buttons = play.querySelectorAll("button");
    ["play or pause", "stop", "repeat"].forEach((label, i) => buttons[i]?.setAttribute("aria-label", label));
  };
  new MutationObserver(() => {
    document.querySelectorAll(".widget-hslider").forEach(describe);
    document.querySelectorAll(".widget-play").forEach(name);
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
})();
