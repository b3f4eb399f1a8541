"""A class hands in: right, wrong, broken and hostile notebooks."""

import base64
import csv
import io
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from grading import __main__ as grading
from grading import judge, masters, plain, sandbox, student

ROOT = Path(__file__).resolve().parent.parent.parent
MASTERS = sorted((ROOT / "assignments").glob("*.ipynb"))
MASTER = ROOT / "assignments" / "setting.ipynb"
# Lines of data, which questions and hidden tests have in common.
SHARED = ("rng =", "X, y =", "data =", "line, ones =", "for depth in", "task =")
every_master = pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)


def submitted(path, *cells):
    """Write a notebook of these cells of code."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


def reference(path, **changed):
    """Return the code of a master's solutions, with some answers changed, by the names of their questions."""
    cells = []
    for part in masters.read(path).parts:
        if not isinstance(part, masters.Question):
            cells += [part.source] if part.cell_type == "code" else []
        elif part.name in changed:
            cells.append(changed[part.name])
        else:
            cells += [cell.source for cell in part.solution if cell.cell_type == "code"]
    return cells


def points(result):
    return {name: question["points"] for name, question in result["questions"].items()}


def full(path):
    return {q.name: float(q.points) for q in masters.read(path).questions if not q.manual}


@every_master
def test_the_reference_solution_has_full_marks(path, tmp_path):
    result = judge.judge(submitted(tmp_path / "a.ipynb", *reference(path)), masters.read(path))
    assert result["status"] == "graded"
    assert result["message"] == ""
    assert points(result) == full(path)


@every_master
def test_the_notebook_for_students_runs_and_has_no_points(path, tmp_path):
    assignment = masters.read(path)
    nbformat.write(student.notebook(assignment, "# install"), tmp_path / "blank.ipynb")
    result = judge.judge(tmp_path / "blank.ipynb", assignment)
    assert result["status"] == "graded"
    assert set(points(result).values()) == {0.0}
    assert all(question["message"] for question in result["questions"].values())


@every_master
def test_students_see_no_solution(path):
    """No line of a solution, of a hidden test or of a rubric that is not also part of the question."""
    assignment = masters.read(path)
    given = "\n".join(cell.source for cell in student.notebook(assignment, "").cells)
    for question in assignment.questions:
        secret = [test for test in question.tests if test.startswith(masters.HIDDEN)]
        for cell in question.solution:
            blocks = [match[0] for match in masters.BLOCK.finditer(cell.source)]
            assert blocks or cell.cell_type == "markdown", f"{question.name}: nothing is taken out"
            secret.append("\n".join(blocks) or cell.source)
        lines = {line.strip() for text in secret for line in text.splitlines() if len(line.strip()) > 24}
        shown = {line for line in lines if line in given and not line.startswith(SHARED)}
        assert lines
        assert shown <= set("\n".join(question.public).splitlines()), question.name


