from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import fractional_matrix_power

from dlnlab import (
    circulation,
    metric,
    precondition,
    precondition_inverse,
    precondition_single,
    spectrum,
    volume_element,
)


def power(gram, exponent):
    """A fractional power of a positive semi-definite matrix, singular or not."""
    if exponent == 0:
        return np.eye(len(gram))
    if np.linalg.matrix_rank(gram) == len(gram):
        return fractional_matrix_power(gram, exponent).real
    eigenvalues, vectors = np.linalg.eigh(gram)
    eigenvalues[eigenvalues < 1e-12 * eigenvalues[-1]] = 0
    return (vectors * eigenvalues**exponent) @ vectors.T


def dense(W, depth):
    """The preconditioner as a matrix on row-stacked vec(Z), from fractional matrix powers."""
    return sum(
        np.kron(power(W @ W.T, (depth - j) / depth), power(W.T @ W, (j - 1) / depth))
        for j in range(1, depth + 1)
    )


def random_matrix(rng, rows, columns, rank, spread=1.0):
    U, V = (np.linalg.qr(rng.standard_normal((size, rank)))[0] for size in (rows, columns))
    return (U * np.exp(spread * rng.uniform(-1, 1, rank))) @ V.T


matrices = given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    lost=st.integers(0, 2),
    depth=st.integers(1, 8),
    spread=st.sampled_from([0.0, 1.0, 3.0]),
    seed=st.integers(0, 2**32 - 1),
)


@matrices
def test_precondition_against_fractional_matrix_powers(rows, columns, lost, depth, spread, seed):
    rng = np.random.default_rng(seed)
    W = random_matrix(rng, rows, columns, max(1, min(rows, columns) - lost), spread)
    Z = rng.standard_normal((rows, columns))
    operator = dense(W, depth)
    expected = (operator @ Z.ravel()).reshape(rows, columns)
    np.testing.assert_allclose(precondition(W, Z, depth), expected, atol=1e-9 * np.abs(operator).max())
    eigenvalues = np.sort(spectrum(W, depth)[0], axis=None)
    np.testing.assert_allclose(eigenvalues, np.linalg.eigvalsh(operator), atol=1e-9 * eigenvalues[-1])


@matrices
def test_geometry_against_the_dense_operator(rows, columns, lost, depth, spread, seed):
    rng = np.random.default_rng(seed)
    W = random_matrix(rng, rows, columns, min(rows, columns), min(spread, 1.0))
    Z1, Z2 = rng.standard_normal((2, rows, columns))
    operator = dense(W, depth)
    inverse = np.linalg.inv(operator)
    np.testing.assert_allclose(
        precondition_inverse(W, Z1, depth).ravel(), inverse @ Z1.ravel(), rtol=1e-7, atol=1e-8
    )
    np.testing.assert_allclose(metric(W, Z1, Z2, depth), Z1.ravel() @ inverse @ Z2.ravel(), atol=1e-7)
    np.testing.assert_allclose(volume_element(W, depth), np.linalg.det(operator) ** -0.5, rtol=1e-7)


def test_eigenvectors_are_outer_products(rng):
    W = rng.standard_normal((3, 4))
    K, U, V = spectrum(W, 3)
    for i, j in np.ndindex(3, 4):
        Z = np.outer(U[:, i], V[:, j])
        np.testing.assert_allclose(precondition(W, Z, 3), K[i, j] * Z, atol=1e-12)


def test_infinite_depth_is_the_limit_and_the_error_falls_like_one_over_depth(rng):
    W, Z = rng.standard_normal((2, 3, 3))
    limit = precondition(W, Z, inf)
    errors = [np.abs(precondition(W, Z, N) / N - limit).max() for N in (100, 1000)]
    assert errors[0] / errors[1] == pytest.approx(10, rel=0.05)


def test_infinite_depth_at_equal_and_at_zero_singular_values():
    K = spectrum(np.diag([2.0, 2.0, 0.0]), inf)[0]
    np.testing.assert_allclose(K, [[4, 4, 0], [4, 4, 0], [0, 0, 0]])
    # Close singular values: the mean lies between the squares, with no cancellation.
    a, b = 1.0, 1.0 + 1e-9
    assert spectrum(np.diag([b, a]), inf)[0][0, 1] == pytest.approx((a**2 + b**2) / 2, rel=1e-15, abs=0)


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_single_output_is_the_general_case(rng, depth):
    w, z = rng.standard_normal((2, 6, 4))
    general = precondition(w[:, None, :], z[:, None, :], depth)[:, 0]
    np.testing.assert_allclose(precondition_single(w, z, depth), general, atol=1e-12)


