"""The metric that the inverse preconditioner defines, and circulations of vector fields."""

from collections.abc import Callable
from math import lgamma, log, pi

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, count, function, number, quiet, real_array, square_matrix
from .preconditioner import scaled, spectrum


def _invertible(W: ArrayLike, depth: float) -> tuple[Array, Array, Array]:
    W = real_array("W", W, min_ndim=2)
    K, U, V = spectrum(W, depth)
    if depth != 1 and (np.linalg.matrix_rank(W) < min(W.shape[-2:])).any():
        raise ValueError("W must have full rank: at a lower one the preconditioner has no inverse")
    if (K == 0).any():
        raise ValueError(f"W must be square for infinite depth, got shape {W.shape}")
    return K, U, V


def precondition_inverse(W: ArrayLike, Z: ArrayLike, depth: float) -> Array:
    r"""Apply the inverse :math:`A_{N,W}^{-1}` of the preconditioner.

    Parameters
    ----------
    W, Z, depth
        As in `precondition`; W of full rank (and square for infinite depth).

    Returns
    -------
    ndarray of shape (..., m, d)

    Raises
    ------
    ValueError
        If the shapes differ, or the preconditioner is not invertible at W.

    Notes
    -----
    :math:`K_{il} = 0` only where both singular values are zero, the padded ones included: for finite
    depth above 1, A is invertible if and only if W has full rank, whether or not W is square.

    References
    ----------
    Menon (2024), on the geometry of the end-to-end flow.

    Examples
    --------
    >>> precondition_inverse([[4.0]], [[8.0]], depth=2)
    array([[1.]])
    """
    K, U, V = _invertible(W, depth)
    return scaled("Z", Z, 1 / K, U, V)


def metric(W: ArrayLike, Z1: ArrayLike, Z2: ArrayLike, depth: float) -> Array:
    r"""Return the Riemannian metric :math:`g^N_W(Z_1, Z_2) = \mathrm{Tr}(Z_1^\top A_{N,W}^{-1} Z_2)`.

    Parameters
    ----------
    W, Z1, Z2 : array_like of shape (..., m, d)
        The end-to-end matrix, of full rank, and two tangent vectors.
    depth : int or math.inf
        The number of layers N.

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    ValueError
        If the shapes differ, or the preconditioner is not invertible at W.

    References
    ----------
    Menon (2024): the end-to-end flow is the gradient flow of the loss in this metric.

    Examples
    --------
    >>> float(metric([[4.0]], [[1.0]], [[1.0]], depth=2))
    0.125
    """
    K, U, V = _invertible(W, depth)
    first = scaled("Z1", Z1, np.ones_like(K), U, V)
    second = scaled("Z2", Z2, 1 / K, U, V)
    common_batch(Z1=(first, 2), Z2=(second, 2))
    with quiet():
        return np.asarray((first * second).sum(axis=(-2, -1)))


def volume_element(W: ArrayLike, depth: float) -> Array:
    r"""Return :math:`\sqrt{\det g^N} = \prod_{il} K_{il}^{-1/2}` at matrices W of full rank.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
    depth : int or math.inf

    Returns
    -------
    ndarray of shape (...)

    Raises
    ------
    ValueError
        If the preconditioner is not invertible at W.

    References
    ----------
    Menon (2024).

    Examples
    --------
    >>> round(float(volume_element([[4.0]], depth=2)), 12)
    0.353553390593
    """
    return np.exp(-np.log(_invertible(W, depth)[0]).sum(axis=(-2, -1)) / 2)


def power_map(B: ArrayLike, depth: int) -> Array:
    r"""Return :math:`U \Lambda^N V^\top` for matrices :math:`B = U \Lambda V^\top`.

    Parameters
    ----------
    B : array_like of shape (..., m, d)
    depth : int
        The number of layers N.

    Returns
    -------
    ndarray of shape (..., m, d)
        The end-to-end matrix of balanced layers with the singular values of B.

    Raises
    ------
    ValueError
        If B is not a finite real matrix or the depth not a whole number.

    Notes
    -----
    The measure :math:`\sqrt{\det g^N}\,\mathrm dW` is :math:`N^{d/2}` times Lebesgue's, carried by this map.

    References
    ----------
    Cohen, Menon & Veraszto (2023), theorem 1.1, read in the coordinates of the layers (these notes).

    Examples
    --------
    >>> power_map([[0.0, 2.0], [3.0, 0.0]], depth=3)
    array([[ 0.,  8.],
           [27.,  0.]])
    """
    U, s, Vt = np.linalg.svd(real_array("B", B, min_ndim=2), full_matrices=False)
    with quiet():
        powers = s ** count("depth", depth)
    if not np.isfinite(powers).all():
        raise ValueError(
            f"B must have powers within float64, got a singular value of {s.max():g} to the {depth}"
        )
    return np.asarray((U * powers[..., None, :]) @ Vt)


