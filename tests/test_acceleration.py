import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from dlnlab import precondition


def power(gram, exponent):
    """A fractional power of a positive semi-definite matrix, singular or not."""
    if exponent == 0:
        return np.eye(len(gram))
    if np.linalg.matrix_rank(gram) == len(gram):
        return fractional_matrix_power(gram, exponent).real
    eigenvalues, vectors = np.linalg.eigh(gram)
    eigenvalues[eigenvalues < 1e-12 * eigenvalues[-1]] = 0
    return (vectors * eigenvalues**exponent) @ vectors.T


@pytest.mark.parametrize("depth", [1, 2, 3, 7])
@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (2, 4), (4, 2)])
def test_precondition_against_fractional_matrix_powers(rng, depth, rows, columns):
    W, Z = rng.standard_normal((2, rows, columns))

    expected = sum(
        power(W @ W.T, (depth - j) / depth) @ Z @ power(W.T @ W, (j - 1) / depth) for j in range(1, depth + 1)
    )
    np.testing.assert_allclose(precondition(W, Z, depth), expected, atol=1e-10)


def test_at_zero_only_one_layer_moves(rng):
    Z = rng.standard_normal((2, 3))
    np.testing.assert_array_equal(precondition(np.zeros((2, 3)), Z, 3), 0)
    np.testing.assert_allclose(precondition(np.zeros((2, 3)), Z, 1), Z)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: precondition(np.eye(2), np.eye(3), 2), "Z must end in the shape"),
        (lambda: precondition(np.eye(2), np.eye(2), 0), "depth must be a whole number"),
        (lambda: precondition(np.ones(2), np.eye(2), 2), "W must have at least 2 axes"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
