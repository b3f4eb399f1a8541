// The laboratory's engine: deep linear networks, trained in float64 on regression or on matrix completion.
// It does what dlnlab.gradient_descent and dlnlab.sharpness do, and is tested against them. Layers are row-major;
// q and h are the chains of vectors of the book, session 4. A loss that sees some entries of a matrix is a sum of
// quadratic ones of its rows, so that completion is a regression with several outputs, each with a Sigma of its own.
import { dot, largestEigenvalue, norm } from "./spectra.mjs";

/**
 * What one output learns.
 * @typedef {object} Output
 * @property {number[][]} covariance Sigma
 * @property {number[]} minimizer pi*
 * @property {number[]} eigenvalues of Sigma, ascending
 * @property {number[][]} eigenvectors of Sigma, one a row
 */

/**
 * A task, as dlnlab.book.laboratory.sent writes it.
 * @typedef {object} Task
 * @property {number} samples
 * @property {Output[]} outputs one of a regression, one a row of a matrix
 * @property {boolean[][]} [mask] of a completion: which entries are seen
 * @property {number[][]} [truth] of a completion: all entries
 */

/**
 * What a run starts from.
 * @typedef {object} Setting
 * @property {string} task
 * @property {number} depth
 * @property {number} width of the hidden layers
 * @property {"gaussian" | "residual" | "balanced" | "imbalanced"} start
 * @property {number} scale
 * @property {number} rate the learning rate
 * @property {number} noise standard deviation of the noise in the labels
 * @property {number} seed
 */

/** @typedef {{ rows: number, columns: number, data: Float64Array }} Layer */

/**
 * Uniform numbers in [0, 1): mulberry32, which dlnlab.book.laboratory has, too.
 * @param {number} seed
 */
export function uniform(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Standard Gaussian numbers, by Box and Muller.
 * @param {number} seed
 */
export function gaussian(seed) {
  const u = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - u())) * Math.cos(2 * Math.PI * u());
}

/** The readouts of a network with several outputs, one a unit vector. @param {number} m */
export const unitVectors = (m) => Array.from({ length: m }, (_, r) => Float64Array.from({ length: m }, (_, i) => Number(i === r)));

/**
 * The layers that a setting starts from, and the readouts, one an output.
 * @param {Task} task
 * @param {Setting} setting
 * @returns {{ layers: Layer[], readouts: Float64Array[] }}
 */
export function draw(task, { depth, width, start, scale, seed }) {
  const m = task.outputs.length;
  const d = task.outputs[0].minimizer.length;
  const z = gaussian(seed);
  const residual = start === "residual";
  const widths = [d, ...Array(depth - 1).fill(residual || m > 1 ? d : width), residual || m > 1 ? d : 1];
  const vector = (/** @type {number} */ n) => Float64Array.from({ length: n }, z);
  const random = residual && m === 1 ? vector(d) : new Float64Array([1]);
  const size = norm(random);
  const readouts = m > 1 ? unitVectors(m) : [random.map((x) => x / size)];
  // Aligned layers of rank one, from the input to the output: u_k u_{k-1}^T; of several outputs the identity.
  const frames = widths.map(vector).map((u) => u.map((x) => x / norm(u)));
  if (!residual) frames[depth][0] = 1;
  const aligned = (/** @type {number} */ k, /** @type {number} */ i, /** @type {number} */ j) =>
    m > 1 ? Number(i === j) : frames[k + 1][i] * frames[k][j];
  const layers = widths.slice(1).map((rows, k) => {
    const columns = widths[k];
    const data = new Float64Array(rows * columns);
    const size = start === "imbalanced" ? scale * Math.sqrt(k + 1) : scale;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const at = i * columns + j;
        if (start === "gaussian") data[at] = scale * z();
        else if (residual) data[at] = Number(i === j) + (scale / Math.sqrt(depth * d)) * z();
        else data[at] = size * aligned(k, i, j);
      }
    }
    return { rows, columns, data };
  });
  // On the side of the target: half of all starts are not (session 5), and wait at the saddle.
  if (!residual && m === 1 && new Network(task, layers, readouts).slope() < 0) {
    layers[depth - 1].data.forEach((x, i, last) => (last[i] = -x));
  }
  return { layers, readouts };
}