# For each assignment three notebooks, all answers of which are wrong in a way that is met: the answer, its
# points, and a part of what the student is told.
WRONG = {
    "setting": [
        {
            "q1": (
                "def imbalances(weights):\n"
                "    return [b @ b.T - a.T @ a for a, b in zip(weights, weights[1:])]",
                0.67,
                "D_1 lives on the hidden layer",
            ),
            "q2": (
                "def gradients(weights, X, y):\n"
                "    return [G / 2 for G in dl.gradient(weights, dl.Regression(X, y))]",
                0.0,
                "half of what it should be",
            ),
            "q3": (
                "def drift(weights, X, y, rate, steps):\n    return np.zeros(3)",
                0.0,
                "must return one number",
            ),
            "q4": ("drifts = np.array([4.0, 3, 2, 1])\norder = 1.0", 2.0, "not those of the runs"),
            "q6": ("wrong_sentence, kept = 'third', 'trace'", 1.0, "something else is conserved"),
        },
        {
            "q1": (
                "def imbalances(weights):\n"
                "    return [a @ a.T - b.T @ b for a, b in zip(weights, weights[1:])]",
                0.67,
                "what is its sign",
            ),
            "q2": ("def gradients(weights, X, y):\n    return list(weights)", 0.0, "your gradient says"),
            "q3": (
                "def drift(weights, X, y, rate, steps):\n"
                "    before = imbalances(weights)\n"
                "    for _ in range(steps):\n"
                "        for W, G in zip(weights, dl.gradient(weights, dl.Regression(X, y))):\n"
                "            W -= rate * G\n"
                "    return max(np.abs(b - a).max() for a, b in zip(before, imbalances(weights)))",
                1.5,
                "changed the caller's weights",
            ),
            "q4": ("drifts = np.ones(3)\norder = 1.0", 1.0, "four numbers"),
            "q6": ("wrong_sentence, kept = 'second', 'diagonal'", 1.0, "another sentence is wrong"),
        },
        {
            "q1": (
                "def imbalances(weights):\n    a, b = weights\n    return [b.T @ b - a @ a.T]",
                0.67,
                "too many values to unpack",
            ),
            "q2": ("def gradients(weights, X, y):\n    return weights[0]", 0.0, "one matrix a layer"),
            "q3": (
                "def drift(weights, X, y, rate, steps):\n    return abs(rate * steps)",
                0.0,
                "the drift is 0.12",
            ),
            "q4": ("order = 'one'", 0.0, "drifts is not defined"),
            "q6": ("wrong_sentence, kept = 3, 1", 0.0, '"first", "second" or "third"'),
        },
    ],
    "acceleration": [
        {
            "q1": (
                "def eigenvalues(s, r, depth):\n"
                "    return sum(s[:, None] ** (1 - j / depth) * r ** ((j - 1) / depth)"
                " for j in range(1, depth + 1))",
                0.0,
                "is the exponent 2 (L - j) / L",
            ),
            "q2": ("def preconditioned(W, G, depth):\n    return depth * G", 0.0, "W G + G W"),
            "q4": ("def steps_needed(*args):\n    return 7\n\n\ngains = [1.0, 1.0]", 0.0, "the error halves"),
            "q5": (
                "along, across = 4.0, 1.0\n\n\ndef threshold(depth):\n    return 1.0",
                0.0,
                "the factor of the blog",
            ),
        },
        {
            "q1": ("def eigenvalues(s, r, depth):\n    return s + r", 0.0, "operands could not be broadcast"),
            "q2": (
                "def preconditioned(W, G, depth):\n"
                "    U, s, Vt = np.linalg.svd(W, full_matrices=False)\n"
                "    K = sum(np.multiply.outer(s ** (2 * (depth - j) / depth), s ** (2 * (j - 1) / depth))\n"
                "            for j in range(1, depth + 1))\n"
                "    return U @ (K * (U.T @ G @ Vt.T)) @ Vt",
                0.0,
                "beyond the rank of W too",
            ),
            "q4": ("gains = [2.0, 2.0]", 0.0, "steps_needed is not defined"),
            "q5": (
                "along, across = 0.1**1.5, 0.1**1.5\n\n\ndef threshold(depth):\n    return 1 / depth",
                1.0,
                "the factor along w* is another one",
            ),
        },
        {
            "q1": ("def eigenvalues(s, r, depth):\n    pass", 0.0, "eigenvalues returns nothing"),
            "q2": ("def preconditioned(W, G, depth):\n    return W @ G @ W", 0.0, "W G + G W"),
            "q4": (
                "def steps_needed(X, y, start, rate, depth, fraction, most):\n"
                "    return most + 1\n\n\ngains = 3.0",
                0.0,
                "the error halves",
            ),
            "q5": ("along, across = 1, 1\n\n\ndef threshold(depth):\n    return 0.5", 0.0, "must be numbers"),
        },
    ],
    "imbalance": [
        {
            "q1": (
                "def rate(w):\n    return np.prod(w) ** 2 * np.sum(1 / w**2)",
                0.0,
                "multiply the others instead of dividing",
            ),
            "q2": ("def promise(w, m):\n    return 3.0", 0.0, "T of the start: 4 + 1"),
            "q4": (
                "def least(W1, W2):\n    return np.linalg.eigvalsh(W1 @ W1.T)[0] + np.sum(W2**2)\n\n\n"
                "certified, reached = np.ones(3), np.zeros(3)",
                1.33,
                "the least eigenvalue is wrong for 6 inputs",
            ),
            "q5": (
                "imbalanced, fastest, squares = 120.0, 120.0, np.arange(6.0)",
                1.0,
                "there is a faster chain",
            ),
        },
        {
            "q1": ("def rate(w):\n    return np.sum(np.asarray(w) ** 2)", 0.0, "36 + 9 + 4 = 49"),
            "q2": (
                "def promise(w, m):\n"
                "    squares = np.sort(w**2)\n"
                "    return np.prod(squares[1:] - squares[0])",
                0.0,
                "",
            ),
            "q4": ("certified, reached = 1, 2", 0.0, "least is not defined"),
            "q5": ("imbalanced, fastest, squares = 120.0, 1.0, np.ones(6)", 0.0, "has the sum of squares 15"),
        },
        {
            "q1": ("def rate(w):\n    ...", 0.0, "rate returns nothing"),
            "q2": (
                "def promise(w, m):\n"
                "    squares = np.asarray(w) ** 2\n"
                "    return sum(np.prod(np.delete(squares, i)) for i in range(len(squares)))",
                0.0,
                "differ by 3",
            ),
            "q4": (
                "def least(W1, W2):\n    return np.sum(W2**2)\n\n\n"
                "certified, reached = np.zeros(3), np.ones(3)",
                0.0,
                "the least of T is 9",
            ),
            "q5": ("imbalanced, fastest, squares = 24.0, 0.0, []", 0.0, "(L - 1)! for L = 6"),
        },
    ],
    "largest-learning-rate": [
        {
            "q1": (
                "def hessian(w, y, lam):\n"
                "    g = np.array([np.prod(np.delete(w, k)) for k in range(len(w))])\n"
                "    return 2 * lam * np.outer(g, g)",
                0.0,
                "the residual, 1, times the mixed derivative",
            ),
            "q3": ("def flattest_depth(y, most):\n    return most", 0.0, "one layer is the flattest"),
            "q4": (
                "def largest_gap(weights, X, y, rate, steps):\n    return 1.0\n\n\n"
                "bracket, predicted, moved = [0.1, 0.2], 0.15, 5.0",
                0.0,
                "weights that grow beyond a million",
            ),
            "q5": (
                "outcomes, swing = ['converges', 'diverges', 'diverges'], 0.0",
                1.0,
                "look at the run at 0.55 again",
            ),
        },
        {
            "q1": (
                "def hessian(w, y, lam):\n    return np.zeros(len(w))",
                0.0,
                "shape (2, 2), yours has (2,)",
            ),
            "q3": (
                "def flattest_depth(y, most):\n    return max(1, round(-2 * np.log(abs(y))))",
                1.0,
                "the flattest depth is another one",
            ),
            "q4": ("bracket, predicted, moved = 1, 2, 3", 0.0, "largest_gap is not defined"),
            "q5": ("outcomes, swing = 'oscillates', 0.5", 0.0, "a list of three words"),
        },
        {
            "q1": (
                "def hessian(w, y, lam):\n"
                "    g = np.prod(w) / w\n"
                "    second = np.prod(w) / np.outer(w, w) * (1 - np.eye(len(w)))\n"
                "    return 2 * lam * (np.outer(g, g) + (np.prod(w) - y) * second)",
                2.0,
                "the Hessian is wrong at",
            ),
            "q3": ("def flattest_depth(y, most):\n    return int(0)", 0.0, "one layer is the flattest"),
            "q4": (
                "def largest_gap(*args):\n    raise ValueError('not yet')\n\n\n"
                "bracket, predicted, moved = [0.26, 0.27], 0.2, 0.0",
                0.0,
                "not yet",
            ),
            "q5": (
                "outcomes, swing = ['converges', 'oscillates', 'diverges'], 1.0",
                2.0,
                "the swing of the product is another one",
            ),
        },
    ],
    "small-initialization": [
        {
            "q1": (
                "def misalignment(weights):\n"
                "    return max([0.0] + [1 - abs(np.linalg.svd(b)[2][0] @ np.linalg.svd(a)[0][:, 0])\n"
                "        for a, b in zip(weights, weights[1:])])",
                0.0,
                "is it the square of the inner product",
            ),
            "q2": (
                "def aligned(w, widths):\n"
                "    shapes = list(zip(widths[1:], widths))\n"
                "    layers = [np.eye(*shape) for shape in shapes]\n"
                "    layers[0] = np.outer(np.eye(shapes[0][0])[0], w)\n"
                "    return layers",
                0.0,
                "each of the two has the norm sqrt(5)",
            ),
            "q3": (
                "def limit(w, y):\n    return np.full(len(w), y ** (1 / len(w)))",
                0.0,
                "the difference of the squares is conserved",
            ),
            "q5": (
                "pair, worst, depth, trained = [4, 8], 1.05, 2, 1.05",
                1.0,
                "another pair has a larger ratio",
            ),
            "q6": ("plateau, scale, time = 1.0, 0.01, 1.0", 0.75, "the plateau changes by another factor"),
        },
        {
            "q1": (
                "def misalignment(weights):\n    return [0.0 for a, b in zip(weights, weights[1:])]",
                0.0,
                "must return one number",
            ),
            "q2": (
                "def aligned(w, widths):\n"
                "    gain = np.linalg.norm(w) ** (1 / (len(widths) - 1))\n"
                "    layers = [gain * np.eye(b, a) for a, b in zip(widths, widths[1:])]\n"
                "    layers[0] = gain * np.outer(np.eye(widths[1])[0], w / np.linalg.norm(w))\n"
                "    return layers",
                1.5,
                "are not balanced",
            ),
            "q3": (
                "def limit(w, y):\n    return w * (y / np.prod(w)) ** (1 / len(w))",
                2.0,
                "the differences of the squares are wrong",
            ),
            "q5": (
                "pair, worst, depth, trained = [4, 5], 1.229092231548489, 20, 1.0",
                2.0,
                "the least depth with a ratio below 1.05",
            ),
            "q6": ("plateau, scale, time = 1e-3, 10.0, 1e-4", 2.25, "the scale is another one"),
        },
        {
            "q1": (
                "def misalignment(weights):\n"
                "    a, b = weights\n"
                "    return 1 - (np.linalg.svd(b)[2][0] @ np.linalg.svd(a)[0][:, 0]) ** 2",
                0.0,
                "too many values to unpack",
            ),
            "q2": (
                "def aligned(w, widths):\n    return [np.array([w])]",
                0.0,
                "three widths make two layers",
            ),
            "q3": (
                "def limit(w, y):\n"
                "    z = brentq(lambda z: np.prod(z + w**2) - y**2, 0, 1e3)\n"
                "    return np.sqrt(z + w**2)",
                2.0,
                "f(a) and f(b) must have different signs",
            ),
            "q5": ("pair, worst, depth, trained = (5, 4), 1.2, 19, 1.2", 1.0, "the smaller one first"),
            "q6": ("plateau, scale, time = 1e-3, 0.1, 1e-3", 2.25, "the times change by another factor"),
        },
    ],
    "residual-initialization": [
        {
            "q1": (
                "def forward(x, N, s):\n"
                "    h = np.broadcast_to(x, (len(N), len(x)))\n"
                "    for k in reversed(range(N.shape[1])):\n"
                "        h = h + s / np.sqrt(N.shape[1] * len(x)) * np.einsum('nij,nj->ni', N[:, k], h)\n"
                "    return h",
                1.0,
                "is the first layer applied first",
            ),
            "q2": (
                "def second_moment(x, L, s):\n"
                "    return np.outer(x, x) + s**2 / len(x) * (x @ x) * np.eye(len(x))",
                1.33,
                "the trace grows from layer to layer",
            ),
            "q3": (
                "def share(s, L):\n    return 0.5 ** L",
                1.0,
                "the share is another one",
            ),
            "q5": (
                "motion, flatness, calmest, flattest = np.ones(6), np.full(6, 0.5), 0.05, 1.0",
                0.0,
                "Is S_min that of the same readout",
            ),
            "q6": ("moved, grown, lazy = 0.0, 1.0, np.inf", 0.0, "all three are positive"),
        },
        {
            "q1": (
                "def forward(x, N, s):\n    return x + s / 2 * N.sum(axis=1) @ x",
                0.0,
                "I + N maps (1, 0) to (2, 1)",
            ),
            "q2": (
                "def second_moment(x, L, s):\n    return (1 + s**2 / L) ** L * np.outer(x, x)",
                0.0,
                "for different i, j",
            ),
            "q3": (
                "def share(s, L):\n"
                "    c, k = s / np.sqrt(L), np.arange(L + 1)\n"
                "    above = (1 + c) ** (2.0 * k) * (1 - c) ** (2.0 * (L - k)) > 1\n"
                "    return binom.pmf(k, L, 0.5)[above].sum()",
                2.0,
                "the share is wrong at depth 1000",
            ),
            "q5": (
                "motion, flatness, calmest, flattest = np.ones(6), np.ones(6), 0.3, 0.05",
                2.0,
                "the layers move by other amounts",
            ),
            "q6": ("moved, grown, lazy = np.log(3), 3.0, np.sqrt(1.1)", 2.25, "by another factor"),
        },
        {
            "q1": (
                "def forward(x, N, s):\n    return np.zeros(len(x))",
                0.0,
                "shape (3, 2), yours is (2,)",
            ),
            "q2": (
                "def second_moment(x, L, s):\n"
                "    return np.outer(x, x) + ((1 + s**2 / L) ** L - 1) * (x @ x) * np.eye(len(x))",
                0.0,
                "the trace is the mean square",
            ),
            "q3": ("def share(s, L):\n    return 2.0", 0.0, "one of the two is above"),
            "q5": ("motion = np.ones(6)", 0.0, "is not defined"),
            "q6": ("moved, grown, lazy = 3.0, 9.0, 1.1", 0.75, "the motion is another one"),
        },
    ],
    "minimizer": [
        {
            "q1": (
                "def loss_and_gradient(W, mask, values):\n"
                "    return np.sum((W - values)[mask] ** 2), np.where(mask, W - values, 0)",
                0.0,
                "the loss is (4 + 1) / 2",
            ),
            "q2": (
                "def invariants(weights):\n"
                "    return np.sum(weights[0] ** 2, axis=0) - np.sum(weights[-1] ** 2, axis=1)\n"
                "drift, row = 0.0, 0.0",
                0.0,
                "the rows of the last layer against the columns of the first",
            ),
            "q3": (
                "def two_layer_end(W1, W2, d):\n    return np.diag(d)",
                2.0,
                "the end is wrong for 2 entries",
            ),
            "q5": ("zero, nuclear, deep = 1.0, 0.5, [0.4, 0.3]", 1.33, "is another number"),
            "q6": ("two, tiny, three = 0.00707, 0.0000007, 0.5", 1.5, "does the angle of p_1 and p_2"),
        },
        {
            "q1": (
                "def loss_and_gradient(W, mask, values):\n"
                "    return np.sum(((W - values) * mask) ** 2) / 2, (W - values) * mask",
                1.0,
                "the loss must not be NaN",
            ),
            "q2": (
                "def invariants(weights):\n"
                "    return np.sum(weights[-1] ** 2, axis=1)\ndrift, row = 0.5, 0.5",
                0.0,
                "9 - 1 and 1 - 4",
            ),
            "q3": (
                "def two_layer_end(W1, W2, d):\n"
                "    p = W2 + W1.T\n"
                "    p = p / np.linalg.norm(p, axis=1)[:, None]\n"
                "    return np.sqrt(np.outer(d, d)) * (p @ p.T)",
                2.0,
                "with values of both signs",
            ),
            "q5": ("zero, nuclear, deep = 0.0, 0.5, [0.4, 0.3]", 0.0, "its relative error is 1"),
            "q6": ("two, tiny, three = 1.0, 1.0, 1.0", 0.0, "wrong for all three"),
        },
        {
            "q1": (
                "def loss_and_gradient(W, mask, values):\n"
                "    return float(np.sum((W - values)[mask] ** 2) / 2), W - values",
                0.0,
                "zero elsewhere",
            ),
            "q2": (
                "def invariants(weights):\n    return 0.0\ndrift, row = 0.0, 0.0",
                0.0,
                "one number for each",
            ),
            "q3": (
                "def two_layer_end(W1, W2, d):\n    return W2 @ W1",
                0.0,
                "the observed entry ends at its value 3",
            ),
            "q5": ("zero, nuclear, deep = 1.0, 0.5, 0.4", 0.0, "a list of two errors"),
            "q6": ("two, tiny, three = 0.00707, 0.00707, 0.0141", 2.25, "w_12 of three layers"),
        },
    ],
    "noise": [
        {
            "q1": (
                "def step(w, eta, y, noise):\n    return w - eta * (np.prod(w) - y + noise) * np.prod(w) / w",
                0.0,
                "the noise belongs to the label",
            ),
            "q2": (
                "def mean_factors(w, eta, y, sigma):\n"
                "    return np.diff(step(w, eta, y, 0.0) ** 2) / np.diff(w**2)\ngap = 0.0",
                1.0,
                "each step multiplies D by 1 - 0.01",
            ),
            "q3": (
                "def particles(x0, t):\n    return np.sort(x0)\npair_gap = 4.0",
                1.33,
                "grows by d (d - 1) t",
            ),
            "q5": (
                "def balanced_trace(covariance, minimizer, depth):\n    return np.trace(covariance)\n"
                "ratio, saved = 14.0, [1.0, 1.0, 1.0]",
                0.0,
                "the first layer sees the trace 5",
            ),
            "q6": ("far, beta, norm = 2.63, 12.0, 2.5", 2.25, "the entry is another number"),
        },
        {
            "q1": (
                "def step(w, eta, y, noise):\n"
                "    return w - eta * (np.prod(w) - y - noise) * np.prod(w) / np.where(w == 0, 1, w)",
                1.0,
                "multiply the others instead of dividing",
            ),
            "q2": (
                "def mean_factors(w, eta, y, sigma):\n    return 1 - eta**2 * sigma**2\ngap = 0.1",
                0.0,
                "two layers have one imbalance",
            ),
            "q3": (
                "def particles(x0, t):\n"
                "    p = np.poly(x0)\n"
                "    return np.sort(np.roots(np.polyadd(p, -t / 2 * np.polyder(p, 2))).real)\n"
                "pair_gap = 16.0",
                1.33,
                "the places are wrong from",
            ),
            "q5": (
                "def balanced_trace(covariance, minimizer, depth):\n"
                "    size = np.linalg.norm(minimizer)\n"
                "    return 2 * depth * size ** (2 - 2 / depth) * np.trace(covariance)\n"
                "ratio, saved = 1.0, [1.0, 1.0, 1.0]",
                0.0,
                "twice: 48",
            ),
            "q6": ("far, beta, norm = 1.0, 10.0, 2.0", 0.0, "the four meet at a lower temperature"),
        },
        {
            "q1": (
                "def step(w, eta, y, noise):\n    return w - eta * (np.prod(w) - y - noise)",
                0.0,
                "times the second",
            ),
            "q2": (
                "def mean_factors(w, eta, y, sigma):\n"
                "    rest = [np.prod(np.delete(w**2, [k, k + 1])) for k in range(len(w) - 1)]\n"
                "    return 1 - eta**2 * ((np.prod(w) - y) ** 2 + sigma**2) * np.array(rest)\n"
                "gap = 0.01",
                2.0,
                "the formula is exact",
            ),
            "q3": (
                "def particles(x0, t):\n    return dl.noise.heat_roots(x0, t)\npair_gap = 3.0",
                2.67,
                "from 4 to 16",
            ),
            "q5": (
                "def balanced_trace(covariance, minimizer, depth):\n"
                "    size = np.linalg.norm(minimizer)\n"
                "    unit = minimizer / size\n"
                "    a = unit @ covariance @ unit\n"
                "    return 2 * size ** (2 - 2 / depth) * (np.trace(covariance) + (depth - 1) * a)\n"
                "ratio, saved = 10.0, [2.0, 2.2, 2.2]",
                2.0,
                "a is the curvature along the unit vector",
            ),
            "q6": ("far, beta, norm = 2.1675, 10.5, 2.5", 2.25, "at another beta"),
        },
    ],
}


