r"""The largest eigenvalue of many symmetric operators at once, by the Lanczos iteration.

scipy's iteration (ARPACK) takes one operator at a time; on the small ones of a sweep it would spend its time
between the calls. This one runs on a batch, with full reorthogonalisation.
"""

from collections.abc import Callable

import numpy as np

from .._validation import Array

# Residual, relative to the eigenvalue, at which it is final. The error is of its square unless the next one
# is close, which the gap between Ritz values cannot tell: it misses what the Krylov space does not see.
_TOLERANCE = 1e-9
# A new direction of this relative size is rounding: the Krylov space is complete.
_COMPLETE = 1e-13
_CHECK_EVERY = 4


def largest_eigenvalue(product: Callable[[Array], Array], start: Array) -> Array:
    r"""Return the largest eigenvalue of every operator of a batch, none of which is negative definite.

    Parameters
    ----------
    product : callable
        Maps vectors of shape (B, n, 1) to the operators' products with them.
    start : ndarray of shape (B, n)
        Where to start; must not be orthogonal to the eigenvector sought.

    Returns
    -------
    ndarray of shape (B,)

    Notes
    -----
    Where the Krylov space is complete, the iteration goes on with zero vectors. They add eigenvalues 0 to
    the tridiagonal matrix, and the one sought is not negative. Some eigenvalue lies within the residual r of
    the leading Ritz value, and with the distance g to the others within :math:`r^2/g`.

    References
    ----------
    Golub & Van Loan (2013), *Matrix Computations*, chapter 10.
    """
    batch, n = start.shape
    basis = np.zeros((batch, 0, n))
    vector = start / np.linalg.norm(start, axis=1, keepdims=True)
    diagonal, below = np.zeros((2, batch, 0))
    while True:
        basis = np.concatenate([basis, vector[:, None]], axis=1)
        image = product(vector[..., None])[..., 0]
        alpha = np.einsum("bn,bn->b", vector, image)
        # Twice is enough to make the new direction orthogonal to rounding.
        for _ in range(2):
            image = image - ((basis @ image[..., None]).swapaxes(1, 2) @ basis)[:, 0]
        beta = np.linalg.norm(image, axis=1)
        diagonal = np.concatenate([diagonal, alpha[:, None]], axis=1)
        size = diagonal.shape[1]
        if size % _CHECK_EVERY == 0 or size == n:
            matrix = np.zeros((batch, size, size))
            index = np.arange(size)
            matrix[:, index, index] = diagonal
            matrix[:, index[1:], index[:-1]] = below
            values, vectors = np.linalg.eigh(matrix)
            residual = beta * np.abs(vectors[:, -1, -1])
            if size == n or (residual <= _TOLERANCE * values[:, -1]).all():
                return values[:, -1]
        complete = beta <= _COMPLETE * np.abs(diagonal).max(axis=1)
        vector = np.divide(image, beta[:, None], out=np.zeros_like(image), where=~complete[:, None])
        below = np.concatenate([below, np.where(complete, 0, beta)[:, None]], axis=1)
