import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlnlab as dl
from dlnlab.flatness.curvature import gauss_newton, loss_hessian, reduced_product, second_order_bound
from dlnlab.networks.weights import columns, rows


def case(seed, scales):
    """A perceptron with layers of the given scales, a task, and its chains q and h, as a batch of one."""
    rng = np.random.default_rng(seed)
    widths = [*rng.integers(1, 5, size=len(scales)), 1]
    weights = [s * layer for s, layer in zip(scales, dl.gaussian(widths, 1.0, rng=rng), strict=True)]
    task = dl.Regression(rng.standard_normal((20, widths[0])), rng.standard_normal(20))
    batch = [layer[None] for layer in weights]
    a = rows(batch, np.ones((1, 1)))
    q = [np.broadcast_to(row.swapaxes(1, 2), (1, row.shape[2], 1)) for row in a]
    return weights, task, batch, q, columns(batch, task.gradient(a[0])), loss_hessian(task, a[0])


def without_gradient(weights, task):
    """The task that these weights solve: its Hessian there is the Gauss-Newton part."""
    return dl.Regression(task.X, task.X @ dl.end_to_end(weights, [1.0]))


scales = st.lists(st.sampled_from([0.03, 1.0, 30.0]), min_size=1, max_size=5)


@given(seed=st.integers(0, 2**32 - 1), scales=scales)
def test_the_second_order_part_is_bounded(seed, scales):
    weights, task, batch, q, h, _ = case(seed, scales)
    rest = dl.hessian(weights, task) - dl.hessian(weights, without_gradient(weights, task))
    bound = second_order_bound(batch, q, h)[0]
    size = np.abs(dl.hessian(weights, task)).max()
    assert np.linalg.norm(rest, 2) <= bound * (1 + 1e-9) + 1e-11 * size


@given(seed=st.integers(0, 2**32 - 1), scales=scales)
def test_the_gauss_newton_part_has_its_spectrum(seed, scales):
    weights, task, batch, q, _, curvature = case(seed, scales)
    matrix, factors = gauss_newton(batch, q, curvature)
    dense = np.linalg.eigvalsh(dl.hessian(weights, without_gradient(weights, task)))
    ours = np.linalg.eigvalsh(matrix[0])
    kept = min(len(ours), len(dense))
    np.testing.assert_allclose(ours[-kept:], dense[-kept:], rtol=1e-8, atol=1e-8 * dense[-1])
    top = np.linalg.eigh(matrix[0])[1][:, -1:]
    # The factors map its eigenvector to one of the whole: first coordinates of norm lambda^(1/2).
    whole = np.concatenate([factor[0] @ top for factor in factors])
    np.testing.assert_allclose(np.sum(whole**2), ours[-1], rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_reduced_problem_keeps_all_eigenvalues_but_zeros(seed):
    weights, task, batch, q, h, curvature = case(seed, [0.8] * 4)
    n = sum(sum(layer.shape) for layer in weights)
    product = reduced_product(batch, q, h, curvature, np.ones(1))
    reduced = np.column_stack([product(e[None, :, None])[0, :, 0] for e in np.eye(n)])
    np.testing.assert_allclose(reduced, reduced.T, atol=1e-10)
    spectra = [np.linalg.eigvalsh(H) for H in (reduced, dl.hessian(weights, task))]
    nonzero = [values[np.abs(values) > 1e-9] for values in spectra]
    np.testing.assert_allclose(nonzero[0], nonzero[1], rtol=1e-8)