def test_every_assignment_has_wrong_answers_to_each_question():
    for path in MASTERS:
        graded = {question.name for question in masters.read(path).questions if not question.manual}
        assert len(WRONG[path.stem]) == 3, path.stem
        assert all(answers.keys() == graded for answers in WRONG[path.stem]), path.stem


@pytest.mark.parametrize("number", range(3))
@every_master
def test_typical_wrong_answers(tmp_path, path, number):
    answers = WRONG[path.stem][number]
    cells = reference(path, **{question: answer for question, (answer, _, _) in answers.items()})
    result = judge.judge(submitted(tmp_path / "a.ipynb", *cells), masters.read(path))
    for question, (_, wanted, told) in answers.items():
        found = result["questions"][question]
        assert found["points"] == wanted, (question, found)
        assert told in found["message"], (question, found)


# What a hostile cell does, and what may be got in a notebook that is right otherwise: everything, for what
# harms nobody, or nothing.
RIGHT, NOTHING = "right", "nothing"
HOSTILE = {
    "ends the process": ("import os\nos._exit(0)", NOTHING),
    "leaves": ("import sys\nsys.exit()", RIGHT),
    "does not end": ("while True:\n    pass", RIGHT),
    "takes all memory": ("def hoard():\n    return [bytes(10**8) for i in range(100)]\n\n\nhoard()", RIGHT),
    "forks without end": (
        "import os, time\nfor _ in range(10**4):\n    try:\n        if os.fork() == 0:\n"
        "            time.sleep(60)\n    except OSError:\n        break",
        RIGHT,
    ),
    "prints 50 MB": ("for _ in range(500):\n    print('x' * 10**5)", RIGHT),
    "fills the disk": (
        "with open('/tmp/big', 'wb') as file:\n    for _ in range(10**4):\n        file.write(bytes(10**7))",
        RIGHT,
    ),
    "reads what is around": (
        "import os\nseen = [os.listdir(p) for p in ('/', '..', '/tmp', '.')]\n"
        f"assert not os.path.exists({str(ROOT / 'assignments')!r})\n"
        f"assert not os.path.exists({str(ROOT / 'tools')!r})",
        RIGHT,
    ),
    "asks the network": (
        "import socket\nassert {name for _, name in socket.if_nameindex()} <= {'lo'}",
        RIGHT,
    ),
    "is somebody": ("import os\nassert os.getuid() not in (0,)", RIGHT),
}


