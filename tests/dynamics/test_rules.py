import numpy as np
import pytest

from dlnlab import (
    Completion,
    Factorization,
    LpRegression,
    balanced,
    balanced_rate,
    descend,
    end_to_end,
    first_below,
    gradient_descent,
    hessian,
    precondition,
    rules,
)


@pytest.fixture
def loss(rng):
    return LpRegression(rng.standard_normal((9, 3)), rng.standard_normal(9), 4)


def by_hand(name, w, loss, eta, steps):
    """The textbook's recursions, coordinate by coordinate in plain Python."""
    m, h = [0.0] * 3, [0.0] * 3
    for t in range(1, steps + 1):
        g = loss.gradient(np.array([w]))[0]
        for i in range(3):
            if name == "plain":
                w[i] -= eta * g[i]
            elif name == "momentum":
                m[i] = 0.9 * m[i] + g[i]
                w[i] -= eta * m[i]
            elif name == "adagrad":
                h[i] += g[i] ** 2
                w[i] -= eta * g[i] / h[i] ** 0.5
            else:
                m[i] = 0.9 * m[i] + 0.1 * g[i]
                h[i] = 0.999 * h[i] + 0.001 * g[i] ** 2
                w[i] -= eta * (m[i] / (1 - 0.9**t)) / (h[i] / (1 - 0.999**t)) ** 0.5
    return w


@pytest.mark.parametrize("name", ["plain", "momentum", "adagrad", "adam"])
def test_rules_are_the_textbooks(loss, name):
    path = descend([[0.3, -0.2, 0.5]], loss, getattr(rules, name)(0.05), 12)
    expected = by_hand(name, [0.3, -0.2, 0.5], loss, 0.05, 12)
    np.testing.assert_allclose(path.weights[0][-1, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 3), (2, 3)])
def test_end_to_end_rule_is_preconditioned_descent(rng, shape):
    loss = Factorization(rng.standard_normal(shape))
    W = rng.standard_normal(shape)
    path = descend(W, loss, rules.end_to_end_rule(0.01, 3), 1)
    expected = W - 0.01 * precondition(W, loss.gradient(W), 3)
    np.testing.assert_allclose(path.weights[0][1], expected, atol=1e-13)


def test_end_to_end_rule_is_what_balanced_layers_do_to_second_order(rng):
    """One step of both from balanced layers: the difference is of order eta^2."""
    W, target = rng.standard_normal((2, 2, 3))
    loss = Factorization(target)
    layers = balanced([3, 3, 2, 2], W, rng=rng)
    gaps = []
    for eta in (1e-3, 1e-4):
        deep = gradient_descent(layers, loss, eta, 1)
        flat = descend(W, loss, rules.end_to_end_rule(eta, 3), 1)
        gaps.append(np.abs(end_to_end(deep.weights)[1] - flat.weights[0][1]).max())
    assert gaps[0] / gaps[1] == pytest.approx(100, rel=0.1)


def test_many_learning_rates_at_once(loss):
    rates = np.array([0.01, 0.1, 100.0])
    start = np.array([[0.3, -0.2, 0.5]])
    together = descend(start, loss, rules.momentum(rates), 40)
    np.testing.assert_array_equal(together.diverged, [False, False, True])
    for i in range(2):
        alone = descend(start, loss, rules.momentum(rates[i]), 40)
        np.testing.assert_allclose(together.loss[:, i], alone.loss, rtol=1e-12)
    assert np.isfinite(together.loss).all()


