import numpy as np
import pytest
from conftest import random_weights

from dlnlab import Completion, Regression, gradient, gradient_flow, hessian_vector_product, mask_invariants


def random_task(rng, shape):
    mask = rng.random(shape) < 0.5
    mask[0, 0] = True
    return Completion(mask, np.where(mask, rng.standard_normal(shape), np.nan))


def test_derivatives_by_differences(rng):
    task, (W, V) = random_task(rng, (3, 4)), rng.standard_normal((2, 3, 4))
    h = 1e-4
    slope = (task.value(W + h * V) - task.value(W - h * V)) / (2 * h)
    assert np.sum(task.gradient(W) * V) == pytest.approx(slope, rel=1e-8)
    change = (task.gradient(W + h * V) - task.gradient(W - h * V)) / (2 * h)
    np.testing.assert_allclose(task.hessian_product(W, V), change, atol=1e-10)


def test_the_layers_know_it_as_a_loss(rng):
    task, weights = random_task(rng, (3, 4)), [rng.standard_normal((2, 4)), rng.standard_normal((3, 2))]
    product = hessian_vector_product(weights, weights, task)
    h = 1e-5
    ahead, behind = (gradient([(1 + s * h) * W for W in weights], task) for s in (1, -1))
    for P, a, b in zip(product, ahead, behind, strict=True):
        np.testing.assert_allclose(P, (a - b) / (2 * h), rtol=1e-6, atol=1e-8)


def test_what_is_not_observed_does_not_matter(rng):
    task, W = random_task(rng, (3, 4)), rng.standard_normal((3, 4))
    other = np.where(task.mask, W, 7.0)
    assert task.value(other) == task.value(W)
    assert (task.gradient(W)[~task.mask] == 0).all()


def test_a_value_that_is_observed_must_be_there():
    with pytest.raises(ValueError, match="values must be finite where mask is True"):
        Completion([[True, False]], [[np.nan, 1.0]])


def test_elnino():
    values = Completion.elnino().values
    assert values.shape == (61, 12)
    assert 18 < values.min() < values.max() < 30


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_every_component_conserves_its_sum_and_no_half_of_it_does(rng, depth):
    # Rows 0, 1 with columns 0, 1; row 2 with columns 2, 3; row 3 alone; column 4 alone.
    mask = np.zeros((4, 5), dtype=bool)
    mask[[0, 0, 1, 2, 2], [0, 1, 1, 2, 3]] = True
    weights = random_weights(rng, depth)
    widths = [5, *(W.shape[0] for W in weights[:-1]), 4]
    weights = [0.5 * rng.standard_normal(shape) for shape in zip(widths[1:], widths[:-1], strict=True)]
    task = Completion(mask, rng.standard_normal((4, 5)))
    path = gradient_flow(weights, task, 1.0, times=[0.0, 1.0])
    before, after = mask_invariants(path.weights, mask)
    assert before.shape == (4,)
    np.testing.assert_allclose(after, before, atol=1e-9)
    row = np.square(path.weights[-1][:, 0]).sum(axis=-1)
    assert abs(np.diff(row)) > 1e-3


def test_a_regression_is_not_a_completion():
    from dlnlab import nuclear_completion

    with pytest.raises(ValueError, match="task must be a Completion"):
        nuclear_completion(Regression([[1.0]], [1.0]), [0.1])