@pytest.mark.parametrize(
    "magic",
    ["%%time", "%%timeit", "%%timeit -n 3 warm = 1", "%%capture", "%%capture kept --no-stderr", "%%prun -q"],
)
def test_a_magic_that_runs_its_cell_runs_it(tmp_path, magic):
    """Above every cell of right answers, as a student writes it who wants to know how long they take."""
    setup, *answers = reference(MASTER)
    path = submitted(tmp_path / "a.ipynb", setup, *(f"{magic}\n{cell}" for cell in answers))
    result = judge.judge(path, masters.read(MASTER))
    assert points(result) == full(MASTER), result
    assert result["message"] == ""


def test_other_magics_are_named_and_lines_do_no_harm(tmp_path):
    setup, *answers = reference(MASTER)
    lines = "%matplotlib inline\n%time waited = 1 + 1\nassert waited == 2"
    path = submitted(tmp_path / "a.ipynb", setup, lines, "%%bash\nls", *answers)
    result = judge.judge(path, masters.read(MASTER))
    assert points(result) == full(MASTER)
    assert result["message"] == (
        "cell 3: ValueError: the magic command %%bash is not run here, nor the cell below it"
    )


# What takes a system of its own.
APART = {"reads what is around", "asks the network", "is somebody", "forks without end"}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_notebook_gets_what_its_answers_are_worth(tmp_path, monkeypatch, what):
    monkeypatch.setattr(sandbox, "CELL", 5.0)
    code, worth = HOSTILE[what]
    if what in APART and not sandbox.apart():
        pytest.skip("bubblewrap is not installed (on Debian: apt-get install bubblewrap)")
    path = submitted(tmp_path / "a.ipynb", code, *reference(MASTER))
    result = judge.judge(path, masters.read(MASTER))
    wanted = full(MASTER) if worth == RIGHT else dict.fromkeys(full(MASTER), 0.0)
    assert points(result) == wanted, (what, result)
    if what in APART:
        assert result["message"] == ""