def test_first_below():
    losses = np.array([[4.0, 4.0, 0.5], [2.0, 3.0, 0.4], [1.0, 3.5, 0.3]])
    np.testing.assert_array_equal(first_below(losses, 2.0), [1, np.inf, 0])
    np.testing.assert_array_equal(first_below(losses, [1.0, 3.0, 0.1]), [2, 1, np.inf])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: rules.plain(0.0), "learning_rate must be positive"),
        (lambda: rules.momentum(0.1, decay=1.0), r"decay must lie in \[0, 1\)"),
        (lambda: rules.adam(0.1, square_decay=-1), "square_decay must be at least zero"),
        (lambda: rules.end_to_end_rule(0.1, 0), "depth must be a whole number"),
        (lambda: descend(np.ones(2), Factorization([[1.0]]), rules.plain(0.1), 1), "W must have at least 2"),
        (lambda: descend([[1.0]], Factorization([[1.0]]), 0.1, 1), "rule must be a function"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_balanced_rate_is_below_the_inverse_of_the_sharpness(rng, depth):
    mask = rng.random((4, 4)) < 0.6
    task = Completion(mask, rng.standard_normal((4, 4)))
    weights = balanced([4] * (depth + 1), rng.standard_normal((4, 4)), rng=rng)
    W = end_to_end(weights)
    rate = balanced_rate(depth, fraction=1.0)(W, task.gradient(W))
    top = np.linalg.eigvalsh(hessian(weights, task))[-1]
    assert 0.2 / top < rate <= 1 / top


def test_a_rate_that_is_asked_at_every_step(rng):
    task = Completion(np.eye(2, dtype=bool), np.eye(2))
    weights = balanced([2, 2, 2], 0.1 * rng.standard_normal((5, 2, 2)), rng=rng)
    path = gradient_descent(weights, task, balanced_rate(2), 200)
    assert (np.diff(path.loss, axis=0) <= 1e-15).all()
    assert path.loss[-1].max() < 1e-6
    fixed = gradient_descent(weights, task, lambda W, G: np.full(5, 0.1), 20)
    np.testing.assert_array_equal(fixed.loss, gradient_descent(weights, task, 0.1, 20).loss)


def test_a_learning_rate_that_a_function_gives_is_checked_at_every_step():
    layers, loss = [np.ones((1, 1))] * 2, Factorization([[3.0]])
    for bad in (-3.0, "x", None, [0.1, 0.2], [[0.1], [0.2, 0.3]], np.ma.masked_array(0.1, mask=True)):
        given = iter([0.1, 0.1, bad, 0.1])
        with pytest.raises(ValueError, match="learning_rate must"):
            gradient_descent(layers, loss, lambda W, G, given=given: next(given), 3)


def test_each_step_has_the_learning_rate_that_was_given_for_it():
    w, loss = 5.0, Factorization([[3.0]])
    path = gradient_descent([[[w]]], loss, lambda W, G: 1 / (1 + W[0, 0] ** 2), 4)
    for step in range(1, 5):
        w -= (w - 3) / (1 + w**2)
        assert path.weights[0][step, 0, 0] == pytest.approx(w)
    path = gradient_descent([[[5.0]]], loss, lambda W, G: 0.1 if W[0, 0] > 4.5 else np.nan, 9)
    assert path.diverged
    assert path.weights[0][-1, 0, 0] == pytest.approx(3 + 2 * 0.9**3)


def test_a_rule_that_changes_the_shape_is_named():
    def growing(W, G, memory):
        return (np.zeros((2, 1)) if memory else W), True

    with pytest.raises(ValueError, match="rule must keep the shape"):
        descend([[1.0]], Factorization([[3.0]]), growing, 3)
    with pytest.raises(ValueError, match="rule must map W"):
        descend([[1.0]], Factorization([[3.0]]), lambda W, G, memory: (W.tolist(), None), 3)
    for bad in ([[1.0], [1.0, 2.0]], [["x"]], 1j * np.ones((1, 1)), np.ma.masked_array([[1.0]], mask=True)):
        with pytest.raises(ValueError, match="rule must"):
            descend([[1.0]], Factorization([[3.0]]), lambda W, G, m, bad=bad: (bad if m else W, True), 3)


def test_an_observable_that_changes_its_shape_is_named():
    lengths = iter(range(1, 9))
    with pytest.raises(ValueError, match=r"observables\['x'\] must return arrays of one shape"):
        descend(
            [[1.0]],
            Factorization([[3.0]]),
            rules.plain(0.1),
            3,
            observables={"x": lambda weights: np.ones(next(lengths))},
        )


def test_a_loss_of_other_matrices_is_named():
    with pytest.raises(ValueError, match=r"loss must take these end-to-end matrices, of shape \(1, 1\)"):
        gradient_descent([np.ones((1, 1))], Factorization(np.eye(2)), 0.1, 3)
