"""Break each claim on purpose, and see its check fail.

A row names a claim, a piece of its chapter's code and what to write in its place: a wrong exponent, constant or
sign, or a random positive matrix where the operator should be. The check must raise the error of that claim.
"""
# ruff: noqa: E501  (a row stays on its line)

import ast
import contextlib
import io
import itertools
import json
import os
import re
import symtable
import warnings
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib
import pytest

from dlnlab import ClaimError

BOOK = Path(__file__).resolve().parent.parent / "book"

MUTATIONS = {
    "setting": [
        ("prop-one-layer", "np.exp(-2 * path.times", "np.exp(-path.times"),
        ("prop-one-layer", "predicted = 4 * eigenvalues[0]", "predicted = 2 * eigenvalues[0]"),
        ("prop-one-layer", "few.minimizer + null_space.T", "few.minimizer - null_space.T"),
        ("prop-one-layer", "equals=1.002**1000", "equals=1.001**1000"),
        ("prop-gradient", "np.sum(G * V)", "np.sum(G * V.mean())"),
        ("thm-conservation", "drift = relative_drift(path)", "drift = np.ptp(path.weights[0])"),
        ("prop-count", "c * (c - 1) / 2", "c * (c + 1) / 2"),
        ("cor-norms", "np.sum(W2**2, axis=1) - np.sum(W1**2", "np.sum(W2**2, axis=1) + np.sum(W1**2"),
        ("prop-balanced", "end_to_end ** (1 / 3)", "end_to_end ** (1 / 2)"),
        ("prop-balanced", "matrix_power(W3 @ W3.T, 3)", "matrix_power(W3 @ W3.T, 2)"),
        ("prop-two-scalars", "(root - (w2**2 - w1**2)) / 2", "(root + (w2**2 - w1**2)) / 2"),
        ("prop-rescaling", "[c * W1, W2 / c, W3]", "[c * W1, W2 / c**2, W3]"),
        ("thm-bounded", "bound = (D + root) / 2", "bound = (root - D) / 2"),
        ("thm-bounded", "M ** (L - k) * ((M + Delta) ** k - M**k)", "1e-4 * M * ((M + Delta) ** k - M**k)"),
        ("prop-drift", "G[k + 1].T @ G[k + 1] - G[k]", "G[k + 1].T @ G[k + 1] + G[k]"),
        ("prop-drift", "equals=slope", "equals=2 * slope"),
        ("prop-drift-paid", "drift / (eta *", "drift / (eta**2 *"),
        ("prop-gain", "factor = 1 - (eta", "factor = 1 + (eta"),
        ("ex-relu", "b1 = active * (W2.T @ b2)", "b1 = W2.T @ b2"),
    ],
    "acceleration": [
        ("thm-end-to-end", "depth=3, duration=2.0", "depth=2, duration=2.0"),
        ("prop-spectrum", "power(W @ W.T, (L - j) / L)", "power(W @ W.T, (L - j) / (L + 1))"),
        ("prop-spectrum", "equals=rank * (8 - rank)", "equals=rank * (9 - rank)"),
        ("prop-spectrum", "left ** (2 / 3)", "left ** (1 / 3)"),
        ("cor-singular-values", "formula = -3 * s[i] ** (4 / 3)", "formula = -3 * s[i] ** (2 / 3)"),
        ("prop-metric", "dl.metric(W, Z, Z, L)", "np.sum(rng.random(Z.shape) * Z**2)"),
        ("prop-metric", "dl.volume_element(W, L)", "dl.volume_element(W, L + 1)"),
        ("prop-metric", "dl.metric(W, velocity, Z, 3)", "dl.metric(W, velocity, Z, 2)"),
        ("prop-infinite-depth", "-np.log(np.outer(s, s))", "-np.log(np.outer(s, s)) / 2"),
        ("prop-single", "dl.precondition(w[None], z[None], L)[0]", "dl.precondition(w[None], z[None], L + 1)[0]"),
        ("prop-two-points", "equals=1 / 16", "equals=1 / 8"),
        ("prop-two-points", "equals=4 * y1**2", "equals=12 * y1**2"),
        ("prop-two-points", "dl.rules.plain(factors / y1**2)", "dl.rules.plain(factors / (3 * y1**2))"),
        ("prop-exact-step", "by_rule + 0.5**2", "by_rule + 0.5"),
        ("thm-no-regulariser", "curl += (L - 1)", "curl -= (L - 1)"),
        ("thm-no-regulariser", "r ** (3 - 2 / L)", "r ** (2 - 2 / L)"),
        ("prop-plateau", "w0 ** (-1 / 3) / y", "w0 ** (-1 / 2) / y"),
        ("prop-direction", "(L - 1) * unit @ H @ unit", "L * unit @ H @ unit"),
        ("ex-best-depth", "np.eye(10) + L * np.outer", "np.eye(10) + (L + 1) * np.outer"),
    ],
    "imbalance": [
        ("prop-operator", "dl.operator_matrix(weights) @ E.ravel", "np.diag(rng.random(12)) @ E.ravel"),
        ("prop-operator", "velocity = -dl.tau_adjoint", "velocity = dl.tau_adjoint"),
        ("thm-rate", "equals=2 * values[0]", "equals=values[0]"),
        ("thm-rate", "np.exp(-2 * alpha * 0.5)", "np.exp(-3 * alpha * 0.5)"),
        ("thm-chain", "np.maximum(gap, 0)", "gap"),
        ("thm-chain", "(T.min(axis=0) / alpha).min()", "(T.min(axis=0) / (1.1 * alpha)).min()"),
        ("thm-chain", "dl.scalar_rate_bound(w, margin)", "dl.scalar_rate_bound(w, margin / 2)"),
        ("thm-chain", "lower = dl.scalar_rate_lower_bound(many, y)", "lower = 1.2 * dl.scalar_rate_lower_bound(many, y)"),
        ("cor-factorial", "factorial(L - 1)", "factorial(L)"),
        ("cor-factorial", "equals=factorial(L), what", "equals=factorial(L - 1), what"),
        ("prop-compare", "** (2 - 2 / L)", "** (2 - 1 / L)"),
        ("prop-compare", "high = L * np.mean(w**2, axis=1) ** (L - 1)", "high = np.mean(w**2, axis=1) ** (L - 1)"),
        ("prop-no-free-factorial", "equals=T, what=what", "equals=2 * T, what=what"),
        ("prop-no-free-factorial", "np.linalg.eigvalsh(dl.operator_matrix(layers))", "np.sort(rng.random(6))"),
        ("lem-margin", "gap = np.sqrt(easy.excess_risk(near) / eigenvalues[0])", "gap = 0.0"),
        ("thm-two-layers", "dl.two_layer_rate_bound([W1, W2]) / truth", "1.1 * dl.two_layer_rate_bound([W1, W2]) / truth"),
        ("thm-two-layers", "np.maximum(-values, 0)", "np.maximum(1 - values, 0)"),
        ("thm-three-margin", "B = dl.three_layer_rate_bound(layers, s)", "B = dl.three_layer_rate_bound(layers, 2 * s)"),
        ("thm-three-layers", "- dl.three_layer_rate_bound(one)", "- 0.9 * dl.three_layer_rate_bound(one)"),
        ("lem-rank-one", "/ 2\ndl", "\ndl"),
        ("thm-three-margin", "dl.three_layer_rate_bound(chain, m)", "dl.three_layer_rate_bound(chain)"),
        ("thm-three-layers", "1e6\n", "1e5\n"),
        ("prop-square", "worst, what = np.max(bound / T)", "worst, what = np.max(1.2 * bound / T)"),
        ("thm-homogeneous", "smallest ** (2 - 2 / L)", "smallest ** (1 - 1 / L)"),
        ("ex-push", "np.exp(-2) * X", "np.exp(2) * X"),
    ],
    "largest-learning-rate": [
        ("prop-hessian", "(ahead[k] - back[k]) / (2 * h)", "(ahead[k] - back[k]) / h"),
        ("prop-minimisers", "dense - 1)", "dense / 2 - 1)"),
        ("prop-descent", "1 - beta * eta / 2", "1 + beta * eta"),
        ("prop-stability", "equals=fraction - 1", "equals=fraction"),
        ("thm-minimal", "np.exp(x / (2 * (L - 1)))", "np.exp(x / (L - 1))"),
        ("thm-minimal", "0.3 * np.outer(np.eye(5)[1], z)", "0.3 * np.outer(np.eye(5)[0], z)"),
        ("thm-lower", "task) / (2 * a * np.sum(norms**-2.0)", "task) / (2 * a * np.sum(norms**-1.0)"),
        ("thm-minimal", "first = np.outer(e, w) / n ** (depth - 1)", "first = np.outer(e, w) / n**depth"),
        ("prop-upper", '"equals": np.log(1 / rho)', '"equals": 1 / rho - 1'),
        ("prop-upper", "np.array([lower, least, balanced, upper, slides])", "np.array([lower, balanced, least, upper, slides])"),
        ("prop-valley", "at_least=2 * a * C**2", "at_least=2 * a * C**3"),
        ("ex-scalar-sharpness", "/ W[0][0]) ** 2", "/ W[0][0])"),
        ("ex-period-two", "[1, -(1 + 2 * eta), 1]", "[1, -(1 + 3 * eta), 1]"),
        ("ex-trace", "a ** (1 - 1 / L) *", "a ** (1 / L) *"),
    ],
    "small-initialization": [
        ("lem-structure", "(M + delta), form.spectral_spread", "(M * delta), form.spectral_spread"),
        ("thm-norms", "w ** (2 / len(top))", "w ** (1 / len(top))"),
        ("prop-davis-kahan", "(np.linalg.norm(D, 2) / gap) ** 2", "(np.linalg.norm(D, 2) / gap) ** 3"),
        ("cor-descent", "form.spectral_spread.max() / delta", "form.spectral_spread.max() / (0.3 * delta)"),
        ("prop-gradient-norm", "np.sum(W3**2) * W1.T @ W1", "np.sum(W3**2) * W1.T @ W1 / 2"),
        ("cor-critical", "np.sum(g**2, axis=1) / top**2", "np.sum(g**2, axis=1) / top"),
        ("thm-convergence", "right = 4 * lam", "right = 4.1 * lam"),
        ("prop-start", "<= 2 * w @ task.cross_moment", "<= -1 + 2 * w @ task.cross_moment"),
        ("cor-structure", "bound = 1 + 2 * delta / 1e-7", "bound = 4"),
        ("thm-small-limit", "dl.balanced_sharpness(serum, L),", "dl.minimal_sharpness(serum, L),"),
        ("ex-plateau-time", "(2 * (L - 2))", "(L - 2)"),
        ("ex-large-balanced", "limit = dl.balanced_sharpness(task, 4)", "limit = dl.minimal_sharpness(task, 4)"),
        ("ex-scalar-limit", "D / (2 * target.minimizer[0])", "D / target.minimizer[0]"),
    ],
    "residual-initialization": [
        ("prop-moment", "L ** (2 * beta)", "L**beta"),
        ("lem-perturbation", "upper, change = B * np.exp(B * theta)", "upper, change = np.exp(theta)"),
        ("lem-perturbation", "np.exp(0.498)", "np.exp(0.6)"),
        ("lem-prefix", "B / ratio, at_most=1", "B**3 / ratio, at_most=1"),
        ("thm-residual", "size / (L * (p @ p)", "size / ((p @ p)"),
        ("thm-residual", "equals=1e-3, rtol=0.01", "equals=2e-3, rtol=0.01"),
        ("thm-residual", "rate / L, equals=4 * lam", "rate / L**2, equals=4 * lam"),
        ("prop-identity", "equals=2 * L * Lam", "equals=2 * L * lam"),
        ("prop-trained-identity", "tau ** (-2 * np.arange(L) / L)", "tau ** (-np.arange(L) / L)"),
        ("prop-balanced-chain", "(2 * L - 1) * w - (L - 1))\n    formula", "(2 * L - 1) * w - L)\n    formula"),
        ("ex-which-noise", "predicted = np.mean(np.sum(x**2, axis=1)), (1 + s**2 / L) ** L", "predicted = np.mean(np.sum(x**2, axis=1)), 1 + s**2 / L"),
        ("ex-deep-dip", "(L - 1) ** 2", "(L - 1)"),
    ],
    "minimizer": [
        ("prop-separation", "** (-L / (L - 2)) for L", "** -1 for L"),
        ("prop-determinant", "s[:, None] ** (1 - 2 / L)", "s[:, None] ** (2 - 2 / L)"),
        ("thm-commuting", "alpha ** (1 - 2 / L) * x ** (2 / L)", "alpha ** (1 - 1 / L) * x ** (2 / L)"),
        ("thm-hyperbolic", "0.3, depth=L)", "0.3, depth=L + 1)"),
        ("thm-hyperbolic", "alpha ** (L - 2) *", "alpha**L *"),
        ("thm-razin-cohen", "ratio = np.abs(W[:, 0, 0]) / ((1 - p) ** 1.5", "ratio = np.abs(W[:, 0, 0]) / ((1 - p) ** 0.5"),
        ("thm-razin-cohen", "bound = np.sqrt(2 * corner", "bound = np.sqrt(corner"),
        ("prop-loss-vanishes", "dl.polar_flow(near, corner, 2", "dl.polar_flow(near, corner, 3"),
        ("lem-mask", "dl.gradient_flow(weights, diagonal, 3.0)", "dl.gradient_flow(weights, dl.Factorization(np.ones((3, 3))), 3.0)"),
        ("thm-corners", "** (2 / 3) * np.tanh(h)", "** (1 / 3) * np.tanh(h)"),
        ("thm-depth-two", "dl.diagonal_limit(layers, d)", "dl.diagonal_limit(layers, 1.01 * d)"),
        ("thm-depth-two", "np.outer(d, d)", "np.outer(d, np.ones(3))"),
        ("thm-full-rank", "dl.polar_flow(0.01 * W0[0], pair", "dl.polar_flow(0.01 * W0[0], corner"),
        ("prop-volume", "equals=3**1.5", "equals=3**0.5"),
        ("prop-two-volumes", "g2[1:3, 1:3]", "g2[:2, :2]"),
        ("prop-two-volumes", 'np.linalg.norm(W, "nuc")', "np.linalg.norm(W)"),
        ("prop-orbit", "equals=group**2 * gram", "equals=group**2 * gram**2"),
        ("prop-orbit", "equals=2 ** (2 / 3)", "equals=2 ** (4 / 3)"),
        ("prop-arcsine", "np.arcsin(np.clip(c, -1, 1)) / np.pi", "np.clip(c, -1, 1) / 2"),
    ],
    "noise": [
        ("lem-move", "quadratic = dl.imbalances(pull)", "quadratic = dl.imbalances(weights)"),
        ("prop-modified", "eta / 2 * (r * S", "eta / 4 * (r * S"),
        ("prop-modified", "cumulative_trapezoid(eta * G", "cumulative_trapezoid(eta / 2 * G"),
        ("prop-large-steps", "equals=3 - 2 * z", "equals=4 - 2 * z"),
        ("prop-large-steps", "equals=1 + z", "equals=z"),
        ("prop-landing", "equals=-4 * e2", "equals=-8 * e2"),
        ("prop-landing", "c2**2 + c3, equals=C", "c2**2 - c3, equals=C"),
        ("prop-landing", "(2 - edge) / r**2", "(2 - edge) / (2 * r**2)"),
        ("eq-landing", "zeta = 2 * C * excess / kappa", "zeta = C * excess / kappa"),
        ("thm-dyson", "2 / beta * 3 * t", "1 / beta * 3 * t"),
        ("prop-heat", "t / 2 * p0.deriv(2)", "t * p0.deriv(2)"),
        ("prop-heat", "equals=1.25 + 6 * t", "equals=1.25 + 3 * t"),
        ("prop-heat", "np.prod(point - roots)", "np.prod(point - np.sqrt(2) * roots)"),
        ("prop-force", "dl.metric(W, push, h, L)", "dl.metric(W, push, h, L + 1)"),
        ("prop-gauge", "np.sqrt(1e-3) * d", "np.sqrt(2e-3) * d"),
        ("thm-entropy", '"thm-entropy", z_score(norm, 1.8)', '"thm-entropy", z_score(norm, 2.3)'),
        ("thm-entropy", "dl.noise.entropy_gradient(W, L) / 2", "dl.noise.entropy_gradient(W, L + 1) / 2"),
        ("prop-no-minimum", "** (2 / 3)) / 20", "** (1 / 3)) / 20"),
        ("thm-free-energy", "(L - 1) / (2 * beta)", "L / (2 * beta)"),
        ("thm-brownian", "s ** (1 - 2 / L)", "s ** (1 - 1 / L)"),
        ("thm-brownian", "(beta * clock)", "(2 * beta * clock)"),
        ("prop-sgd", "dl.noise.tangent_noise(layers, surface, rng=rng)", 'dl.noise.tangent_noise(layers, "leaf", rng=rng)'),
        ("thm-label-noise", "-2 * sigma**2 * D", "-(sigma**2) * D"),
        ("thm-unbalance", "e[None] / n]", "e[None] / n**2]"),
        ("thm-unbalance", "np.sum(W1**2) / np.sum(W2**2)", "np.sum(W1**2) / np.sum(W2**2) - 1"),
        ("prop-isotropic", "- 3 * layers[1].T", "- layers[1].T"),
        ("prop-langevin", "2 / 4 * (2 - 5)", "2 / 4 * (3 - 5)"),
        ("prop-product", "gauss * k0(", "gauss / k0("),
        ("thm-leaf", "U @ (S * D + (S @ d)", "U @ (S * D + 2 * (S @ d)"),
        ("ex-gauge-rate", "equals=6,", "equals=3,"),
        ("ex-unbalanced", "(1 + eps) / eps", "1 / eps"),
    ],
}  # fmt: skip


