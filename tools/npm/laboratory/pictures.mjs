// The pictures: curves over the steps by uPlot, the plane of two scalar layers, a matrix, the map of collected runs.
import uPlot from "uplot";
import { short } from "./settings.mjs";

/** @typedef {import("./run.mjs").Run} Run */

/** Colours of layers, from the first, dark, to the last; and of lines, on light and on dark ground. */
const shade = (/** @type {number} */ k, /** @type {number} */ n, /** @type {boolean} */ dark) =>
  `hsl(${265 - (200 * k) / Math.max(n - 1, 1)} 65% ${dark ? 68 : 36}%)`;
const COLOURS = {
  light: { text: "#333", quiet: "#999", grid: "#e4e4e4", main: "#1b6ca8", rate: "#c25100", least: "#1d7a3c", balanced: "#7a3fa0" },
  dark: { text: "#ddd", quiet: "#888", grid: "#3a3a3a", main: "#6cb6f2", rate: "#ff9a4d", least: "#6fdc95", balanced: "#c79bea" },
};
export const VERDICTS = { learned: "#1b6ca8", oscillates: "#c25100", diverged: "#b01030" };
const axis = { font: "13px system-ui, sans-serif", labelFont: "13px system-ui, sans-serif", labelSize: 20 };
// On a logarithmic axis whole decades, and not more than eight of them.
const decades = (/** @type {any} */ _, /** @type {number[]} */ ticks) => {
  const whole = ticks.map((x) => Math.log10(x)).filter((e) => Math.abs(e - Math.round(e)) < 1e-6);
  const every = Math.ceil(whole.length / 8);
  return ticks.map((x) => (whole.length < 2 || (Math.abs(Math.log10(x) - Math.round(Math.log10(x))) < 1e-6 && Math.round(Math.log10(x)) % every === 0) ? x : null));
};
const plain = (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((x) => (x === null ? "" : short(x)));

/** A curve or several over the steps. */
class Curves {
  /**
   * @param {HTMLElement} place
   * @param {{ name: string, log?: boolean, curves: (run: Run) => (number | null)[][], lines?: (run: Run) => [number, string, string][] }} what
   */
  constructor(place, what) {
    this.place = place;
    this.what = what;
    this.box = Object.assign(document.createElement("div"), { className: "lab-picture" });
    this.box.setAttribute("role", "img");
    place.append(this.box);
  }

  /** @param {Run} run @param {Run | null} ghost @param {boolean} dark */
  start(run, ghost, dark) {
    this.plot?.destroy();
    this.ghost = ghost;
    this.run = run;
    const { name, log } = this.what;
    const colours = COLOURS[dark ? "dark" : "light"];
    const curves = this.what.curves(run);
    this.box.hidden = !curves.length;
    if (!curves.length) {
      this.plot = undefined;
      return;
    }
    const lines = this.what.lines?.(run) ?? [];
    const filter = log ? { filter: decades } : {};
    const before = /** @type {number[]} */ (ghost ? this.what.curves(ghost).flat().filter(Number.isFinite) : []);
    /** @type {uPlot.Options} */
    const options = {
      width: this.box.clientWidth || 320,
      height: 200,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => [low ?? 0, Math.max(high ?? 1, ghost?.history.steps.at(-1) ?? 1)] },
        y: log
          ? { distr: 3, range: (_, low, high) => uPlot.rangeLog(Math.min(low ?? 1, ...before), Math.max(high ?? 1, ...before), 10, true) }
          : { range: (_, low, high) => [Math.min(0, low ?? 0, ...before), Math.max(high ?? 0, ...before, ...lines.map(([at]) => at)) * 1.08 || 1] },
      },
      axes: [
        { ...axis, label: "step", stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, ticks: { stroke: colours.grid }, values: plain, size: 34 },
        { ...axis, label: name, stroke: colours.text, grid: { stroke: colours.grid, width: 1, ...filter }, ticks: { stroke: colours.grid, ...filter }, values: plain, size: 58, ...filter },
      ],
      series: [{}, ...curves.map((_, k) => ({ stroke: curves.length > 1 ? shade(k, curves.length, dark) : colours.main, width: 1.6, points: { show: false }, spanGaps: true }))],
      hooks: { drawAxes: [(u) => this.underlay(u, colours, lines)] },
    };
    this.plot = new uPlot(options, [run.history.steps, ...curves], this.box);
  }

  /** The run before, and lines to compare with. */
  underlay(/** @type {uPlot} */ u, /** @type {typeof COLOURS.light} */ colours, /** @type {[number, string, string][]} */ lines) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = devicePixelRatio;
    ctx.strokeStyle = colours.quiet;
    if (this.ghost) {
      const { steps } = this.ghost.history;
      for (const curve of this.what.curves(this.ghost)) {
        ctx.beginPath();
        curve.forEach((y, i) => y === null || ctx.lineTo(u.valToPos(steps[i], "x", true), u.valToPos(y, "y", true)));
        ctx.stroke();
      }
    }
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    for (const [at, label, colour] of lines) {
      const y = u.valToPos(at, "y", true);
      ctx.strokeStyle = ctx.fillStyle = colours[/** @type {"rate"} */ (colour)];
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      const above = y - bbox.top > 18 * devicePixelRatio;
      ctx.fillText(label, bbox.left + 6, y + (above ? -4 : 14) * devicePixelRatio);
    }
    ctx.restore();
  }

  draw() {
    const { run, plot } = this;
    if (!run || !plot) return;
    plot.setData([run.history.steps, ...this.what.curves(run)]);
  }

  resize() {
    if (this.plot && this.box.clientWidth) this.plot.setSize({ width: this.box.clientWidth, height: 200 });
  }

  describe() {
    if (!this.run || !this.plot) return;
    const last = this.what.curves(this.run).map((curve) => short(Number(curve.filter((x) => x !== null).at(-1))));
    const lines = (this.what.lines?.(this.run) ?? []).map(([at, label]) => `${label} at ${short(at)}`);
    const text = `${this.what.name} over ${this.run.steps} steps, now ${last.join(", ") || "none"}`;
    this.box.setAttribute("aria-label", [text, ...lines].join("; "));
  }
}

