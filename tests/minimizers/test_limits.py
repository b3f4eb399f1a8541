from math import inf

import numpy as np
import pytest

from dlnlab import (
    Completion,
    diagonal_limit,
    effective_rank,
    end_to_end,
    end_to_end_flow,
    flow_endpoint,
    gradient_flow,
    polar_flow,
)

DIAGONAL = Completion(np.eye(2, dtype=bool), np.eye(2))
CORNER = Completion([[False, True], [True, True]], [[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(("d", "width"), [(2, 2), (3, 5), (4, 1)])
def test_diagonal_limit_against_the_flow(rng, d, width):
    weights = [rng.standard_normal((width, d)), rng.standard_normal((d, width))]
    b = rng.standard_normal(d) if width > 1 else np.ones(d)
    task = Completion(np.eye(d, dtype=bool), np.diag(b))
    path = gradient_flow(weights, task, 200.0, times=[200.0], method="LSODA", rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(diagonal_limit(weights, b), end_to_end(path.weights)[0], atol=1e-7)


def test_diagonal_limit_with_equal_parts():
    W1 = np.array([[0.2, 0.1], [0.0, 0.3]])
    np.testing.assert_allclose(np.diag(diagonal_limit([W1, W1.T], [1.0, 2.0])), [1.0, 2.0])
    with pytest.raises(ValueError, match="weights must reach their targets"):
        diagonal_limit([W1, W1.T], [1.0, -2.0])
    with pytest.raises(ValueError, match="weights must reach their targets"):
        diagonal_limit([W1, -W1.T], [1.0, 2.0])


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_flow_endpoint_against_the_flow_in_its_own_time(rng, depth):
    W = rng.standard_normal((4, 2, 2))
    path = end_to_end_flow(W, DIAGONAL, depth, 60.0, times=[60.0])
    assert path.loss.max() < 1e-16
    np.testing.assert_allclose(flow_endpoint(W, DIAGONAL, depth, step=0.05), path.weights[0][0], atol=1e-7)


def test_flow_endpoint_of_other_shapes_and_of_infinite_depth(rng):
    mask = np.eye(3, 4, dtype=bool)
    W = rng.standard_normal((5, 3, 4))
    ends = flow_endpoint(W, Completion(mask, np.ones((3, 4))), 3)
    np.testing.assert_allclose(ends[:, mask], 1.0, atol=1e-7)
    deep, deeper = (flow_endpoint(W[:, :2, :2], DIAGONAL, depth) for depth in (400, inf))
    np.testing.assert_allclose(deep, deeper, atol=0.02)


def test_flow_endpoint_stops_at_the_latest():
    start = np.diag([0.1, 0.2])
    assert DIAGONAL.value(flow_endpoint(start, DIAGONAL, 3, max_steps=2)) > 0.1


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("sign", [1, -1])
def test_polar_flow_against_the_flow_of_the_matrix(rng, depth, sign):
    W, times = rng.standard_normal((2, 2)), [0.0, 0.5, 2.0]
    W = W if np.sign(np.linalg.det(W)) == sign else W[::-1]
    polar = polar_flow(W, CORNER, depth, times)
    plain = end_to_end_flow(W, CORNER, depth, 2.0, times=times)
    np.testing.assert_allclose(polar.weights[0], plain.weights[0], atol=1e-8)
    np.testing.assert_allclose(polar.loss, plain.loss, atol=1e-8)
    s = np.linalg.svd(plain.weights[0], compute_uv=False)
    np.testing.assert_allclose(polar.observables["log_singular_values"], np.log(s), atol=1e-7)


def test_polar_flow_goes_where_a_matrix_cannot():
    path = polar_flow(np.diag([0.02, 0.01]), CORNER, 2, [1e6])
    assert path.weights[0][0, 0, 0] == pytest.approx(181.685, abs=1e-3)
    assert path.observables["log_singular_values"].sum() == pytest.approx(-16528, abs=1)


def test_effective_rank(rng):
    assert effective_rank(np.eye(3)) == pytest.approx(3)
    assert effective_rank(np.outer([1.0, 2.0], [3.0, 4.0])) == pytest.approx(1)
    s = rng.random(4)
    p = s / s.sum()
    expected = np.prod(p**-p)
    assert effective_rank(np.diag(s)) == pytest.approx(expected)
    assert effective_rank(np.diag([1e308, 1e308, 1e308])) == pytest.approx(3)
    assert effective_rank(np.diag([1e-320, 1e-320])) == pytest.approx(2)
    for W in (np.zeros((2, 2)), [np.eye(2), np.zeros((2, 2))]):
        with pytest.raises(ValueError, match="W must not be zero"):
            effective_rank(W)


def test_a_step_that_is_too_long_is_named():
    for step in (5.0, 1e200):
        with pytest.raises(ValueError, match="step must be shorter"):
            flow_endpoint([[0.1, 0.0], [0.0, 0.2]], DIAGONAL, 2, step=step)


def test_polar_flow_keeps_a_sign_whose_determinant_leaves_float64():
    for sign in (1, -1):
        W = [[2e-170, 0.0], [0.0, sign * 1e-170]]
        np.testing.assert_allclose(polar_flow(W, CORNER, 2, [0.0]).weights[0], [W], rtol=1e-12, atol=1e-184)


def test_polar_flow_takes_any_times_and_refuses_circles():
    """Equal singular values have no bases to follow."""
    for times in ([0.0], [0.0, 1e-200]):
        path = polar_flow([[2.0, 0.5], [0.0, 1.0]], CORNER, 2, times)
        np.testing.assert_allclose(path.weights[0], [[[2.0, 0.5], [0.0, 1.0]]] * len(times), atol=1e-14)
    for W in (np.eye(2), [[0.0, 1.0], [-1.0, 0.0]]):
        with pytest.raises(ValueError, match="W must have two different singular values"):
            polar_flow(W, DIAGONAL, 2, [1.0])
    with pytest.raises(ValueError, match="rtol must be at least"):
        polar_flow([[2.0, 0.0], [0.0, 1.0]], CORNER, 2, [1.0], rtol=1e-20)
