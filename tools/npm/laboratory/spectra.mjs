// Eigenvalues and singular values, of operators, of matrices and of minimisers.

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {ArrayLike<number>} a */
export const norm = (a) => Math.sqrt(dot(a, a));

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
 * @param {import("./engine.mjs").Output} output @param {number} depth
 */
export function sharpnessOfMinima({ minimizer, eigenvalues, eigenvectors }, depth) {
  const size = norm(minimizer);
  const scale = 2 * size ** (2 - 2 / depth);
  const b = eigenvectors.map((v, i) => (Math.sqrt(Math.max(eigenvalues[i], 0)) * dot(v, minimizer)) / size);
  const f = (/** @type {number} */ x) =>
    scale * secular(eigenvalues, b, Math.exp(x), depth > 1 ? (depth - 1) * Math.exp(-x / (depth - 1)) : 0);
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

/**
 * The singular values of a matrix, descending: one-sided Jacobi rotations of its rows until they are orthogonal.
 * @param {Float64Array[]} matrix one row after the other
 */
export function singularValues(matrix) {
  const rows = matrix.map((row) => row.slice());
  let turned = true;
  for (let sweep = 0; sweep < 30 && turned; sweep++) {
    turned = false;
    for (let i = 0; i < rows.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b, c] = [dot(rows[i], rows[i]), dot(rows[j], rows[j]), dot(rows[i], rows[j])];
        if (!(Math.abs(c) > 1e-14 * Math.sqrt(a * b))) continue;
        turned = true;
        const cot = (b - a) / (2 * c);
        const t = (cot < 0 ? -1 : 1) / (Math.abs(cot) + Math.sqrt(1 + cot * cot));
        const [cos, sin] = [1 / Math.sqrt(1 + t * t), t / Math.sqrt(1 + t * t)];
        for (let k = 0; k < rows[i].length; k++) {
          const [x, y] = [rows[i][k], rows[j][k]];
          rows[i][k] = cos * x - sin * y;
          rows[j][k] = sin * x + cos * y;
        }
      }
    }
  }
  return rows.map(norm).sort((a, b) => b - a);
}