# What a notebook without right answers does to get points.
ATTACKS = {
    "everything is equal": "np.allclose = np.isclose = lambda *a, **k: True\nnp.ndim = lambda a: 0",
    "asserts are off": "import builtins\nbuiltins.AssertionError = type('Never', (Exception,), {})",
    "the library lies": "dl.gradient = dl.imbalances = lambda *a, **k: []\ndl.Regression = None",
    "the grader is patched": "import plain\nplain.encode = plain.decode = lambda *a: {'v': True}",
    "json is patched": 'import json\njson.dumps = lambda *a, **k: \'{"value": {"v": true}}\'',
    "an answer of an object that equals all": (
        "class All:\n    __eq__ = __lt__ = __gt__ = __le__ = lambda *a: True\n    __array__ = None\n"
        "imbalances = gradients = drift = lambda *a: All()\ndrifts = order = wrong_sentence = All()"
    ),
    "answers are written ahead": (
        "import os\nfor fd in range(3, 20):\n    try:\n"
        '        os.write(fd, b\'{"value": {"v": true}}\\n\' * 100)\n    except OSError:\n        pass'
    ),
    "results are written": (
        "for place in ('scores.csv', '/tmp/scores.csv', '../scores.csv', 'kept/a.json'):\n    try:\n"
        "        open(place, 'w').write('full marks')\n    except OSError:\n        pass"
    ),
    "deep answers": "drifts = []\nfor _ in range(10**4):\n    drifts = [drifts]\norder = drifts",
    "huge answers": "drifts = np.ones(10**8)\norder = 'x' * 10**8",
}


