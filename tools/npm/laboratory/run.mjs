// One run: a network, what was recorded of it, and what is to be said about it.
import { draw, gaussian, Network } from "./engine.mjs";
import { dot, sharpnessOfMinima, singularValues } from "./spectra.mjs";
import { short } from "./settings.mjs";

const LEARNED = 1e-10; // of the risk of the zero regressor
const LONGEST = 50_000; // steps
const POINTS = 1500; // of a curve; then every second one is dropped
const WINDOW = 64; // steps by which a run is judged

/** The size of what stands at the entries that are not seen. @param {ArrayLike<number>[]} matrix @param {boolean[][]} mask */
const hidden = (matrix, mask) => Math.sqrt(mask.reduce((sum, row, i) => sum + row.reduce((s, seen, j) => s + (seen ? 0 : matrix[i][j] ** 2), 0), 0));

export class Run {
  /**
   * @param {import("./engine.mjs").Task} task
   * @param {import("./engine.mjs").Setting & { at?: number[] }} setting
   * @param {{ layers: import("./engine.mjs").Layer[], readouts: Float64Array[] } | null} [given] a start from elsewhere
   */
  constructor(task, setting, given = null) {
    const { layers, readouts } = given ?? draw(task, setting);
    if (setting.at && layers.length === 2) layers.forEach((layer, k) => layer.data.fill(setting.at?.[k] ?? 0));
    this.network = new Network(task, layers, readouts);
    this.setting = setting;
    /** What sharpness minimisers have; of several outputs it is not known. */
    this.minima = task.outputs.length === 1 ? sharpnessOfMinima(task.outputs[0], layers.length) : null;
    this.critical = this.minima && 2 / this.minima.minimal;
    this.noise = gaussian(setting.seed + 1_000_003);
    this.zero = task.outputs.reduce((sum, { covariance, minimizer }) => sum + covariance.reduce((s, row, i) => s + dot(row, minimizer) * minimizer[i], 0), 0);
    this.steps = 0;
    this.diverged = false;
    this.learned = false;
    /** Since how many steps the risk has been that small. */
    this.below = 0;
    this.kept = layers.map(({ data }) => new Float64Array(data.length));
    this.ring = new Float64Array(WINDOW);
    this.every = 1;
    this.count = 0;
    /** @type {{ steps: number[], risk: number[], sharpness: (number | null)[], norms: number[][], imbalances: number[][], values: number[][], errors: number[][], sizes: number[][] }} */
    this.history = {
      steps: [], risk: [], sharpness: [], norms: layers.map(() => []), imbalances: layers.slice(1).map(() => []),
      values: task.mask ? task.mask.map(() => []) : [], errors: task.truth ? [[]] : [], sizes: task.mask && !task.truth ? [[]] : [],
    };
    /** Two scalar layers leave a trace in the plane. @type {[number, number][]} */
    this.trace = [];
    this.sharpness = this.network.sharpness();
    this.record();
  }

  /** Take some steps, unless one leads nowhere. @param {number} count */
  advance(count) {
    const { rate, noise } = this.setting;
    const { network, kept } = this;
    for (let i = 0; i < count && !this.done; i++) {
      network.layers.forEach(({ data }, k) => kept[k].set(data));
      network.step(rate, noise, this.noise);
      const risk = network.risk();
      if (!Number.isFinite(risk)) {
        // As the library does: the last weights of finite loss stay.
        network.layers.forEach(({ data }, k) => data.set(kept[k]));
        network.look();
        this.diverged = true;
        return;
      }
      this.ring[this.steps++ % WINDOW] = risk;
      this.below = risk <= LEARNED * this.zero ? this.below + 1 : 0;
      // At a minimiser that the learning rate cannot hold the risk may be small for a while.
      if (this.below >= WINDOW && this.below % WINDOW === 0 && !noise) {
        this.sharpness = network.sharpness();
        this.learned = this.sharpness <= 2 / rate;
      }
    }
  }

