// What the pages need beside the theme, MathJax and the widget manager.
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
  window.FontAwesomeConfig = { autoReplaceSvg: "nest" };

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
  // Text and formulas first: the widget manager weighs more than both.
  const load = (later) =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      for (const { name, value } of later.attributes) if (name !== "type") script.setAttribute(name, value);
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      later.replaceWith(script);
    });
  window.addEventListener("load", async () => {
    const scripts = document.querySelectorAll("script[type=later]");
    // It comes while formulas are set, which keeps the processor busy and not the line.
    for (const { src: href } of scripts) {
      document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href }));
    }
    await window.MathJax?.startup?.promise;
    for (const later of scripts) await load(later);
  });

  // A formula in the text that is wider than the text, as on a phone, gets lines of its own and scrolls.
  document.addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector("article.bd-article");
    const fit = () => {
      for (const formula of article.querySelectorAll("mjx-container:not([display=true])")) {
        const room = formula.closest("p, li, dd, td, figcaption")?.clientWidth;
        const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width;
        formula.classList.toggle("wide", Boolean(room) && width > room);
      }
    };
    // Its height changes when formulas are set, when something is unfolded and when a phone is turned.
    if (article) new ResizeObserver(fit).observe(article);
  });

  // On paper: light, with proofs, without solutions (see book.css), and formulas no wider than the sheet.
  const SHEET = 620; // pixels, of A4 between its margins
  const undo = [];
  const change = (object, key, value) => {
    const before = object[key];
    undo.push(() => (object[key] = before));
    object[key] = value;
  };
  window.addEventListener("beforeprint", () => {
    change(document.documentElement.dataset, "theme", "light");
    for (const fold of document.querySelectorAll("details.sd-dropdown")) change(fold, "open", true);
    for (const formula of document.querySelectorAll("mjx-container[display=true]")) {
      const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0;
      if (width > SHEET) change(formula.style, "fontSize", `${Math.floor((100 * SHEET) / width)}%`);
    }
  });
  window.addEventListener("afterprint", () => {
    while (undo.length) undo.pop()();
  });

  new MutationObserver(() => {
    document.querySelectorAll(".widget-hslider").forEach(describe);
    document.querySelectorAll(".widget-play").forEach(name);
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
})();