@pytest.mark.parametrize("what", ATTACKS)
def test_an_attack_gets_no_points(tmp_path, what):
    setup = masters.read(MASTER).setup
    result = judge.judge(submitted(tmp_path / "a.ipynb", setup, ATTACKS[what]), masters.read(MASTER))
    assert set(points(result).values()) == {0.0}, result


def test_a_notebook_that_does_not_listen_does_not_hold_up_the_class(tmp_path, monkeypatch):
    """It has said that it is ready, and sleeps: what is sent to it fills the pipe."""
    monkeypatch.setattr(sandbox, "ALL", 3.0)
    code = (
        "import os, signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0)\nfor fd in range(3, 20):\n"
        "    try:\n        os.write(fd, b'{\"errors\": []}\\n')\n    except OSError:\n"
        "        pass\ntime.sleep(1000)"
    )
    submission = sandbox.Submission([code], str(tmp_path))
    with pytest.raises(sandbox.Gone, match="it takes too long"):
        submission.call("f", np.zeros(10**6))


def test_moved_and_missing_cells(tmp_path):
    """The order of answers that do not need each other is free; what is missing costs its own points."""
    cells = reference(MASTER)
    moved = [cells[0], cells[-1], *cells[1:-2]]  # without the data of question 4
    result = judge.judge(submitted(tmp_path / "a.ipynb", *moved), masters.read(MASTER))
    assert points(result) == full(MASTER) | {"q4": 0.0}


