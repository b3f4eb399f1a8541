// What can be set: bounds and steps, the same for sliders, for addresses and for what Python sends.

/** @typedef {import("./engine.mjs").Setting} Setting */

export const STARTS = ["gaussian", "residual", "balanced", "imbalanced"];
export const TASKS = {
  scalar: "one number",
  gaussian: "Gaussian data, well conditioned",
  stiff: "Gaussian data, badly conditioned",
  diabetes: "diabetes data",
  completion: "completion, rank two",
  corner: "completion, two by two",
  given: "from Python",
};

/**
 * Sliders; the logarithmic ones move in decades.
 * @type {Record<"depth" | "width" | "scale" | "rate" | "noise" | "seed", { label: string, min: number, max: number, step: number, log?: boolean }>}
 */
export const SLIDERS = {
  depth: { label: "depth", min: 1, max: 12, step: 1 },
  width: { label: "width", min: 1, max: 10, step: 1 },
  scale: { label: "scale of the start", min: -3, max: 0.5, step: 0.01, log: true },
  rate: { label: "learning rate", min: -4, max: 0.5, step: 0.01, log: true },
  noise: { label: "label noise", min: 0, max: 2, step: 0.05 },
  seed: { label: "seed", min: 0, max: 99, step: 1 },
};

/** @type {Setting} */
export const DEFAULT = {
  task: "gaussian", depth: 3, width: 5, start: "gaussian", scale: 0.3, rate: 0.05, noise: 0, seed: 0,
};

/** Three significant digits, as a reader writes them. @param {number} x */
export function short(x) {
  if (!Number.isFinite(x)) return "beyond all numbers";
  if (x === 0) return "0";
  const size = Math.abs(x);
  return size >= 1e-3 && size < 1e5 ? String(Number(x.toPrecision(3))) : Number(x.toPrecision(2)).toExponential().replace("e+", "e");
}

/** The nearest value that a slider takes. @param {keyof typeof SLIDERS} name @param {number} value */
export function admissible(name, value) {
  const { min, max, step, log } = SLIDERS[name];
  if (log) return Number(Math.min(10 ** max, Math.max(10 ** min, value)).toPrecision(3));
  return Number((Math.round(Math.min(max, Math.max(min, value)) / step) * step).toFixed(2));
}

/**
 * The setting of an address; what is not admissible there is brought into bounds, or left out.
 * @param {string} query @param {string[]} tasks those that there are
 * @returns {Setting & { at?: number[] }}
 */
export function read(query, tasks) {
  const found = new URLSearchParams(query);
  /** @type {any} */
  const setting = { ...DEFAULT };
  for (const name of /** @type {(keyof typeof SLIDERS)[]} */ (Object.keys(SLIDERS))) {
    const value = Number.parseFloat(found.get(name) ?? "");
    if (Number.isFinite(value)) setting[name] = admissible(name, value);
  }
  for (const [name, options] of /** @type {const} */ ([["task", tasks], ["start", STARTS]])) {
    const value = found.get(name) ?? "";
    if (options.includes(value)) setting[name] = value;
  }
  const at = (found.get("at") ?? "").split(",").map(Number);
  if (at.length === 2 && at.every((x) => Number.isFinite(x) && Math.abs(x) <= 10)) setting.at = at;
  return setting;
}

/** The address of a setting: what is not as usual. @param {Setting & { at?: number[] }} setting */
export function address(setting) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(setting)) {
    if (value !== undefined && String(value) !== String(DEFAULT[/** @type {keyof Setting} */ (name)])) {
      query.set(name, String(value));
    }
  }
  return query.toString();
}