/** The pictures of a run. @param {HTMLElement} place */
export function pictures(place) {
  return [
    // Below this it is rounding, and a logarithmic axis would have no end.
    new Curves(place, { name: "excess risk", log: true, curves: ({ history }) => [history.risk.map((x) => Math.max(x, 1e-16))] }),
    new Curves(place, {
      name: "sharpness",
      curves: ({ history }) => [history.sharpness],
      lines: ({ minima, setting, history }) => {
        const tallest = 3 * Math.max(minima?.balanced ?? 0, .../** @type {number[]} */ (history.sharpness.filter(Number.isFinite)));
        /** @type {[number, string, string][]} */
        const all = [[2 / setting.rate, "2 / rate", "rate"]];
        if (minima) all.unshift([minima.minimal, "least", "least"], [minima.balanced, "balanced", "balanced"]);
        return all.filter(([at, name]) => at <= tallest && (name !== "balanced" || at > 1.03 * (minima?.minimal ?? 0)));
      },
    }),
    new Curves(place, { name: "norms of the layers", curves: ({ history }) => history.norms }),
    new Curves(place, { name: "norms of the imbalances", curves: ({ history }) => history.imbalances }),
    new Curves(place, { name: "singular values", curves: ({ history }) => history.values }),
    new Curves(place, { name: "error at hidden entries", curves: ({ history }) => history.errors }),
    new Curves(place, { name: "size of hidden entries", curves: ({ history }) => history.sizes }),
  ];
}