def test_at_zero_only_one_layer_moves(rng):
    Z = rng.standard_normal((2, 3))
    np.testing.assert_array_equal(precondition(np.zeros((2, 3)), Z, 3), 0)
    np.testing.assert_allclose(precondition(np.zeros((2, 3)), Z, 1), Z)
    np.testing.assert_array_equal(precondition_single(np.zeros(3), Z[0], 2), 0)
    np.testing.assert_array_equal(precondition_single(np.zeros(3), Z[0], 1), Z[0])


def test_batches_are_each_alone(rng):
    W, Z = rng.standard_normal((2, 5, 2, 3))
    for function in (precondition, precondition_inverse):
        together = function(W, Z, 3)
        for i in range(5):
            np.testing.assert_allclose(together[i], function(W[i], Z[i], 3), rtol=1e-12)
    np.testing.assert_allclose(volume_element(W, 3)[2], volume_element(W[2], 3), rtol=1e-12)
    np.testing.assert_allclose(metric(W, Z, Z, 3)[2], metric(W[2], Z[2], Z[2], 3), rtol=1e-12)


@pytest.mark.parametrize(("depth", "expected"), [(2, 0.0), (3, -2.5640), (4, -6.5060)])
def test_circulation_of_the_end_to_end_field(depth, expected):
    """Reference values for the loss <g, w>, g = (0.3, 1), round the unit circle about (2, 0)."""
    g = np.array([0.3, 1.0])
    result = circulation(lambda w: precondition_single(w, np.tile(g, (len(w), 1)), depth), [2, 0], 1.0)
    assert result == pytest.approx(expected, abs=5e-5)


def test_circulation_obeys_green():
    """F = (-w2^3, w1^3): the integral of the curl 3 |w|^2 over the disc of radius r is 3 pi r^4 / 2."""
    result = circulation(lambda w: w[:, ::-1] ** 3 * [-1, 1], [0, 0], 1.5)
    assert result == pytest.approx(1.5 * np.pi * 1.5**4, rel=1e-12)


singular = np.diag([1.0, 0.0])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: precondition(np.eye(2), np.eye(3), 2), "Z must end in the shape"),
        (lambda: precondition(np.eye(2), np.eye(2), 0), "depth must be a whole number"),
        (lambda: precondition(np.eye(2), np.eye(2), 2.5), "depth must be a whole number"),
        (lambda: precondition(np.ones(2), np.eye(2), 2), "W must have at least 2 axes"),
        (lambda: precondition_inverse(singular, np.eye(2), 2), "W must have full rank"),
        (lambda: volume_element(singular, 3), "W must have full rank"),
        (lambda: metric(singular, np.eye(2), np.eye(2), 2), "W must have full rank"),
        (lambda: metric(np.eye(2), np.eye(2), np.eye(3), 2), "Z2 must end in the shape"),
        (lambda: precondition_inverse(np.eye(2, 3), np.eye(2, 3), inf), "W must be square for infinite"),
        (lambda: precondition_single(np.ones(2), np.ones(3), 2), "z must end in the length 2"),
        (lambda: circulation(lambda w: w, [0, 0, 0], 1.0), r"center must have shape \(2,\)"),
        (lambda: circulation(lambda w: w[:, 0], [0, 0], 1.0), "field must return vectors"),
        (lambda: circulation(lambda w: w, [0, 0], -1.0), "radius must be positive"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-300, 1.0, 1e300])
@pytest.mark.parametrize("rows", ["1 2; 3 -4", "1 1; 1 1", "0 -1; 1 0", "0 1; 1 0", "0 0; 0 0"])
def test_two_by_two_in_closed_form_at_any_size(size, rows):
    """One layer has the eigenvalue one, and bases that are orthogonal, where squares over- and underflow."""
    W = size * np.array([row.split() for row in rows.split(";")], dtype=float)
    K, U, V = spectrum(W, 1)
    np.testing.assert_allclose(K, 1.0)
    for basis in (U, V):
        np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-15)