def test_plain_values_pass_and_others_do_not():
    value = {"a": [1, 2.5, None, "x", (True, 1j)], "b": np.arange(6).reshape(2, 3)}
    found = plain.decode(plain.encode(value))
    assert found["a"] == value["a"]
    np.testing.assert_array_equal(found["b"], value["b"])
    for bad in (object(), np.array([object()]), {1: 2}, lambda: 0):
        with pytest.raises(TypeError):
            plain.encode(bad)
    buffer = io.BytesIO()
    np.save(buffer, np.array([object()]), allow_pickle=True)
    coded = {"a": base64.b64encode(buffer.getvalue()).decode()}
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        plain.decode(coded)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["# BEGIN QUESTION\nname: q1"], "begins with name, points and manual"),
        (["# BEGIN QUESTION\nname: q1\npoints: 1\nmanual: true"], "does not end"),
        (["# END QUESTION"], "no part of a question"),
        (
            ["# BEGIN QUESTION\nname: q1\npoints: 1\nmanual: false", "# END QUESTION"],
            "no test that students see",
        ),
        (["notes"], "no part of a question"),
    ],
)
def test_a_master_that_is_wrong_is_told_where(tmp_path, cells, told):
    about = {"number": 1, "title": "A", "session": "setting", "minutes": 1, "goals": "g"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_raw_cell(cell) for cell in cells], metadata={"assignment": about}
    )
    nbformat.write(notebook, tmp_path / "a.ipynb")
    with pytest.raises(masters.MasterError, match=told):
        masters.read(tmp_path / "a.ipynb")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """What systems give: folders of Moodle, names of Canvas; and what is no notebook."""
    folder = tmp_path_factory.mktemp("class")
    cells = reference(MASTER)
    moodle = folder / "Zoë Ångström_123_assignsubmission_file_"
    moodle.mkdir()
    submitted(moodle / "my answers (1).ipynb", *cells)
    submitted(folder / "curiemarie_LATE_11_22_setting.ipynb", cells[0], cells[1])
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "empty.ipynb").write_text("")
    (folder / "essay.pdf").write_bytes(b"%PDF-1.7 \xff")
    (folder / "link.ipynb").symlink_to(MASTER)
    (folder / ".DS_Store").write_text("")
    return folder