  /** The risks of the last steps, in their order. */
  get window() {
    const at = this.steps % WINDOW;
    return this.steps < WINDOW ? [...this.ring.subarray(0, at)] : [...this.ring.subarray(at), ...this.ring.subarray(0, at)];
  }

  /** Note where the network is. @param {boolean} [curved] whether its sharpness is wanted, which takes time */
  record(curved = true) {
    if (this.count++ % this.every) return;
    const { history, network } = this;
    if (curved) this.sharpness = network.sharpness();
    history.steps.push(this.steps);
    history.risk.push(network.risk());
    history.sharpness.push(curved ? this.sharpness : null);
    network.norms().forEach((x, k) => history.norms[k].push(x));
    network.imbalances().forEach((x, k) => history.imbalances[k].push(x));
    if (network.task.mask) {
      singularValues(network.matrix()).forEach((x, k) => history.values[k].push(x));
      [...history.errors, ...history.sizes].forEach((curve) => curve.push(this.missed));
    }
    if (network.depth === 2 && network.layers.every(({ data }) => data.length === 1)) {
      this.trace.push([network.layers[0].data[0], network.layers[1].data[0]]);
    }
    if (history.steps.length > POINTS) {
      this.every *= 2;
      const half = (/** @type {any[]} */ all) => all.splice(0, all.length, ...all.filter((_, i) => i % 2 === 0));
      [history.steps, history.risk, history.sharpness, ...history.norms, ...history.imbalances, ...history.values, ...history.errors, ...history.sizes, this.trace].forEach(half);
    }
  }

  /** The error at entries that are not seen, relative to what stands there; their size where that is not known. */
  get missed() {
    const { mask = [], truth } = this.network.task;
    const matrix = this.network.matrix();
    if (!truth) return hidden(matrix, mask);
    return hidden(matrix.map((row, i) => row.map((x, j) => x - truth[i][j])), mask) / hidden(truth, mask);
  }

  get verdict() {
    const { window, setting } = this;
    if (this.diverged) return "diverged";
    if (this.learned) return "learned";
    if (setting.noise > 0) return "fluctuates";
    if (window.length < WINDOW) return "begins";
    const rises = window.filter((x, i) => i > 0 && x > window[i - 1] * (1 + 1e-9)).length;
    const [first, last] = [window.slice(0, WINDOW / 2), window.slice(WINDOW / 2)].map((part) => Math.max(...part));
    if (rises >= WINDOW / 16 && last > 0.98 * first) return "oscillates";
    return last > (1 - 1e-4) * first ? "waits" : "learns";
  }

  get done() {
    return this.diverged || this.learned || this.steps >= LONGEST;
  }

  /** What happens, in a sentence. */
  sentence() {
    const { setting, critical, minima, verdict, window } = this;
    const side = critical === null ? "" : `, ${setting.rate > critical ? "above" : "below"} the critical ${short(critical)}`;
    const { mask, truth } = this.network.task;
    const seen = mask ? `, ${truth ? "error at" : "size of"} hidden entries ${short(this.missed)}` : "";
    const flat = minima && `, which is ${short(this.sharpness / minima.minimal)} times the least`;
    const said = {
      diverged: "it diverges, and the last weights of finite loss are kept",
      learned: `it has learned; sharpness ${short(this.sharpness)}${flat ?? seen}`,
      fluctuates: `it fluctuates with the noise; excess risk ${short(this.network.risk())}${seen}`,
      begins: `it begins; excess risk ${short(this.network.risk())}${seen}`,
      oscillates: `it oscillates; excess risk between ${short(Math.min(...window))} and ${short(Math.max(...window))}${seen}`,
      waits: `it waits on a plateau; excess risk ${short(this.network.risk())}${seen}`,
      learns: `it learns; excess risk ${short(this.network.risk())}, sharpness ${short(this.sharpness)}${seen}`,
    }[verdict];
    return `Depth ${this.network.depth}, learning rate ${short(setting.rate)}${side}. After ${this.steps - (this.learned ? this.below - 1 : 0)} steps ${said}.`;
  }
}