def cells(chapter):
    for cell in json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        # Without explorers and figures, which no check needs.
        drawn = "dl.explore(" in source or "figure" in cell["metadata"].get("mystnb", {})
        if cell["cell_type"] == "code" and "google.colab" not in source and not drawn:
            yield source


def statements(source):
    return ast.parse(source).body


def run(body, names):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(ast.Module(body, type_ignores=[]), "<cell>", "exec"), names)


def alike(body, other):
    """The number of statements that two versions of a cell begin with in common."""
    pairs = zip(body, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: ast.dump(pair[0]) == ast.dump(pair[1]), pairs))


def in_a_copy(action):
    """Run an action in a copy of this process, whose names and generators it may spoil; return its text."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # of threads: those of pytest-xdist wait for input, and hold no lock
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            text = action()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


class Broken(NamedTuple):
    """A row of the table and where it breaks a chapter: the cell, its first statement that is another, the last cell.

    A helper that is broken breaks the check in a later cell.
    """

    row: tuple[str, str, str]
    cell: int
    begun: int
    last: int

    def complaint(self, sources, names):
        """Go on until the claim is checked; return what the first check that fails says, or nothing."""
        try:
            for number in range(self.cell, self.last + 1):
                body = statements(sources[number].replace(*self.row[1:]))
                run(body[self.begun if number == self.cell else 0 :], names)
        except ClaimError as error:
            return str(error)
        return ""


def found(row, sources):
    """Find where a row breaks a chapter."""
    label, old, new = row
    cell = next((number for number, source in enumerate(sources) if old in source), None)
    assert cell is not None, f"no cell has this line any more, change the row in MUTATIONS: {row}"
    begun = alike(statements(sources[cell]), statements(sources[cell].replace(old, new)))
    checked = (number for number in range(cell, len(sources)) if f'"{label}"' in sources[number])
    return Broken(row, cell, begun, next(checked, len(sources) - 1))


def names_of(statement):
    """Return the names of a chapter that a statement uses, gives and changes."""

    def tables(table):
        return [table, *itertools.chain.from_iterable(map(tables, table.get_children()))]

    def root(node):
        while not isinstance(node, ast.Name):
            node = node.value if hasattr(node, "value") else getattr(node, "func", ast.Name(""))
        return node.id

    top = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    symbols = [symbol for table in tables(top) for symbol in table.get_symbols()]
    used = {symbol.get_name() for symbol in symbols if symbol.is_global() and symbol.is_referenced()}
    given = {
        symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    changed = {
        root(node.target if isinstance(node, ast.AugAssign) else node)
        for node in ast.walk(statement)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.Attribute) and node.attr in {"append", "extend", "update"})
    }
    return used | changed, given, changed


def needed(bodies, breaks):
    """Return which statements the checks of broken claims need, by their cells and their places there.

    From a line that is broken until its check all; before it those that give what is used there. What draws and
    is left out leaves a generator elsewhere than in the chapter: a check must hold as it is there too.
    """
    need, kept = set(), set()
    for cell in reversed(range(len(bodies))):
        for place in reversed(range(len(bodies[cell]))):
            used, given, changed = names_of(bodies[cell][place])
            own = any((b.cell, b.begun) <= (cell, place) and cell <= b.last for b in breaks)
            if own or (given | changed) & need:
                kept.add((cell, place))
                need = need - (given - changed) | used
    return kept


def test_every_claim_is_broken_once():
    """Each theorem, proposition, lemma and corollary of every chapter has a row."""
    chapters = {path.stem for path in BOOK.glob("*.ipynb")}
    assert MUTATIONS.keys() >= chapters, f"MUTATIONS has no rows for {chapters - MUTATIONS.keys()}"
    assert MUTATIONS.keys() <= chapters, f"there is no chapter for these rows: {MUTATIONS.keys() - chapters}"
    for chapter, rows in MUTATIONS.items():
        text = json.loads((BOOK / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
        prose = "\n".join("".join(cell["source"]) for cell in text if cell["cell_type"] == "markdown")
        stated = set(re.findall(r"^:label: ((?:thm|prop|lem|cor)-\S+)", prose, flags=re.MULTILINE))
        missing = stated - {label for label, _, _ in rows}
        assert not missing, f"{chapter}: add a row that breaks {missing}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot copy a process")
@pytest.mark.parametrize("chapter", [name for name in MUTATIONS if (BOOK / f"{name}.ipynb").exists()])
def test_a_broken_claim_fails(chapter, monkeypatch):
    """From the statement on that is broken, in a copy of the process that runs the chapter as it is."""
    matplotlib.use("agg")
    monkeypatch.chdir(BOOK)
    names, sources, survivors = {}, list(cells(chapter)), []
    breaks = [found(row, sources) for row in MUTATIONS[chapter]]
    bodies = list(map(statements, sources))
    kept = needed(bodies, breaks)
    for cell, body in enumerate(bodies):
        for place, statement in enumerate(body):
            for broken in breaks:
                if (broken.cell, broken.begun) == (cell, place):
                    failure = in_a_copy(partial(broken.complaint, sources, names))
                    if failure:
                        assert failure.startswith(broken.row[0]), f"{broken.row} made another fail: {failure}"
                    else:
                        survivors.append(broken.row)
            if (cell, place) in kept:
                run([statement], names)
    assert not survivors, (
        f"the check holds although the claim is broken; tighten its bound, or break what it depends on: {survivors}"
    )