def rows(out):
    with (out / "scores.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_a_class(handed_in, tmp_path, capsys):
    assert grading.main([str(MASTER), str(handed_in), str(tmp_path)]) == 0
    found = rows(tmp_path)
    best = sum(full(MASTER).values())
    assert {name: (row["total"], row["status"]) for name, row in found.items()} == {
        "Zoë Ångström": (str(best), "graded"),
        "curiemarie": ("2.0", "graded"),
        "broken": ("0.0", "unreadable"),
        "empty": ("0.0", "unreadable"),
        "essay": ("0.0", "unreadable"),
        "link": ("0.0", "unreadable"),
    }
    assert found["link"]["message"] == "a link, and not a file"
    assert found["curiemarie"]["q5"] == ""  # by hand
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "reports").iterdir()}
    assert len(pages) == 6
    page = next(text for name, text in pages.items() if "Zoë" in name)
    assert f"{best:g} of {best:g} points" in page
    assert "6/6" in capsys.readouterr().out
    # Grading again, or going on after an interruption, gives the same table without running anything.
    before = (tmp_path / "scores.csv").read_bytes()
    kept = sorted((tmp_path / "kept").glob("*.json"))
    kept[0].unlink()
    stamps = {path: path.stat().st_mtime_ns for path in kept[1:]}
    assert grading.main([str(MASTER), str(handed_in), str(tmp_path)]) == 0
    assert (tmp_path / "scores.csv").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in kept[1:]} == stamps


def test_a_zip_of_gradescope(tmp_path):
    submitted(tmp_path / "a.ipynb", *reference(MASTER)[:2])
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.write(tmp_path / "a.ipynb", "export/submission_7/a.ipynb")
        archive.writestr(
            "export/submission_metadata.yml",
            "submission_7:\n  :submitters:\n  - :name: =HYPERLINK(1)\n    :email: a@b\n",
        )
    assert grading.main([str(MASTER), str(tmp_path / "class.zip"), str(tmp_path / "out")]) == 0
    (row,) = rows(tmp_path / "out").values()
    assert row["student"] == "'=HYPERLINK(1)"
    assert row["total"] == "2.0"


def test_what_is_not_there_is_named(capsys, tmp_path):
    assert grading.main([str(MASTER), str(tmp_path / "nowhere"), str(tmp_path)]) == 2
    assert "SUBMISSIONS must be there" in capsys.readouterr().out
    assert grading.main([]) == 2
