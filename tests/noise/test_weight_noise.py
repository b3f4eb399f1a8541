import numpy as np
import pytest
from conftest import random_weights

from dlnlab import Factorization, end_to_end, entropy, gradient_descent, imbalances, precondition_inverse
from dlnlab.noise import entropy_gradient, free_energy, langevin, rebalance, tangent_noise


def first_order(function, weights, move, h=1e-6):
    ahead = function([W + h * d for W, d in zip(weights, move, strict=True)])
    behind = function([W - h * d for W, d in zip(weights, move, strict=True)])
    return np.concatenate([np.ravel(a - b) for a, b in zip(ahead, behind, strict=True)]) / (2 * h)


@pytest.mark.parametrize("depth", [2, 3])
def test_fibres_keep_the_product_leaves_the_imbalances_and_orbits_both_if_balanced(rng, depth):
    weights = [rng.standard_normal((3, 3)) for _ in range(depth)]

    def product(weights):
        return [end_to_end(weights)]

    fibre, leaf = (tangent_noise(weights, surface, rng=rng) for surface in ("fibre", "leaf"))
    assert np.abs(first_order(product, weights, fibre)).max() < 1e-8
    assert np.abs(first_order(imbalances, weights, fibre)).max() > 0.1
    assert np.abs(first_order(imbalances, weights, leaf)).max() < 1e-8
    assert np.abs(first_order(product, weights, leaf)).max() > 0.1
    balanced = rebalance(rng.standard_normal((3, 3)), depth)
    orbit = tangent_noise(balanced, "orbit", rng=rng)
    assert np.abs(first_order(product, balanced, orbit)).max() < 1e-8
    assert np.abs(first_order(imbalances, balanced, orbit)).max() < 1e-8


@pytest.mark.parametrize(("surface", "dimension"), [("orbit", 2 * 3), ("fibre", 2 * 9), ("leaf", 27 - 2 * 6)])
def test_projected_noise_has_unit_variance_in_its_dimension(surface, dimension):
    rng = np.random.default_rng(0)
    weights = [np.broadcast_to(rng.standard_normal((3, 3)), (4000, 3, 3)) for _ in range(3)]
    noise = tangent_noise(weights, surface, rng=rng)
    size = sum(np.square(d).sum(axis=(1, 2)) for d in noise)
    assert abs(size.mean() - dimension) < 4 * size.std() / np.sqrt(4000)


def test_scalars_have_no_orbit(rng):
    weights = [rng.standard_normal((5, 1, 1)) for _ in range(3)]
    assert all((d == 0).all() for d in tangent_noise(weights, "orbit", rng=rng))
    with pytest.raises(ValueError, match="weights must have at least two layers"):
        tangent_noise(weights[:1], "orbit", rng=rng)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_rebalance(rng, depth):
    W = rng.standard_normal((5, 3, 3))
    layers = rebalance(W, depth)
    assert len(layers) == depth
    np.testing.assert_allclose(end_to_end(layers), W, atol=1e-12)
    assert all(np.abs(D).max() < 1e-12 for D in imbalances(layers))


@pytest.mark.parametrize(("d", "depth"), [(2, 2), (2, 5), (3, 3)])
def test_entropy_gradient_by_differences_in_the_metric(rng, d, depth):
    W, h = rng.standard_normal((d, d)), 1e-6
    slopes = np.zeros((d, d))
    for i in range(d):
        for j in range(d):
            E = np.zeros((d, d))
            E[i, j] = h
            slopes[i, j] = (entropy(W + E, depth) - entropy(W - E, depth)) / (2 * h)
    # grad S is A(S'), so A^{-1} of it is the Euclidean gradient.
    found = precondition_inverse(W, entropy_gradient(W, depth), depth)
    np.testing.assert_allclose(found, slopes, atol=1e-7)


def test_entropy_gradient_where_singular_values_are_equal_or_zero():
    np.testing.assert_allclose(entropy_gradient(np.eye(2), 2), np.eye(2) / 2)
    np.testing.assert_allclose(entropy_gradient(np.diag([2.0, 0.0]), 2), np.diag([1.0, 0.0]))
    with pytest.raises(ValueError, match="at most one singular value that is zero"):
        entropy_gradient(np.diag([1.0, 0.0, 0.0]), 2)


def test_free_energy_is_the_sum_of_its_parts(rng):
    W, loss = rng.standard_normal((4, 2, 2)), Factorization(np.eye(2))
    layers = rebalance(W, 3)
    weights = sum(np.square(layer).sum(axis=(1, 2)) for layer in layers)
    expected = loss.value(W) - entropy(W, 3) / 2.0 + 0.3 / 2 * weights
    np.testing.assert_allclose(free_energy(W, loss, 3, 2.0, weight_decay=0.3), expected)


def test_langevin_at_zero_temperature_is_gradient_descent(rng):
    weights, loss = random_weights(rng, 2, max_width=3), None
    loss = Factorization(rng.standard_normal(end_to_end(weights).shape))
    cold = langevin(weights, loss, 1e30, 0.01, 20, rng=rng)
    np.testing.assert_allclose(cold.loss, gradient_descent(weights, loss, 0.01, 20).loss, rtol=1e-9)


def test_langevin_samples_the_gaussian_of_one_layer():
    rng = np.random.default_rng(0)
    start = [np.zeros((4000, 1, 1))]
    path = langevin(
        start, Factorization([[1.0]]), 2.0, 0.02, 400, rng=rng, weight_decay=1.0, record_every=400
    )
    w = path.weights[0][-1].ravel()
    # Stationary: mean 1/2, variance 1 / (beta (1 + mu)), up to the step.
    assert abs(w.mean() - 0.5) < 4 * w.std() / np.sqrt(4000)
    assert w.var() == pytest.approx(0.25, rel=0.12)