def entropy(W: ArrayLike, depth: int) -> Array:
    r"""Return the logarithm of the orbit's volume, :math:`\mathcal S = \frac12 \sum_{i<j} \log K_{ij}`.

    Parameters
    ----------
    W : array_like of shape (..., d, d)
        The end-to-end matrix.
    depth : int
        The number of layers N.

    Returns
    -------
    ndarray of shape (...)
        Without the constant that `orbit_volume` has; minus infinity at rank d - 2 and below.

    Raises
    ------
    ValueError
        If W is not square or the depth not a whole number.

    References
    ----------
    Menon & Yu (2025), theorem 10, with the square root that the seminar's slide lost.

    Examples
    --------
    >>> round(float(entropy([[1.0, 0.0], [0.0, 1.0]], depth=2)), 9)  # log(2) / 2
    0.34657359
    """
    K = spectrum(square_matrix("W", W), count("depth", depth))[0]
    above = np.triu_indices(K.shape[-1], 1)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(K[..., *above]).sum(axis=-1) / 2)


def orbit_volume(W: ArrayLike, depth: int) -> Array:
    r"""Return the volume of the balanced layers with one product, :math:`c_d^{N-1} \prod_{i<j} K_{ij}^{1/2}`.

    Parameters
    ----------
    W, depth
        As in `entropy`; the layers are d x d, and W is invertible.

    Returns
    -------
    ndarray of shape (...)
        In the Euclidean metric of the layers;
        :math:`c_d = 2^{d(d-1)/4} \prod_{k \le d} 2\pi^{k/2} / \Gamma(k/2)`.

    Raises
    ------
    ValueError
        If W is not square or the depth not a whole number.

    References
    ----------
    Menon & Yu (2025), theorem 10.

    Examples
    --------
    Two layers of two neurons: two circles whose radius is the norm of all weights, here the root of 2.6.

    >>> round((float(orbit_volume([[1.0, 0.0], [0.0, 0.3]], depth=2)) / (4 * np.pi)) ** 2, 12)
    2.6
    """
    d = square_matrix("W", W).shape[-1]
    # In logarithms: the volume of the orthogonal group leaves float64 at d = 170.
    orthogonal_group = sum(log(2) + k / 2 * log(pi) - lgamma(k / 2) for k in range(1, d + 1))
    constant = d * (d - 1) / 4 * log(2) + orthogonal_group
    with quiet():
        return np.exp((count("depth", depth) - 1) * constant + entropy(W, depth))


def circulation(
    field: Callable[[Array], ArrayLike], center: ArrayLike, radius: float, *, points: int = 256
) -> float:
    r"""Return the line integral of a plane field round a circle, anticlockwise.

    Parameters
    ----------
    field : callable
        Maps points of shape (points, 2) to vectors of the same shape.
    center : array_like of shape (2,)
    radius : float
    points : int
        How many points of the circle to use; for an analytic field the error falls exponentially.

    Returns
    -------
    float
        :math:`\oint \langle F, \mathrm dw \rangle`, which is 0 if F is a gradient inside the circle.

    Raises
    ------
    ValueError
        If the centre is no point of the plane, the radius not positive, or the field of wrong shape.

    Examples
    --------
    >>> round(circulation(lambda w: w[:, ::-1] * [-1, 1], center=[0, 0], radius=1.0) / np.pi, 12)
    2.0
    """
    center, radius = real_array("center", center, ndim=1), number("radius", radius)
    if center.shape != (2,):
        raise ValueError(f"center must have shape (2,), got {center.shape}")
    angle = np.arange(count("points", points, minimum=3)) * 2 * np.pi / points
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    tangent = np.stack([-np.sin(angle), np.cos(angle)], axis=-1)
    field = function("field", field, "lambda w: -w")
    values = real_array("field", field(center + radius * circle))
    if values.shape != circle.shape:
        raise ValueError(f"field must return vectors of shape {circle.shape}, got {values.shape}")
    return float((values * tangent).sum() * radius * 2 * np.pi / points)
