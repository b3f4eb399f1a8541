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
  document.addEventListener("DOMContentLoaded", async () => {
    const scripts = document.querySelectorAll("script[type=later]");
    // They come while MathJax, where it runs in the page, keeps the processor busy and not the line.
    for (const { src: href } of scripts) {
      document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href }));
    }
    await window.MathJax?.startup?.promise;
    for (const later of scripts) await load(later);
  });

  // A formula in the text that is wider than the text, as on a phone, gets lines of its own and scrolls; what
  // scrolls can be reached by the Tab key. Sections are looked at when they come near the screen: before, they have
  // no layout (see book.css), and to ask for one would cost what this saves.
  document.addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector("article.bd-article");
    if (!article) return;
    const SECTION = ".bd-article > section > section";
    const fit = (block) => {
      const all = [...block.querySelectorAll("mjx-container")];
      const own = block === article ? all.filter((formula) => !formula.closest(SECTION)) : all;
      const formulas = own.map((formula) => {
        const display = formula.hasAttribute("display");
        const room = display ? formula.clientWidth : formula.closest("p, li, dd, td, figcaption")?.clientWidth;
        const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width;
        return { formula, display, wide: Boolean(room) && width > room };
      });
      for (const { formula, display, wide } of formulas) {
        if (!display) formula.classList.toggle("wide", wide);
        if (wide) formula.setAttribute("tabindex", "0");
        else formula.removeAttribute("tabindex");
      }
    };
    // Heights change when formulas are set, when something is unfolded and when a phone is turned.
    const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => fit(target)));
    const near = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) sized.observe(target);
          else sized.unobserve(target);
        }
      },
      { rootMargin: "50%" },
    );
    for (const section of document.querySelectorAll(SECTION)) near.observe(section);
    sized.observe(article);
  });

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

  // What is copied has its formulas as TeX.
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection.rangeCount) return;
    const copy = document.createElement("div");
    copy.append(selection.getRangeAt(0).cloneContents());
    const formulas = copy.querySelectorAll("[data-tex]");
    if (!formulas.length) return;
    for (const formula of formulas) {
      const mark = formula.localName === "div" ? "$$" : "$";
      formula.replaceWith(mark + formula.dataset.tex + mark);
    }
    document.body.append(copy); // lines are those of a layout
    event.clipboardData.setData("text/plain", copy.innerText);
    copy.remove();
    event.preventDefault();
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

  new MutationObserver(() => {
    document.querySelectorAll(".widget-hslider").forEach(describe);
    document.querySelectorAll(".widget-play").forEach(name);
  }).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
})();
