// An explorer: sliders, and the one frame of many that they choose. In a notebook the frames are vector graphics
// that come with the widget; on a page they are the addresses of files, fetched when they are asked for.

const PAUSE = 800; // milliseconds that Play shows a frame

/** @param {string} name @param {Record<string, any>} properties @param {...(Node | string)} children */
function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** @param {{ model: any, el: HTMLElement }} where */
function render({ model, el }) {
  /** @type {[string, string[]][]} */
  const controls = model.get("controls");
  const [frames, descriptions] = [model.get("frames"), model.get("descriptions")];
  const source = (/** @type {string} */ frame) =>
    frame.startsWith("<") ? `data:image/svg+xml,${encodeURIComponent(frame)}` : frame;
  const place = (/** @type {number[]} */ chosen) =>
    chosen.reduce((at, index, k) => at * controls[k][1].length + index, 0);

  const picture = el.querySelector("img") ?? make("img", {});
  const said = make("p", { className: "explorer-said" });
  said.setAttribute("aria-live", "polite");
  const id = `explorer-${Math.random().toString(36).slice(2, 8)}`;
  const sliders = controls.map(([name, labels], k) => {
    const input = make("input", { type: "range", id: `${id}-${k}`, min: 0, max: labels.length - 1, step: 1 });
    const value = make("span", { className: "explorer-value" });
    value.setAttribute("aria-hidden", "true"); // the slider says it
    input.addEventListener("input", () => choose(k, Number(input.value)));
    input.addEventListener("change", () => (said.textContent = picture.alt));
    return { name, labels, input, value };
  });

  let wanted = -1;
  /** Show what the sliders say; a frame that comes after another one was asked for is not shown. */
  const show = () => {
    const chosen = model.get("chosen");
    sliders.forEach(({ labels, input, value }, k) => {
      input.value = String(chosen[k]);
      value.textContent = labels[chosen[k]];
      input.setAttribute("aria-valuetext", labels[chosen[k]]);
    });
    const now = place(chosen);
    if (now === wanted) return;
    const first = wanted < 0 && picture.hasAttribute("src");
    wanted = now;
    if (first) return;
    const next = make("img", { src: source(frames[now]) });
    const swap = () => {
      if (wanted !== now) return;
      picture.src = next.src;
      picture.alt = descriptions[now];
      bringNeighbours();
    };
    next.decode().then(swap, swap);
  };
  /** What is chosen when one slider goes elsewhere. */
  const moved = (/** @type {number} */ k, /** @type {number} */ index) =>
    model.get("chosen").map((/** @type {number} */ at, /** @type {number} */ j) => (j === k ? index : at));
  const choose = (/** @type {number} */ k, /** @type {number} */ index) => {
    model.set("chosen", moved(k, index));
    model.save_changes();
    show();
  };
  /** Fetch the frames that one step of one slider leads to. */
  const bringNeighbours = () => {
    const chosen = model.get("chosen");
    for (const [k, { labels }] of sliders.entries()) {
      for (const index of [chosen[k] - 1, chosen[k] + 1]) {
        const frame = labels[index] && frames[place(moved(k, index))];
        if (frame && !frame.startsWith("<")) new Image().src = frame;
      }
    }
  };

  const box = make("div", { className: "explorer-controls" });
  for (const { name, input, value } of sliders) {
    box.append(make("label", { htmlFor: input.id }, name), input, value);
  }
  const played = sliders.findIndex(({ name }) => name === model.get("play"));
  let timer = 0;
  if (played >= 0) {
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const button = make("button", { type: "button" });
    const last = sliders[played].labels.length - 1;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = `${still.matches ? "Step" : "Play"} ${sliders[played].name}`;
    };
    const step = () => {
      const at = model.get("chosen")[played];
      choose(played, at < last ? at + 1 : 0);
      if (at + 1 >= last) stop();
    };
    button.addEventListener("click", () => {
      if (timer) return stop();
      step();
      // Who wants no motion gets a frame a press.
      if (still.matches || model.get("chosen")[played] === last) return;
      timer = setInterval(step, PAUSE);
      button.textContent = "Pause";
    });
    still.addEventListener("change", stop);
    stop();
    box.append(button);
  }
  el.classList.add("dlnlab-explorer");
  el.prepend(box);
  el.append(picture, said);
  // Or JupyterLab would take the arrow keys of the sliders for its own.
  el.querySelectorAll("input, button").forEach((one) => one.setAttribute("data-lm-suppress-shortcuts", "true"));
  show();
  model.on("change:chosen", show);
  const near = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    bringNeighbours();
    near.disconnect();
  });
  near.observe(el);
  return () => {
    clearInterval(timer);
    near.disconnect();
    model.off("change:chosen", show);
  };
}

export default { render };
