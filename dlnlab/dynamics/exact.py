r"""Exact solutions of scalar deep linear networks, as ground truth.

One weight a layer, the loss :math:`\frac12 (y - w)^2` of their product w, and gradient flow.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, count, positive, real_array


def sigmoid(times: ArrayLike, w0: ArrayLike, target: ArrayLike) -> Array:
    r"""Return the product of two balanced layers, :math:`y / (1 + (y/w_0 - 1) e^{-2yt})`.

    Parameters
    ----------
    times, w0, target : array_like
        t >= 0, and w0, y > 0; they broadcast.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If an argument has the wrong sign.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), equation 8, divided by the exponential.

    Examples
    --------
    >>> float(sigmoid(0.0, w0=0.5, target=2.0))
    0.5
    """
    t, w0, y = positive("times", times, zero=True), positive("w0", w0), positive("target", target)
    common_batch(times=(t, 0), w0=(w0, 0), target=(y, 0))
    return np.asarray(y / (y / w0 * np.exp(-2 * y * t) - np.expm1(-2 * y * t)))


def imbalanced_pair(times: ArrayLike, w0: ArrayLike, target: ArrayLike, imbalance: ArrayLike) -> Array:
    r"""Return the product of two layers with imbalance d, :math:`\dot w = \sqrt{d^2 + 4w^2}\,(y - w)`.

    Parameters
    ----------
    times, w0, target, imbalance : array_like
        t >= 0, any w0 and y, and d other than 0; they broadcast.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a time is negative or an imbalance zero (for which see `sigmoid`).

    Notes
    -----
    With :math:`w = \frac{|d|}2 \sinh 2x` and :math:`u = \tanh x` the equation becomes
    :math:`\dot u = y (1 - u^2) - |d| u`, whose fixed point is :math:`a = \tanh x_1`,
    :math:`\sinh 2x_1 = 2y/|d|`, and :math:`(a - u)/(1 + au)` decays like :math:`E = e^{-\rho t}`,
    :math:`\rho = \sqrt{d^2 + 4y^2}`. The product is :math:`w = |d|\, u / (1 - u^2)`. With
    :math:`1 + \tanh x_0 \tanh x_1 = \cosh(x_0 + x_1) / (\cosh x_0 \cosh x_1)`, :math:`x_0` the start,
    u is the quotient of :math:`R \sinh x_1 + E \sinh x_0` and :math:`R \cosh x_1 + E \cosh x_0`,
    :math:`R = (1 - E) \cosh(x_0 + x_1) / \cosh 2x_1`: nothing cancels but where w itself changes sign.

    References
    ----------
    Tarmoun, Franca, Haeffele & Vidal (2021) treat this flow; the closed form is derived here.

    Examples
    --------
    >>> imbalanced_pair([0.0, 50.0], w0=-1.0, target=3.0, imbalance=0.5).round(12)
    array([-1.,  3.])
    """
    t, w0, y = positive("times", times, zero=True), real_array("w0", w0), real_array("target", target)
    d = np.abs(real_array("imbalance", imbalance))
    if (d == 0).any():
        raise ValueError("imbalance must not be zero: for balanced layers use sigmoid")
    common_batch(times=(t, 0), w0=(w0, 0), target=(y, 0), imbalance=(d, 0))
    rate = np.hypot(d, 2 * y)
    left, gone = np.exp(-rate * t), -np.expm1(-rate * t)
    (p, cosh_p, sinh_p), (q, cosh_q, sinh_q) = _half_angle(2 * y / d), _half_angle(2 * w0 / d)
    pull = gone * (p * q + 1 / (p * q)) / 2 * (d / rate)  # cosh(x_0 + x_1) / cosh(2 x_1)
    # u = n / m, 1 - u = low / m and 1 + u = high / m.
    n, m = pull * sinh_p + left * sinh_q, pull * cosh_p + left * cosh_q
    low, high = pull / p + left / q, pull * p + left * q
    return np.asarray(d * (n / low) * (m / high))


def _half_angle(z: Array) -> tuple[Array, Array, Array]:
    """Return e^x, cosh x and sinh x for sinh 2x = z."""
    grown = np.sqrt(np.abs(z) + np.hypot(1, z))
    cosh = (grown + 1 / grown) / 2
    return np.where(z < 0, 1 / grown, grown), cosh, z / (2 * cosh)


def balanced_chain_time(w: ArrayLike, w0: ArrayLike, target: ArrayLike, depth: int) -> Array:
    r"""Return the time at which the product of balanced layers reaches w.

    Parameters
    ----------
    w, w0, target : array_like
        0 < w0 <= w < y; they broadcast.
    depth : int
        The number of layers L.

    Returns
    -------
    ndarray
        :math:`t = \int_{w_0}^w \frac{\mathrm du}{L u^{2-2/L} (y - u)}`.

    Raises
    ------
    ValueError
        If an argument is not positive, or w does not lie between w0 and the target.

    References
    ----------
    Separation of variables in the flow of balanced layers, Arora, Cohen & Hazan (2018), theorem 1.

    Examples
    --------
    >>> float(balanced_chain_time(1.0, w0=0.5, target=2.0, depth=1).round(12))
    0.405465108108
    """
    w, w0, y = positive("w", w), positive("w0", w0), positive("target", target)
    depth = count("depth", depth)
    common_batch(w=(w, 0), w0=(w0, 0), target=(y, 0))
    if ((w < w0) | (w >= y)).any():
        raise ValueError("w must lie between w0 and the target, the target excluded")
    if depth <= 2:
        end = np.log((y - w0) / (y - w))
        return np.asarray(end if depth == 1 else (np.log(w / w0) + end) / (2 * y))
    return np.asarray((_primitive(w, y, depth) - _primitive(w0, y, depth)) / depth)


def _primitive(u: Array, y: Array, depth: int) -> Array:
    r"""Return a primitive of :math:`u^{2/L - 2} / (y - u)`, for more than two layers."""
    b = 2 / depth - 1
    # Beside the target the function has a logarithm, whose argument 1 - u/y must not be rounded.
    gap = np.broadcast_to((y - u) / y, np.broadcast_shapes(u.shape, y.shape))
    log = np.log(gap)
    near = -np.euler_gamma - scipy.special.digamma(b) - log
    near = near + b * gap * (1 - np.euler_gamma - scipy.special.digamma(1 + b) - log)
    return np.asarray(
        u**b
        / y
        * np.where(gap < 1e-6, near, scipy.special.hyp2f1(1, b, 1 + b, 1 - np.maximum(gap, 1e-6)) / b)
    )
