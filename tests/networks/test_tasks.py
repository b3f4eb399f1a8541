import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import Factorization, LpRegression, Regression


def finite_difference(loss, W, V, h=1e-6):
    return (loss.value(W + h * V) - loss.value(W - h * V)) / (2 * h)


@given(n=st.integers(1, 30), d=st.integers(1, 8), seed=st.integers(0, 2**32 - 1))
def test_regression_agrees_with_the_data(n, d, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    task = Regression(X, y)
    w = rng.standard_normal((3, d))
    direct = np.array([np.mean((y - X @ row) ** 2) for row in w])
    np.testing.assert_allclose(task.risk(w), direct, rtol=1e-9)
    np.testing.assert_allclose(task.value(w[:, None, :]), direct, rtol=1e-9)
    np.testing.assert_allclose(
        task.gradient(w), [-2 / n * X.T @ (y - X @ row) for row in w], rtol=1e-8, atol=1e-9
    )
    np.testing.assert_allclose(task.minimizer, np.linalg.pinv(X) @ y, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(task.covariance @ w[0] * n, X.T @ X @ w[0], atol=1e-9)
    np.testing.assert_allclose(task.cross_moment * n, X.T @ y, atol=1e-10)


def test_minimizer_has_least_norm_when_underdetermined(rng):
    task = Regression.gaussian(15, 20, rng=rng)
    assert task.min_risk < 1e-25
    null_space = np.linalg.svd(task.X)[2][15:]
    np.testing.assert_allclose(null_space @ task.minimizer, 0, atol=1e-12)


def test_gaussian_follows_the_reference_recipe():
    task = Regression.gaussian(50, 5, minimizer_norm=1.0, rng=np.random.default_rng(0))
    direction = task.minimizer / np.linalg.norm(task.minimizer)
    eigenvalues = np.linalg.eigvalsh(task.covariance)
    assert np.linalg.norm(task.minimizer) == pytest.approx(1.0)
    assert direction @ task.covariance @ direction == pytest.approx(1.0522732044, abs=1e-10)
    assert eigenvalues[[0, -1]] == pytest.approx([0.5318242176, 1.4787383753], abs=1e-10)


def test_diabetes_is_the_published_table():
    task = Regression.diabetes()
    assert task.X.shape == (442, 10)
    np.testing.assert_allclose(task.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.X.std(axis=0), 1)
    assert np.linalg.cond(task.covariance) == pytest.approx(470, abs=0.5)
    # R^2 of least squares on these data is 0.5177 (Efron et al. 2004 report the same fit).
    assert 1 - task.min_risk == pytest.approx(0.51775, abs=1e-5)


@pytest.mark.parametrize("batch", [(), (2, 3)])
@pytest.mark.parametrize("p", [2, 3, 4])
def test_derivatives_against_finite_differences(rng, batch, p):
    X, Y, M = rng.standard_normal((7, 3)), rng.standard_normal((7, 2)), rng.standard_normal((2, 3))
    for loss in (LpRegression(X, Y, p), Factorization(M)):
        W, V = rng.standard_normal((2, *batch, 2, 3))
        slope = (loss.gradient(W) * V).sum(axis=(-2, -1))
        np.testing.assert_allclose(slope, finite_difference(loss, W, V), rtol=1e-6, atol=1e-7)
        h = 1e-6
        change = (loss.gradient(W + h * V) - loss.gradient(W - h * V)) / (2 * h)
        np.testing.assert_allclose(loss.hessian_product(W, V), change, rtol=1e-6, atol=1e-6)


def test_minimum_of_lp_regression(rng):
    """For p = 2 in closed form; for p = 4 nothing near the minimiser, found otherwise, lies below."""
    X, Y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    residual = Y - X @ np.linalg.pinv(X) @ Y
    assert LpRegression(X, Y, 2).minimum == pytest.approx(np.square(residual).sum() / 60, rel=1e-10)
    loss, W = LpRegression(X, Y[:, 0], 4), np.zeros((1, 3))
    for _ in range(5000):
        W = W - 0.02 * loss.gradient(W)
    assert loss.minimum == pytest.approx(loss.value(W), rel=1e-8)
    assert loss.minimum <= loss.value(W) + 1e-15


def test_l2_regression_is_half_the_risk(rng):
    X, y, w = rng.standard_normal((9, 4)), rng.standard_normal(9), rng.standard_normal((1, 4))
    assert LpRegression(X, y, 2).value(w) == pytest.approx(Regression(X, y).value(w) / 2)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Regression([[1.0, np.nan]], [1.0]), "X must be finite"),
        (lambda: Regression([[1.0], [2.0]], [1.0]), r"y must have shape \(2,\)"),
        (lambda: Regression([[1.0]], [[1.0]]), "y must have 1 axis"),
        (lambda: Regression([["a"]], [1.0]), "X must hold real numbers"),
        (lambda: Regression([[1j]], [1.0]), "X must hold real numbers"),
        (lambda: Regression(np.empty((0, 2)), np.empty(0)), "X must not be empty"),
        (lambda: Regression([[1.0, 2.0], [3.0]], [1.0, 2.0]), "X must be an array"),
        (lambda: Regression([[1.0]], [1.0]).risk([1.0, 2.0]), "w must have shape"),
        (lambda: Regression([[1.0]], [1.0]).gradient("a"), "w must hold real numbers"),
        (lambda: Regression([[1.0]], [1.0]).generalization_gap([1.0]), "generalization_gap needs a task"),
        (lambda: Regression.gaussian(rng=0), "rng must be a numpy.random.Generator"),
        (lambda: Regression.gaussian(0, rng=np.random.default_rng(0)), "n_samples must be a whole"),
        (lambda: Regression.gaussian(noise=-1, rng=np.random.default_rng(0)), "noise must be at least"),
        (lambda: Factorization([1.0]), "M must have 2 axes"),
        (lambda: Factorization([[1.0]]).value([[1.0, 2.0]]), "W must have shape"),
        (lambda: LpRegression([[1.0]], [1.0, 2.0], 4), "Y must have 1 rows"),
        (lambda: LpRegression([[1.0]], [1.0], 1.5), "p must be at least 2"),
        (lambda: LpRegression([[1.0]], [1.0], np.inf), "p must be finite"),
    ],
)
def test_bad_input_is_named(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_an_exact_minimiser_has_no_negative_excess_risk(rng):
    """Fewer samples than features: whatever is added along the null space of the data."""
    task = Regression.gaussian(15, 20, minimizer_norm=1.0, rng=rng)
    null_space = np.linalg.svd(task.X)[2][15:]
    excess = task.excess_risk(task.minimizer + rng.standard_normal((1000, 5)) @ null_space)
    assert (excess >= 0).all()
    assert excess.max() < 1e-24


@pytest.mark.parametrize("p", [2, 2.5, 4, 6])
def test_the_least_value_of_a_loss_has_the_units_of_its_data(rng, p):
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    least = LpRegression(X, Y, p).minimum
    for a, b in ((1.0, 1e-3), (1.0, 1e5), (1e-6, 1.0)):
        assert LpRegression(a * X, b * Y, p).minimum == pytest.approx(b**p * least, rel=1e-9, abs=0)
    assert LpRegression(X[:3], Y[:3], p).minimum < 1e-25


def test_a_batch_of_one_regressor_is_a_matrix():
    task = Regression(np.eye(2), [1.0, 2.0])
    assert task.value([[1.0, 1.0]]).shape == ()
    assert task.risk([[1.0, 1.0]]).shape == (1,)