/** out = W x @param {Layer} W @param {Float64Array} x @param {Float64Array} out */
function times({ rows, columns, data }, x, out) {
  for (let i = 0, at = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += data[at++] * x[j];
    out[i] = sum;
  }
}

/** out = W^T x @param {Layer} W @param {Float64Array} x @param {Float64Array} out */
function transposed({ rows, columns, data }, x, out) {
  out.fill(0);
  for (let i = 0, at = 0; i < rows; i++) {
    const xi = x[i];
    for (let j = 0; j < columns; j++) out[j] += data[at++] * xi;
  }
}

/** W += factor y x^T @param {Layer} W @param {number} factor @param {Float64Array} y @param {Float64Array} x */
function addOuter({ rows, columns, data }, factor, y, x) {
  for (let i = 0, at = 0; i < rows; i++) {
    const yi = factor * y[i];
    for (let j = 0; j < columns; j++) data[at++] += yi * x[j];
  }
}

/** A network on its way. */
export class Network {
  /** @param {Task} task @param {Layer[]} layers @param {Float64Array[]} readouts one an output */
  constructor(task, layers, readouts) {
    this.task = task;
    this.layers = layers.map((layer) => ({ ...layer, data: layer.data.slice() }));
    this.depth = layers.length;
    const widths = [layers[0].columns, ...layers.map((layer) => layer.rows)];
    this.d = widths[0];
    const vectors = () => widths.map((n) => new Float64Array(n));
    this.sums = vectors();
    /** Where each layer begins among all weights. */
    this.ends = [0];
    for (const { data } of layers) this.ends.push(this.ends[this.ends.length - 1] + data.length);
    /**
     * Of each output q[k] = W_{k+1}^T ... W_L^T p, so q[0] is its regressor; h[k] = W_k ... W_1 g, with the
     * gradient g; and the changes of both in a direction.
     */
    this.chains = task.outputs.map((output, r) => {
      const sigma = { rows: this.d, columns: this.d, data: Float64Array.from(output.covariance.flat()) };
      const chain = { output, sigma, q: vectors(), h: vectors(), dq: vectors(), dh: vectors(), error: new Float64Array(this.d) };
      chain.q[this.depth].set(readouts[r]);
      return chain;
    });
    this.look();
  }

  /** The chains from the outputs to the regressors, and their errors. */
  look() {
    for (const { output, q, error } of this.chains) {
      for (let k = this.depth; k > 0; k--) transposed(this.layers[k - 1], q[k], q[k - 1]);
      for (let i = 0; i < this.d; i++) error[i] = q[0][i] - output.minimizer[i];
    }
  }

  /** The excess risk, the sum of (w - pi*)^T Sigma (w - pi*) over the outputs: of squares, so never negative. */
  risk() {
    let sum = 0;
    for (const { output, error } of this.chains) {
      output.eigenvectors.forEach((v, i) => {
        sum += Math.max(output.eigenvalues[i], 0) * dot(v, error) ** 2;
      });
    }
    return sum;
  }

  /** The end-to-end matrix, one row an output. */
  matrix() {
    return this.chains.map(({ q }) => q[0]);
  }

  /** The inner product of the first regressor with its Sigma pi*. */
  slope() {
    const { output, q } = this.chains[0];
    return output.covariance.reduce((sum, row, i) => sum + dot(row, output.minimizer) * q[0][i], 0);
  }

  /**
   * Bring the chains of the gradient up to date; with noise, the labels have some of their own.
   * @param {number} [noise]
   * @param {() => number} [z] standard Gaussian numbers
   */
  prepare(noise = 0, z = Math.random) {
    for (const { output, sigma, h, error } of this.chains) {
      times(sigma, error, h[0]);
      for (let i = 0; i < this.d; i++) h[0][i] *= 2;
      if (noise > 0) {
        output.eigenvectors.forEach((v, i) => {
          const kick = 2 * noise * Math.sqrt(Math.max(output.eigenvalues[i], 0) / this.task.samples) * z();
          for (let j = 0; j < this.d; j++) h[0][j] -= kick * v[j];
        });
      }
      for (let k = 1; k < this.depth; k++) times(this.layers[k - 1], h[k - 1], h[k]);
    }
  }

