import numpy as np
import pytest

from dlnlab.flatness.lanczos import largest_eigenvalue


def eigenvalue_of(matrices, rng):
    start = rng.standard_normal(matrices.shape[:2])
    return largest_eigenvalue(lambda vectors: matrices @ vectors, start)


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_random_operators(rng, n):
    factors = rng.standard_normal((20, n, n))
    matrices = factors + factors.swapaxes(1, 2) + 2 * np.sqrt(2 * n) * np.eye(n)
    np.testing.assert_allclose(eigenvalue_of(matrices, rng), np.linalg.eigvalsh(matrices)[:, -1], rtol=1e-10)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 0.0])
def test_a_close_second_eigenvalue(rng, gap):
    frame = np.linalg.qr(rng.standard_normal((5, 80, 80)))[0]
    values = np.append(rng.uniform(-1, 0.9, 78), [1 - gap, 1])
    matrices = (frame * values) @ frame.swapaxes(1, 2)
    np.testing.assert_allclose(eigenvalue_of(matrices, rng), 1, rtol=1e-9)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_krylov_space_that_ends_early(rng, rank):
    factors = rng.standard_normal((4, 30, rank))
    matrices = factors @ factors.swapaxes(1, 2)
    np.testing.assert_allclose(
        eigenvalue_of(matrices, rng), np.linalg.eigvalsh(matrices)[:, -1], rtol=1e-10, atol=1e-12
    )


def test_members_of_very_different_size(rng):
    matrices = np.stack([scale * np.diag(np.arange(50.0)) for scale in (1e-30, 1.0, 1e30)])
    np.testing.assert_allclose(eigenvalue_of(matrices, rng), 49 * np.array([1e-30, 1, 1e30]), rtol=1e-9)