const SVG = "http://www.w3.org/2000/svg";
/** @param {string} name @param {Record<string, string | number>} attributes @param {string} [text] */
function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
const path = (/** @type {number[][]} */ points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/**
 * The plane of two scalar layers with the valley of minimisers w_1 w_2 = target and what the flow conserves.
 * @param {Element} place an SVG of 300 by 300 @param {Run} run @param {number} target
 */
export function plane(place, run, target) {
  const to = ([x, y] = [0, 0]) => [150 + 60 * x, 150 - 60 * y];
  const range = Array.from({ length: 101 }, (_, i) => -2.5 + i / 20);
  const parts = [svg("title", {}, "The plane of the two layers")];
  for (const c of [0.5, 1, 2, 4]) {
    for (const sign of [-1, 1]) {
      parts.push(svg("path", { class: "lab-law", d: path(range.map((x) => to([x, sign * Math.sqrt(x * x + c)]))) }));
      parts.push(svg("path", { class: "lab-law", d: path(range.map((y) => to([sign * Math.sqrt(y * y + c), y]))) }));
    }
  }
  for (const sign of [-1, 1]) {
    const branch = range.filter((x) => sign * x > Math.abs(target) / 2.5).map((x) => to([x, target / x]));
    parts.push(svg("path", { class: "lab-valley", d: path(branch) }));
  }
  const trace = run.trace.filter(([x, y]) => Math.abs(x) < 10 && Math.abs(y) < 10).map(to);
  parts.push(svg("path", { class: "lab-trace", d: path(trace) }));
  if (trace.length) parts.push(svg("circle", { class: "lab-here", cx: trace.at(-1)?.[0] ?? 0, cy: trace.at(-1)?.[1] ?? 0, r: 5 }));
  parts.push(svg("text", { x: 292, y: 144, "text-anchor": "end" }, "w₁"), svg("text", { x: 156, y: 16 }, "w₂"));
  for (const value of [-2, -1, 1, 2]) {
    const [x, y] = to([value, value]);
    parts.push(svg("text", { x, y: 164, "text-anchor": "middle" }, String(value)), svg("text", { x: 140, y: y + 4, "text-anchor": "end" }, String(value)));
  }
  place.replaceChildren(...parts);
}

/** Where a tap in the plane is. @param {Element} place @param {MouseEvent} event */
export function tapped(place, event) {
  const { left, top, width } = place.getBoundingClientRect();
  const unit = (300 / width) / 60;
  return [(event.clientX - left) * unit - 2.5, 2.5 - (event.clientY - top) * unit].map((x) => Number(x.toFixed(2)));
}

/**
 * The end-to-end matrix of a completion, its hidden entries framed, with the truth as a dot in each of them.
 * @param {Element} place an SVG of 300 by 300 @param {Run} run
 */
export function table(place, run) {
  const { mask = [], truth } = run.network.task;
  const matrix = run.network.matrix();
  const n = mask.length;
  const side = 300 / n;
  const largest = Math.max(...matrix.flatMap((row) => [...row].map(Math.abs)), ...(truth ?? []).flat().map(Math.abs));
  const fill = (/** @type {number} */ x) => ({ fill: x < 0 ? "#1b6ca8" : "#d55e00", "fill-opacity": (0.6 * Math.abs(x) / largest || 0).toFixed(3) });
  const parts = [svg("title", {}, `The matrix of ${n} by ${n} after ${run.steps} steps`)];
  mask.forEach((row, i) => row.forEach((seen, j) => {
    const [x, y, x0] = [j * side, i * side, matrix[i][j]];
    parts.push(svg("rect", { x: x + 1, y: y + 1, width: side - 2, height: side - 2, ...fill(x0) }));
    if (n <= 4) parts.push(svg("text", { x: x + side / 2, y: y + side / 2 + 5, "text-anchor": "middle" }, short(x0)));
    if (seen) return;
    parts.push(svg("rect", { class: "lab-hidden", x: x + 2.5, y: y + 2.5, width: side - 5, height: side - 5 }));
    if (truth) parts.push(svg("circle", { cx: x + side / 2, cy: y + side / 2, r: side / 6, ...fill(truth[i][j]), class: "lab-true" }));
  }));
  place.replaceChildren(...parts);
}

/** The kinds of maps: what is drawn over what. */
export const MAPS = {
  "learning rate by depth": { x: "depth", y: "rate" },
  "sharpness by scale": { x: "scale", y: "sharpness" },
};

/**
 * The map of collected runs: a circle for what has learned, a square for what oscillates, a cross for the diverged.
 * @param {Element} place an SVG of 420 by 300
 * @param {Record<string, any>[]} runs
 * @param {{ x: string, y: string }} kind
 * @param {[number, number][]} curve one to compare with, or none
 */
export function map(place, runs, { x, y }, curve) {
  const all = [...runs.map((run) => [run[x], run[y]]), ...curve].filter(([a, b]) => a > 0 && b > 0);
  const bounds = [0, 1].map((i) => {
    const logs = all.map((point) => Math.log10(point[i]));
    return logs.length ? [Math.min(...logs) - 0.15, Math.max(...logs) + 0.15] : [-2, 0];
  });
  if (x === "depth") bounds[0] = [0, 13];
  const at = (/** @type {number} */ a, /** @type {number} */ b) => [
    60 + (345 * ((x === "depth" ? a : Math.log10(a)) - bounds[0][0])) / (bounds[0][1] - bounds[0][0]),
    255 - (240 * (Math.log10(b) - bounds[1][0])) / (bounds[1][1] - bounds[1][0]),
  ];
  const ticks = (/** @type {number[]} */ [low, high]) =>
    [-4, -3, -2, -1, 0, 1, 2, 3].flatMap((e) => [1, 2, 5].map((m) => m * 10 ** e)).filter((v) => Math.log10(v) >= low && Math.log10(v) <= high);
  const parts = [svg("title", {}, `${runs.length} runs: ${y} by ${x}`), svg("path", { class: "lab-axis", d: "M60 15V255H405" })];
  for (const value of x === "depth" ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] : ticks(bounds[0])) {
    parts.push(svg("text", { x: at(value, 1)[0], y: 272, "text-anchor": "middle" }, short(value)));
  }
  for (const value of ticks(bounds[1])) parts.push(svg("text", { x: 54, y: at(1, value)[1] + 4, "text-anchor": "end" }, short(value)));
  parts.push(svg("text", { x: 232, y: 293, "text-anchor": "middle" }, x === "scale" ? "scale of the start" : x));
  parts.push(svg("text", { x: 62, y: 12 }, y === "rate" ? "learning rate" : y));
  if (curve.length) parts.push(svg("path", { class: "lab-critical", d: path(curve.map(([a, b]) => at(a, b))) }));
  for (const run of runs) {
    if (!(run[x] > 0 && run[y] > 0)) continue;
    const [a, b] = at(run[x], run[y]);
    const title = svg("title", {}, `depth ${run.depth}, learning rate ${short(run.rate)}: ${run.verdict}`);
    const colour = VERDICTS[/** @type {keyof typeof VERDICTS} */ (run.verdict)] ?? "#777";
    const mark =
      run.verdict === "learned" ? svg("circle", { cx: a, cy: b, r: 5, fill: colour })
      : run.verdict === "diverged" ? svg("path", { d: `M${a - 5} ${b - 5}l10 10m0 -10l-10 10`, stroke: colour, "stroke-width": 2.5 })
      : svg("rect", { x: a - 4.5, y: b - 4.5, width: 9, height: 9, fill: colour });
    mark.append(title);
    parts.push(mark);
  }
  place.replaceChildren(...parts);
}