  /**
   * A step of gradient descent; with noise, the labels of this step have some of their own.
   * @param {number} rate @param {number} [noise] @param {() => number} [z]
   */
  step(rate, noise, z) {
    this.prepare(noise, z);
    for (const { q, h } of this.chains) {
      for (let k = 1; k <= this.depth; k++) addOuter(this.layers[k - 1], -rate, q[k], h[k - 1]);
    }
    this.look();
  }

  /** The Frobenius norms of the layers. */
  norms() {
    return this.layers.map(({ data }) => norm(data));
  }

  /** The Frobenius norms of the imbalances W_{k+1}^T W_{k+1} - W_k W_k^T. */
  imbalances() {
    return this.layers.slice(1).map((upper, k) => {
      const lower = this.layers[k];
      let sum = 0;
      for (let i = 0; i < lower.rows; i++) {
        for (let j = 0; j < lower.rows; j++) {
          let entry = 0;
          for (let l = 0; l < upper.rows; l++) {
            entry += upper.data[l * upper.columns + i] * upper.data[l * upper.columns + j];
          }
          for (let l = 0; l < lower.columns; l++) {
            entry -= lower.data[i * lower.columns + l] * lower.data[j * lower.columns + l];
          }
          sum += entry * entry;
        }
      }
      return Math.sqrt(sum);
    });
  }

  /**
   * The product of the Hessian with a direction, one layer after the other (session 4), after `prepare`.
   * @param {Float64Array} direction @param {Float64Array} out
   */
  hessianProduct(direction, out) {
    const { sums, layers, depth, ends } = this;
    const parts = layers.map(({ rows, columns }, k) =>
      [direction, out].map((whole) => ({ rows, columns, data: whole.subarray(ends[k], ends[k + 1]) })),
    );
    out.fill(0);
    for (const { sigma, q, h, dq, dh } of this.chains) {
      dq[depth].fill(0);
      for (let k = depth; k > 0; k--) {
        transposed(layers[k - 1], dq[k], dq[k - 1]);
        transposed(parts[k - 1][0], q[k], sums[k - 1]);
        for (let i = 0; i < dq[k - 1].length; i++) dq[k - 1][i] += sums[k - 1][i];
      }
      times(sigma, dq[0], dh[0]);
      for (let i = 0; i < this.d; i++) dh[0][i] *= 2;
      for (let k = 1; k <= depth; k++) {
        addOuter(parts[k - 1][1], 1, dq[k], h[k - 1]);
        addOuter(parts[k - 1][1], 1, q[k], dh[k - 1]);
        if (k === depth) break;
        times(layers[k - 1], dh[k - 1], dh[k]);
        times(parts[k - 1][0], h[k - 1], sums[k]);
        for (let i = 0; i < dh[k].length; i++) dh[k][i] += sums[k][i];
      }
    }
  }

  /** The largest eigenvalue of the Hessian. */
  sharpness() {
    this.prepare();
    const z = gaussian(1);
    // A change of the layers that moves the regressors, as the eigenvectors at minimisers do; and some of all.
    const start = new Float64Array(this.ends[this.depth]);
    for (const { q } of this.chains) {
      let pushed = Float64Array.from({ length: this.d }, z);
      for (const [k, layer] of this.layers.entries()) {
        const data = start.subarray(this.ends[k], this.ends[k + 1]);
        addOuter({ ...layer, data }, 1, q[k + 1], pushed);
        const next = new Float64Array(layer.rows);
        times(layer, pushed, next);
        pushed = next;
      }
    }
    const size = norm(start) || 1;
    for (let i = 0; i < start.length; i++) start[i] = start[i] / size + (0.1 * z()) / Math.sqrt(start.length);
    return largestEigenvalue((x, out) => this.hessianProduct(x, out), start);
  }
}
