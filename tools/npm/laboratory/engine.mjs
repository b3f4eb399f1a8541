// The laboratory's engine: deep linear networks with one output, trained in float64 on a regression task.
// It does what dlnlab.gradient_descent, dlnlab.sharpness and dlnlab.minimal_sharpness do, and is tested against
// them. Layers are row-major; q and h are the chains of vectors of the book, session 4.

/**
 * A regression task, as dlnlab.book.laboratory.TASKS writes it.
 * @typedef {object} Task
 * @property {number} samples
 * @property {number[][]} covariance Sigma
 * @property {number[]} minimizer pi*
 * @property {number[]} eigenvalues of Sigma, ascending
 * @property {number[][]} eigenvectors of Sigma, one a row
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

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {ArrayLike<number>} a */
const norm = (a) => Math.sqrt(dot(a, a));

/**
 * The layers that a setting starts from, and the readout.
 * @param {Task} task
 * @param {Setting} setting
 * @returns {{ layers: Layer[], readout: Float64Array }}
 */
export function draw(task, { depth, width, start, scale, seed }) {
  const d = task.minimizer.length;
  const z = gaussian(seed);
  const residual = start === "residual";
  const widths = [d, ...Array(depth - 1).fill(residual ? d : width), residual ? d : 1];
  const vector = (/** @type {number} */ n) => Float64Array.from({ length: n }, z);
  const readout = residual ? vector(d) : new Float64Array([1]);
  if (residual) {
    const size = norm(readout);
    readout.forEach((_, i) => (readout[i] /= size));
  }
  // Aligned layers of rank one, from the input to the output: u_k u_{k-1}^T, times the norm.
  const frames = widths.map(vector).map((u) => u.map((x) => x / norm(u)));
  if (!residual) frames[depth][0] = 1;
  const layers = widths.slice(1).map((rows, k) => {
    const columns = widths[k];
    const data = new Float64Array(rows * columns);
    const size = start === "imbalanced" ? scale * Math.sqrt(k + 1) : scale;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const at = i * columns + j;
        if (start === "gaussian") data[at] = scale * z();
        else if (residual) data[at] = Number(i === j) + (scale / Math.sqrt(depth * d)) * z();
        else data[at] = size * frames[k + 1][i] * frames[k][j];
      }
    }
    return { rows, columns, data };
  });
  // On the side of the target: half of all starts are not (session 5), and wait at the saddle.
  const network = new Network(task, layers, readout);
  if (!residual && network.slope() < 0) layers[depth - 1].data.forEach((x, i, last) => (last[i] = -x));
  return { layers, readout };
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
  /** @param {Task} task @param {Layer[]} layers @param {Float64Array} readout */
  constructor(task, layers, readout) {
    this.task = task;
    this.layers = layers.map((layer) => ({ ...layer, data: layer.data.slice() }));
    this.depth = layers.length;
    const widths = [layers[0].columns, ...layers.map((layer) => layer.rows)];
    this.d = widths[0];
    this.sigma = { rows: this.d, columns: this.d, data: Float64Array.from(task.covariance.flat()) };
    const vectors = () => widths.map((n) => new Float64Array(n));
    /** q[k] = W_{k+1}^T ... W_L^T p, so q[0] is the regressor; h[k] = W_k ... W_1 g, with the gradient g. */
    this.q = vectors();
    this.h = vectors();
    this.dq = vectors();
    this.dh = vectors();
    this.sums = vectors();
    /** Where each layer begins among all weights. */
    this.ends = [0];
    for (const { data } of layers) this.ends.push(this.ends[this.ends.length - 1] + data.length);
    this.q[this.depth].set(readout);
    this.error = new Float64Array(this.d);
    this.look();
  }

  /** The chain from the output to the regressor, and its error. */
  look() {
    const { q, layers, task, error } = this;
    for (let k = this.depth; k > 0; k--) transposed(layers[k - 1], q[k], q[k - 1]);
    for (let i = 0; i < this.d; i++) error[i] = q[0][i] - task.minimizer[i];
  }

  /** The excess risk, (w - pi*)^T Sigma (w - pi*): a sum of squares, so never negative. */
  risk() {
    let sum = 0;
    this.task.eigenvectors.forEach((v, i) => {
      sum += Math.max(this.task.eigenvalues[i], 0) * dot(v, this.error) ** 2;
    });
    return sum;
  }

  /** The inner product of the regressor with Sigma pi*. */
  slope() {
    return this.task.covariance.reduce((sum, row, i) => sum + dot(row, this.task.minimizer) * this.q[0][i], 0);
  }

  /** The gradient of the risk in the regressor into h[0]. */
  pull() {
    times(this.sigma, this.error, this.h[0]);
    for (let i = 0; i < this.d; i++) this.h[0][i] *= 2;
  }

  /**
   * A step of gradient descent; with noise, the labels of this step have some of their own.
   * @param {number} rate
   * @param {number} [noise]
   * @param {() => number} [z] standard Gaussian numbers
   */
  step(rate, noise = 0, z = Math.random) {
    const { q, h, layers } = this;
    this.pull();
    if (noise > 0) {
      this.task.eigenvectors.forEach((v, i) => {
        const kick = 2 * noise * Math.sqrt(Math.max(this.task.eigenvalues[i], 0) / this.task.samples) * z();
        for (let j = 0; j < this.d; j++) h[0][j] -= kick * v[j];
      });
    }
    for (let k = 1; k <= this.depth; k++) {
      if (k < this.depth) times(layers[k - 1], h[k - 1], h[k]);
      addOuter(layers[k - 1], -rate, q[k], h[k - 1]);
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

  /** Bring the chain of the gradient up to date, of which products with the Hessian are made. */
  prepare() {
    this.pull();
    for (let k = 1; k < this.depth; k++) times(this.layers[k - 1], this.h[k - 1], this.h[k]);
  }

  /**
   * The product of the Hessian with a direction, one layer after the other (session 4).
   * @param {Float64Array} direction @param {Float64Array} out
   */
  hessianProduct(direction, out) {
    const { q, h, dq, dh, sums, layers, depth, ends } = this;
    const parts = layers.map(({ rows, columns }, k) =>
      [direction, out].map((whole) => ({ rows, columns, data: whole.subarray(ends[k], ends[k + 1]) })),
    );
    dq[depth].fill(0);
    for (let k = depth; k > 0; k--) {
      transposed(layers[k - 1], dq[k], dq[k - 1]);
      transposed(parts[k - 1][0], q[k], sums[k - 1]);
      for (let i = 0; i < dq[k - 1].length; i++) dq[k - 1][i] += sums[k - 1][i];
    }
    times(this.sigma, dq[0], dh[0]);
    for (let i = 0; i < this.d; i++) dh[0][i] *= 2;
    out.fill(0);
    for (let k = 1; k <= depth; k++) {
      addOuter(parts[k - 1][1], 1, dq[k], h[k - 1]);
      addOuter(parts[k - 1][1], 1, q[k], dh[k - 1]);
      if (k === depth) break;
      times(layers[k - 1], dh[k - 1], dh[k]);
      times(parts[k - 1][0], h[k - 1], sums[k]);
      for (let i = 0; i < dh[k].length; i++) dh[k][i] += sums[k][i];
    }
  }

  /** The largest eigenvalue of the Hessian. */
  sharpness() {
    this.prepare();
    const z = gaussian(1);
    // A change of the layers that moves the regressor, as the eigenvectors at minimisers do; and some of all.
    const start = new Float64Array(this.ends[this.depth]);
    let pushed = Float64Array.from({ length: this.d }, z);
    for (const [k, layer] of this.layers.entries()) {
      const data = start.subarray(this.ends[k], this.ends[k + 1]);
      addOuter({ ...layer, data }, 1, this.q[k + 1], pushed);
      const next = new Float64Array(layer.rows);
      times(layer, pushed, next);
      pushed = next;
    }
    const size = norm(start) || 1;
    for (let i = 0; i < start.length; i++) start[i] = start[i] / size + (0.1 * z()) / Math.sqrt(start.length);
    return largestEigenvalue((x, out) => this.hessianProduct(x, out), start);
  }
}

/**
 * The largest eigenvalue of a symmetric operator, by the Lanczos iteration with full reorthogonalisation.
 * @param {(x: Float64Array, out: Float64Array) => void} product
 * @param {Float64Array} start
 */
export function largestEigenvalue(product, start) {
  const n = start.length;
  const basis = [start.map((x) => x / norm(start))];
  /** @type {number[]} */
  const diagonal = [];
  /** @type {number[]} */
  const below = [];
  for (;;) {
    const vector = basis[basis.length - 1];
    const image = new Float64Array(n);
    product(vector, image);
    diagonal.push(dot(vector, image));
    for (let again = 0; again < 2; again++) {
      for (const other of basis) {
        const part = dot(other, image);
        for (let i = 0; i < n; i++) image[i] -= part * other[i];
      }
    }
    const beta = norm(image);
    const size = Math.max(...diagonal.map(Math.abs), ...below);
    const complete = basis.length === n || !(beta > 1e-13 * size);
    if (complete || basis.length % 4 === 0) {
      const value = top(diagonal, below);
      // The last entry of its vector, from the three-term recursion, tells how large the residual is.
      if (complete || beta * lastEntry(diagonal, below, value) <= 1e-7 * Math.abs(value)) return value;
    }
    below.push(beta);
    basis.push(image.map((x) => x / beta));
  }
}

/**
 * The largest eigenvalue of a tridiagonal matrix: bisection on the signs of its leading minors.
 * @param {number[]} diagonal @param {number[]} below
 */
function top(diagonal, below) {
  const radius = diagonal.map((_, i) => Math.abs(below[i - 1] ?? 0) + (i < diagonal.length - 1 ? Math.abs(below[i]) : 0));
  let high = Math.max(...diagonal.map((x, i) => x + radius[i]));
  let low = Math.max(...diagonal) - 1e-300;
  const above = (/** @type {number} */ x) => {
    let pivot = 1;
    for (let i = 0; i < diagonal.length; i++) {
      pivot = diagonal[i] - x - (i ? below[i - 1] ** 2 / pivot : 0);
      if (pivot >= 0) return true;
    }
    return false;
  };
  for (let i = 0; i < 200 && high - low > 2e-16 * Math.max(Math.abs(high), Math.abs(low)); i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (above(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The modulus of the last entry of the unit eigenvector of a tridiagonal matrix, from its last row upwards.
 * @param {number[]} diagonal @param {number[]} below @param {number} value
 */
function lastEntry(diagonal, below, value) {
  let [after, entry, squares] = [0, 1, 1];
  for (let i = diagonal.length - 1; i > 0; i--) {
    const next = ((value - diagonal[i]) * entry - (below[i] ?? 0) * after) / below[i - 1];
    [after, entry] = [entry, next];
    squares += next * next;
    if (squares > 1e200) return 0;
  }
  return 1 / Math.sqrt(squares);
}

/**
 * The largest eigenvalue of first diag(eigenvalues) + others b b^T: the root of the secular equation above them.
 * @param {number[]} eigenvalues @param {number[]} b @param {number} first @param {number} others
 */
function secular(eigenvalues, b, first, others) {
  let low = first * eigenvalues[eigenvalues.length - 1];
  let high = low + others * dot(b, b);
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    const sum = eigenvalues.reduce((total, value, k) => total + b[k] ** 2 / (middle - first * value), 0);
    if (others * sum > 1) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * S_bal and S_min for a readout of norm one (session 4): the second is the minimum of a convex function.
 * @param {Task} task @param {number} depth
 */
export function sharpnessOfMinima(task, depth) {
  const size = norm(task.minimizer);
  const scale = 2 * size ** (2 - 2 / depth);
  const b = task.eigenvectors.map((v, i) => (Math.sqrt(Math.max(task.eigenvalues[i], 0)) * dot(v, task.minimizer)) / size);
  const f = (/** @type {number} */ x) =>
    scale * secular(task.eigenvalues, b, Math.exp(x), depth > 1 ? (depth - 1) * Math.exp(-x / (depth - 1)) : 0);
  const balanced = f(0);
  if (depth === 1) return { balanced, minimal: balanced };
  let [low, high] = [-(depth - 1) * Math.log(balanced / (scale * (depth - 1) * dot(b, b))), 0];
  const golden = (Math.sqrt(5) - 1) / 2;
  while (high - low > 1e-9) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (f(left) < f(right)) high = right;
    else low = left;
  }
  return { balanced, minimal: Math.min(balanced, f((low + high) / 2)) };
}
