// The laboratory: controls, a run that goes on in the page, its pictures, and the map of what was collected. It is
// an anywidget, so that it is the same on a static page, where nothing else is needed, and in a notebook.
import "uplot/dist/uPlot.min.css";
import "./laboratory.css";
import { pictures, plane, tapped, table as grid, map, MAPS } from "./pictures.mjs";
import { Run } from "./run.mjs";
import { unitVectors } from "./engine.mjs";
import { sharpnessOfMinima } from "./spectra.mjs";
import { address, admissible, DEFAULT, read, short, SLIDERS, STARTS, TASKS } from "./settings.mjs";

export { draw, Network } from "./engine.mjs";
export { sharpnessOfMinima, singularValues } from "./spectra.mjs";

const SPEEDS = [1, 10, 100, 1000];
const BUDGET = 10; // milliseconds of a frame
const KEPT = "laboratory-runs";
/** What Python calls a setting. @param {string} name */
const trait = (name) => (name === "rate" ? "learning_rate" : name);
const MARKS = { scale: [[0.1, "0.1"], [0.3, "0.3"], [1, "1"]] };

/** @param {string} name @param {Record<string, any>} [properties] @param {...(Node | string)} children */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/** @param {string} name @param {string} type @param {string} text */
function save(name, type, text) {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** @param {{ model: any, el: HTMLElement }} where */
function render({ model, el }) {
  const tasks = model.get("tasks");
  const names = Object.keys(tasks);
  const onPage = Boolean(model.get("page"));
  const fromModel = () => ({
    ...DEFAULT,
    ...Object.fromEntries(Object.keys(DEFAULT).map((name) => [name, model.get(trait(name))])),
  });
  let setting = onPage ? read(location.search, names) : fromModel();
  /** @type {Run} */
  let run;
  /** @type {Run | null} */
  let ghost = null;
  let running = false;
  let speed = 10;
  // On a page they are there again for who leaves it and comes back; no number is null in JSON.
  /** @type {Record<string, any>[]} */
  const collected = onPage ? JSON.parse(sessionStorage.getItem(KEPT) ?? "[]", (_, value) => value ?? NaN) : [];
  const keep = () => {
    if (onPage) sessionStorage.setItem(KEPT, JSON.stringify(collected));
  };

  const root = make("div", { className: "dlnlab-lab" });
  const id = `lab-${Math.random().toString(36).slice(2, 8)}`;

  // Controls.
  /** @type {Record<string, any>} */
  const inputs = {};
  const choose = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) => {
    const select = make("select", { id: `${id}-${name}` }, ...options.map(([value, text]) => make("option", { value }, text)));
    inputs[name] = { show: () => (select.value = /** @type {any} */ (setting)[name]) };
    select.addEventListener("change", () => change({ [name]: select.value }));
    return make("div", { className: "lab-control" }, make("label", { htmlFor: select.id }, label), select);
  };
  const slide = (/** @type {keyof typeof SLIDERS} */ name) => {
    const { label, min, max, step, log } = SLIDERS[name];
    const input = make("input", { type: "range", id: `${id}-${name}`, min, max, step });
    const output = make("output", { htmlFor: input.id });
    const marks = make("div", { className: "lab-marks" });
    marks.setAttribute("aria-hidden", "true");
    inputs[name] = {
      show: () => {
        const value = setting[name];
        input.value = String(log ? Math.log10(value) : value);
        output.textContent = short(value);
        input.setAttribute("aria-valuetext", short(value));
        const wanted = name === "rate" ? [[run.critical ?? 0, "critical"]] : /** @type {any} */ (MARKS)[name] ?? [];
        marks.replaceChildren(
          ...wanted.filter(([at]) => Math.log10(at) >= min && Math.log10(at) <= max).map(([at, text]) =>
            make("span", { style: `left: calc(10px + (100% - 20px) * ${(Math.log10(at) - min) / (max - min)})` }, text)),
        );
      },
      input,
    };
    input.addEventListener("input", () => change({ [name]: admissible(name, log ? 10 ** Number(input.value) : Number(input.value)) }));
    return make("div", { className: "lab-control" }, make("label", { htmlFor: input.id }, label), output, input, marks);
  };
  const button = (/** @type {string} */ text, /** @type {() => void} */ act) => {
    const made = make("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  };
  const go = button("Run", () => (running ? pause() : resume()));
  go.className = "lab-run";
  const speeds = make("select", { id: `${id}-speed` }, ...SPEEDS.map((s) => make("option", { value: String(s), selected: s === speed }, s === 1 ? "1 step a frame" : `${s} steps a frame`)));
  speeds.addEventListener("change", () => (speed = Number(speeds.value)));
  const said = make("p", { className: "lab-said" });
  said.setAttribute("aria-live", "polite");
  root.append(
    make("div", { className: "lab-controls" },
      choose("task", "task", names.map((name) => [name, /** @type {any} */ (TASKS)[name] ?? name])),
      choose("start", "start", STARTS.map((name) => [name, name])),
      .../** @type {(keyof typeof SLIDERS)[]} */ (Object.keys(SLIDERS)).map(slide)),
    make("div", { className: "lab-buttons" }, go, button("Step", () => { pause(); take(1); }), button("Reset", () => restart()),
      make("label", { htmlFor: speeds.id }, "speed:"), speeds),
    said,
  );
  const curves = pictures(root.appendChild(make("div", { className: "lab-pictures" })));
  root.append(make("p", { className: "lab-note" }, "Layers and imbalances from the first (violet) to the last (green), singular values from the largest. Grey: the run before."));

  // The end-to-end matrix of a completion.
  const cells = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  cells.setAttribute("viewBox", "0 0 300 300");
  cells.setAttribute("role", "img");
  const matrix = make("section", { className: "lab-matrix", hidden: true }, make("h2", {}, "The matrix"),
    make("p", {}, "Orange: positive, blue: negative, the stronger the larger. Framed entries are hidden; the dot in them is the truth, where there is one."), cells);

  // The plane of two scalar layers.
  const flat = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  flat.setAttribute("viewBox", "0 0 300 300");
  flat.setAttribute("role", "img");
  const coordinates = [0, 1].map((k) => make("input", { type: "number", step: "0.05", min: -10, max: 10, id: `${id}-w${k}` }));
  const plane_ = make("section", { className: "lab-plane", hidden: true }, make("h2", {}, "The plane"),
    make("p", {}, "Two layers with one weight each: tap to choose where to start. Bold: the minimisers. Thin: what the flow conserves."),
    flat, make("div", { className: "lab-buttons" }, ...coordinates.flatMap((input, k) => [make("label", { htmlFor: input.id }, `w${"₁₂"[k]}`), input])));
  const startAt = (/** @type {number[]} */ at) => change({ at });
  flat.addEventListener("click", (event) => { startAt(tapped(flat, event)); resume(); });
  coordinates.forEach((input) => input.addEventListener("change", () => startAt(coordinates.map((c) => Math.max(-10, Math.min(10, Number(c.value) || 0))))));

  // The map of runs.
  const chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  chart.setAttribute("viewBox", "0 0 420 300");
  chart.setAttribute("role", "img");
  const kinds = make("select", { id: `${id}-kind` }, ...Object.keys(MAPS).map((name) => make("option", {}, name)));
  const compare = make("input", { type: "checkbox", id: `${id}-compare` });
  kinds.addEventListener("change", () => drawMap());
  compare.addEventListener("change", () => drawMap());
  root.append(plane_, matrix, make("section", { className: "lab-map" }, make("h2", {}, "Collected runs"),
    make("p", {}, "Every run that ends, and every run that you collect: ● has learned, ■ oscillates or goes on, × has diverged."),
    make("div", { className: "lab-buttons" }, button("Collect", () => { collect(); drawMap(); }), make("label", { htmlFor: kinds.id }, "map:"), kinds,
      make("span", {}, compare, make("label", { htmlFor: compare.id }, "show the critical learning rate"))),
    chart,
    make("div", { className: "lab-buttons" },
      button("Save as CSV", () => save("runs.csv", "text/csv", table())),
      button("Save as SVG", () => save("runs.svg", "image/svg+xml", picture())),
      button("Clear", () => { collected.length = 0; keep(); drawMap(); }))));
  // Or JupyterLab would take the arrow keys of the sliders for its own.
  root.querySelectorAll("input, select, button").forEach((one) => (one.dataset.lmSuppressShortcuts = "true"));
  el.append(root);

  const isDark = () => {
    const theme = document.documentElement.dataset.theme ?? (document.body.dataset.jpThemeLight === "false" ? "dark" : "");
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const table = () => {
    const columns = ["task", "depth", "width", "start", "scale", "rate", "noise", "seed", "steps", "risk", "sharpness", "hidden", "verdict"];
    return [columns.join(","), ...collected.map((one) => columns.map((name) => one[name]).join(","))].join("\n") + "\n";
  };
  const picture = () => {
    const copy = /** @type {SVGElement} */ (chart.cloneNode(true));
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.prepend(document.createElementNS("http://www.w3.org/2000/svg", "style"));
    /** @type {Element} */ (copy.firstChild).textContent = "text{font:13px sans-serif}.lab-axis,.lab-critical{fill:none;stroke:#555}";
    return copy.outerHTML;
  };
  const collect = () => {
    if (!run.steps) return;
    const { network, steps, sharpness, verdict } = run;
    const [width, hidden] = network.task.mask ? [network.d, run.missed] : [setting.width, ""];
    collected.push({ ...setting, width, steps, risk: network.risk(), sharpness, hidden, verdict });
    keep();
  };
  const drawMap = () => {
    const kind = MAPS[/** @type {keyof typeof MAPS} */ (kinds.value)];
    const { outputs } = tasks[setting.task];
    /** @type {[number, number][]} */
    const curve = compare.checked && kind.y === "rate" && outputs.length === 1
      ? Array.from({ length: 12 }, (_, i) => [i + 1, 2 / sharpnessOfMinima(outputs[0], i + 1).minimal]) : [];
    map(chart, collected, kind, curve);
  };

  let spoken = 0;
  let mine = false;
  const show = (/** @type {boolean} */ final) => {
    curves.forEach((curve) => curve.draw());
    matrix.hidden = !run.network.task.mask;
    if (!matrix.hidden) grid(cells, run);
    plane_.hidden = !(run.network.d === 1 && run.network.depth === 2 && setting.width === 1);
    if (!plane_.hidden) {
      plane(flat, run, tasks[setting.task].outputs[0].minimizer[0]);
      if (!coordinates.includes(/** @type {any} */ (document.activeElement))) coordinates.forEach((input, k) => (input.value = short(run.trace[0]?.[k] ?? 0)));
    }
    // Words that change at every frame cannot be read, still less listened to.
    if (final || performance.now() - spoken > 1500) {
      spoken = performance.now();
      said.textContent = run.sentence();
      curves.forEach((curve) => curve.describe());
      const { steps, risk, sharpness } = run.history;
      mine = true;
      model.set("trace", { steps: [...steps], risk: [...risk], sharpness: [...sharpness] });
      mine = false;
      model.save_changes();
    }
  };
  /** A start that Python sent, as lists of rows. */
  const given = () => {
    const weights = model.get("weights") ?? [];
    if (!weights.length) return null;
    const layers = weights.map((/** @type {number[][]} */ rows) => ({ rows: rows.length, columns: rows[0].length, data: Float64Array.from(rows.flat()) }));
    const m = tasks[setting.task].outputs.length;
    return { layers, readouts: m > 1 ? unitVectors(m) : [Float64Array.from(model.get("readout")?.length ? model.get("readout") : [1])] };
  };
  const restart = () => {
    pause();
    if (run?.steps) ghost = run;
    // A matrix is compared with itself only.
    const { mask } = tasks[setting.task];
    if (ghost && (mask || ghost.network?.task.mask) && ghost.network?.task !== tasks[setting.task]) ghost = null;
    run = new Run(tasks[setting.task], setting, given());
    curves.forEach((curve) => curve.start(run, ghost, isDark()));
    for (const { show } of Object.values(inputs)) show();
    // What does not matter for this start says so.
    drawMap();
    inputs.width.input.disabled = setting.start === "residual" || run.network.chains.length > 1;
    show(true);
  };
  /** @param {Record<string, any>} part */
  const change = (part) => {
    const onlyRate = Object.keys(part).every((name) => name === "rate" || name === "noise");
    setting = { ...setting, ...part };
    if (!("at" in part) && !onlyRate) delete setting.at;
    if (onPage) history.replaceState(null, "", `${location.pathname}${address(setting) ? `?${address(setting)}` : ""}${location.hash}`);
    for (const [name, value] of Object.entries(part)) if (name !== "at") model.set(trait(name), value);
    // A start from Python is one for the setting that came with it.
    if (!onlyRate && model.get("weights")?.length) model.set("weights", []);
    model.save_changes();
    restart();
  };
  /** Let links of the page to settings set the controls, as going back does. */
  const followLinks = () => {
    const arrive = () => {
      const wanted = read(location.search, names);
      if (address(wanted) !== address(setting)) change(wanted);
    };
    document.addEventListener("click", (event) => {
      const link = /** @type {Element} */ (event.target).closest("a");
      const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
      if (elsewhere || !link?.search || link.pathname !== location.pathname || link.host !== location.host) return;
      event.preventDefault();
      history.pushState(null, "", link.href);
      arrive();
      root.scrollIntoView();
    });
    addEventListener("popstate", arrive);
  };
  const finish = () => {
    pause();
    collect();
    drawMap();
  };
  const take = (/** @type {number} */ steps) => {
    run.advance(steps);
    run.record();
    if (run.done) finish();
    show(true);
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let drawn = 0;
  const frame = () => {
    if (!running) return;
    const began = performance.now();
    const part = run.steps < 200 ? 1 : Math.ceil(speed / 4);
    for (let left = speed; left > 0 && !run.done && performance.now() - began < BUDGET; left -= part) {
      run.advance(Math.min(part, left));
      run.record(left <= part || performance.now() - began < BUDGET / 3);
    }
    if (run.done) finish();
    if (!running || !still.matches || began - drawn > 500) {
      drawn = began;
      show(!running);
    }
    requestAnimationFrame(frame);
  };
  const resume = () => {
    if (run.done) restart();
    running = true;
    go.textContent = "Pause";
    requestAnimationFrame(frame);
  };
  const pause = () => {
    running = false;
    go.textContent = "Run";
    if (run) show(true);
  };

  restart();
  const resized = new ResizeObserver(() => curves.forEach((curve) => curve.resize()));
  resized.observe(root);
  const themed = new MutationObserver(() => curves.forEach((curve) => curve.start(run, ghost, isDark())));
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  themed.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  if (onPage) followLinks();
  // What Python changes is shown at once.
  for (const name of [...Object.keys(DEFAULT).map(trait), "weights"]) {
    model.on(`change:${name}`, () => {
      const wanted = fromModel();
      if (name !== "weights" && JSON.stringify(wanted) === JSON.stringify({ ...setting, at: undefined })) return;
      setting = wanted;
      restart();
    });
  }
  // What Python has trained is drawn as the run before.
  model.on("change:trace", () => {
    const { steps, risk, sharpness } = model.get("trace");
    if (mine || !steps.length) return;
    ghost = /** @type {any} */ ({ history: { steps, risk, sharpness, norms: [], imbalances: [], values: [], errors: [], sizes: [] } });
    curves.forEach((curve) => curve.start(run, ghost, isDark()));
  });
  return () => {
    running = false;
    resized.disconnect();
    themed.disconnect();
  };
}

/** Show laboratories on a static page, where nothing but this module is needed. */
export function onPage(/** @type {HTMLElement} */ el, /** @type {Record<string, any>} */ state) {
  /** @type {Record<string, any>} */
  const values = { ...state, page: true };
  render({ el, model: { get: (/** @type {string} */ name) => values[name], set: (/** @type {string} */ name, /** @type {any} */ value) => (values[name] = value), save_changes() {}, on() {} } });
}

export default { render };
