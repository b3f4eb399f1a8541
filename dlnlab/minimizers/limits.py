r"""Where the flow of balanced layers ends.

End points depend on the curve of the flow and not on the clock, so `flow_endpoint` keeps a clock of its
own; `polar_flow` follows singular values over thousands of orders of magnitude by their logarithms.
"""

from collections.abc import Sequence
from math import inf

import numpy as np
import scipy
from numpy.typing import ArrayLike

from .._validation import Array, common_batch, count, number, quiet, real_array, weight_list
from ..acceleration import spectrum
from ..dynamics import Trajectory
from ..dynamics.flows import integrator
from ..networks.losses import Loss, fitting_loss


def diagonal_limit(weights: Sequence[ArrayLike], targets: ArrayLike) -> Array:
    r"""Return the limit of the flow of two layers whose product is observed on its diagonal.

    Parameters
    ----------
    weights : list of array_like
        Two layers, :math:`W_1` of shape (..., h, d) and :math:`W_2` of shape (..., d, h), balanced or not.
    targets : array_like of shape (..., d)
        The values of the diagonal, :math:`b_i`.

    Returns
    -------
    ndarray of shape (..., d, d)
        With rows :math:`r_i` of :math:`W_2`, columns :math:`c_i` of :math:`W_1`, :math:`p_i = r_i + c_i` and
        :math:`m_i = r_i - c_i`, these become :math:`e^{\theta_i} p_i` and :math:`e^{-\theta_i} m_i` where
        :math:`e^{2\theta_i} = (2 b_i + \sqrt{4 b_i^2 + |p_i|^2 |m_i|^2}) / |p_i|^2`.

    Raises
    ------
    ValueError
        If the layers or targets do not fit, or if some :math:`p_i` is zero, or some :math:`m_i` is and
        its target is not positive: the flow then does not reach the target.

    References
    ----------
    Worked out in these notes (session "The minimiser").

    Examples
    --------
    >>> diagonal_limit([[[0.1, 0.0], [0.0, 0.1]], [[0.1, 0.0], [0.1, 0.1]]], [1.0, 1.0]).round(4)
    array([[1.    , 0.4416],
           [0.4528, 1.    ]])
    """
    layers, b = weight_list(weights), real_array("targets", targets, min_ndim=1)
    if len(layers) != 2 or layers[0].shape[-1] != layers[1].shape[-2]:
        raise ValueError(
            "weights must be two layers with a square product, got shapes "
            f"{[layer.shape[-2:] for layer in layers]}"
        )
    rows, columns = layers[1], layers[0].mT
    if b.shape[-1] != rows.shape[-2]:
        raise ValueError(f"targets must have {rows.shape[-2]} entries, one a row of W_2, got {b.shape}")
    common_batch(weights=(rows, 2), targets=(b, 1))
    plus, minus = rows + columns, rows - columns
    P, M = np.square(plus).sum(axis=-1), np.square(minus).sum(axis=-1)
    if (P == 0).any() or ((M == 0) & (b <= 0)).any():
        raise ValueError(
            "weights must reach their targets, but some r_i + c_i = 0, or r_i = c_i and b_i <= 0"
        )
    root = np.sqrt(4 * b**2 + P * M)
    # Whichever of the two forms does not cancel.
    growth = np.sqrt(np.where(b > 0, (2 * b + root) / P, M / np.where(b > 0, 1.0, root - 2 * b)))[..., None]
    plus, minus = growth * plus, minus / growth
    return np.asarray((plus + minus) @ (plus - minus).mT / 4)


def flow_endpoint(
    W: ArrayLike, loss: Loss, depth: float, *, step: float = 0.2, max_steps: int = 4000
) -> Array:
    r"""Return where the end-to-end flow of balanced layers goes, from many starts at once.

    Parameters
    ----------
    W : array_like of shape (..., m, d)
        The starts.
    loss : Loss
        A loss whose least value is zero and whose curvature is at most one, such as a `Completion`.
    depth : int or math.inf
        The number of layers N.
    step : float
        Length of a step of the classical Runge-Kutta method, in the flow's own clock; at least one once the
        loss is below the eighth power of this, where it makes no larger an error.
    max_steps : int
        When to stop at the latest.

    Returns
    -------
    ndarray of shape (..., m, d)
        The first points with a loss below 1e-16, or those after ``max_steps``.

    Raises
    ------
    ValueError
        If an argument is not admissible.

    Notes
    -----
    :math:`\mathrm dW/\mathrm d\tau = -A_{N,W}(G) \min(s_1, 1) / K_{11}`, where :math:`K_{11}` is the largest
    eigenvalue of the preconditioner: the same curve as in time t, at any depth and from any scale within
    some thousand steps. A singular value that falls below the error of a step can lose its sign, as happens
    for two layers: their ends are off by up to 1e-3 (against `diagonal_limit`, a hundred starts), those of
    three layers by 1e-6.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1, for the curve.

    Examples
    --------
    >>> from dlnlab import Completion
    >>> task = Completion(np.eye(2, dtype=bool), np.eye(2))
    >>> flow_endpoint([[0.02, 0.0], [0.01, 0.01]], task, depth=3).round(3)
    array([[1.   , 0.84 ],
           [0.854, 1.   ]])
    """
    start = real_array("W", W, min_ndim=2)
    loss = fitting_loss(loss, start)
    step, max_steps = np.float64(number("step", step)), count("max_steps", max_steps)
    spectrum(start[..., :1, :1], depth)  # which names a depth that is not admissible

    def velocity(W: Array) -> Array:
        if not np.isfinite(W).all():
            raise ValueError(f"step must be shorter: the loss rose without bound, got {step}")
        K, U, V = spectrum(W, depth)
        top = K[..., :1, :1]
        size = 1.0 if depth == 1 else (top if depth == inf else top / depth) ** (1 / (2 - 2 / depth))
        pace = np.minimum(size, 1.0) / np.where(top == 0, 1.0, top)
        return np.asarray(-pace * (U @ (K * (U.mT @ loss.gradient(W) @ V)) @ V.mT))

    points = start.reshape(-1, *start.shape[-2:]).copy()
    # On the last stretch, of length step^4, steps of one err by no more than the steps before it.
    moving, last = np.arange(len(points)), max(step, 1.0)
    for _ in range(max_steps):
        left = loss.value(points[moving])
        moving, left = moving[left > 1e-16], left[left > 1e-16]
        if not len(moving):
            break
        with quiet():
            here, h = points[moving], np.where(left > step**8, step, last)[:, None, None]
            k1 = velocity(here)
            k2 = velocity(here + h / 2 * k1)
            k3 = velocity(here + h / 2 * k2)
            k4 = velocity(here + h * k3)
            points[moving] = here + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return points.reshape(start.shape)


_NO_TURN, _QUARTER_TURN = np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]])


def _rotation(angle: Array) -> Array:
    return np.asarray(
        np.cos(angle)[..., None, None] * _NO_TURN + np.sin(angle)[..., None, None] * _QUARTER_TURN
    )


def _polar(W: Array) -> tuple[Array, tuple[float, float], float]:
    """Return singular values, the angles of both bases, and the sign that the second singular value needs."""
    U, s, Vt = np.linalg.svd(W)
    # Rotations with the same first vectors leave the sign of the determinant to the second singular value.
    sign = np.sign(np.linalg.det(U) * np.linalg.det(Vt))
    return s, (np.arctan2(U[1, 0], U[0, 0]), np.arctan2(Vt[0, 1], Vt[0, 0])), sign


def polar_flow(W: ArrayLike, loss: Loss, depth: int, times: ArrayLike, *, rtol: float = 1e-10) -> Trajectory:
    r"""Integrate the end-to-end flow of a 2 x 2 matrix by the logarithms of its singular values.

    Parameters
    ----------
    W : array_like of shape (2, 2)
        The start, invertible, with two different singular values.
    loss : Loss
        The loss of the matrix.
    depth : int
        The number of layers N, at least 2.
    times : array_like of shape (T,)
        Increasing and not negative; the flow starts at time 0.
    rtol : float
        Relative tolerance of the integrator (LSODA).

    Returns
    -------
    Trajectory
        With the observable ``log_singular_values`` of shape (T, 2): they go on where the matrix in float64
        has rank one.

    Raises
    ------
    ValueError
        If an argument is not admissible.
    RuntimeError
        If the integrator fails.

    Notes
    -----
    :math:`W = R_\varphi \operatorname{diag}(s_1, \pm s_2) R_\psi^\top` keeps the sign of its determinant.
    With :math:`g = R_\varphi^\top G R_\psi`: :math:`\dot s_1 = -N s_1^{2-2/N} g_{11}`, likewise :math:`s_2`,
    :math:`\dot\varphi = -(s_1 g_{21} \pm s_2 g_{12})/(s_1^{2/N} - s_2^{2/N})`,
    :math:`\dot\psi = -(s_1 g_{12} \pm s_2 g_{21})/(s_1^{2/N} - s_2^{2/N})`. Where one singular value has
    converged and the other has not, steps stay short: the work grows with the last time (N = 2, from
    (2, 0.5; 0, 1) towards diag(0, 1): 13,000 gradients up to time 10,000).

    References
    ----------
    Razin & Cohen (2020) for the task; Arora, Cohen, Hu & Luo (2019) for the equations.

    Examples
    --------
    >>> from dlnlab import Completion
    >>> task = Completion([[False, True], [True, True]], [[0.0, 1.0], [1.0, 0.0]])
    >>> path = polar_flow(np.diag([0.02, 0.01]), task, depth=2, times=[1e6])
    >>> path.weights[0][0].round(2)
    array([[1.8168e+02, 1.0000e+00],
           [1.0000e+00, 1.0000e-02]])
    >>> path.observables["log_singular_values"][0].round(0)
    array([ 5.0000e+00, -1.6533e+04])
    """
    start, depth = real_array("W", W, ndim=2), count("depth", depth, minimum=2)
    if start.shape != (2, 2) or np.linalg.matrix_rank(start) < 2:
        raise ValueError(f"W must be an invertible matrix of shape (2, 2), got {start.tolist()}")
    s, angles, sign = _polar(start)
    if s[0] - s[1] <= 1e-12 * s[0]:
        raise ValueError(f"W must have two different singular values, got {s[0]} twice")
    loss = fitting_loss(loss, start)
    times = real_array("times", times, ndim=1)
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"times must increase from zero or later, got {times}")
    duration = times[-1] or 1.0

    def matrices(state: Array) -> tuple[Array, Array, Array, Array]:
        s1, s2 = np.exp(state[0]), sign * np.exp(state[1])
        U, V = _rotation(state[2]), _rotation(state[3])
        return s1, s2, U, V

    def velocity(_: float, state: Array) -> Array:
        s1, s2, U, V = matrices(state)
        g = U.T @ loss.gradient(U * np.array([s1, s2]) @ V.T) @ V
        gap = s1 ** (2 / depth) - abs(s2) ** (2 / depth)
        return duration * np.array(
            [
                -depth * s1 ** (1 - 2 / depth) * g[0, 0],
                -sign * depth * abs(s2) ** (1 - 2 / depth) * g[1, 1],
                -(s1 * g[1, 0] + s2 * g[0, 1]) / gap,
                -(s1 * g[0, 1] + s2 * g[1, 0]) / gap,
            ]
        )

    result = scipy.integrate.solve_ivp(
        velocity,
        (0.0, 1.0),
        [*np.log(s), *angles],
        t_eval=times / duration,
        **integrator("LSODA", rtol, 1e-12),
    )
    if not result.success:
        raise RuntimeError(f"LSODA failed before time {times[len(result.t)]:.6g}: {result.message}")
    s1, s2, U, V = matrices(result.y)
    path = U * np.stack([s1, s2], axis=-1)[..., None, :] @ V.mT
    return Trajectory(
        times=times,
        weights=[path],
        loss=loss.value(path),
        observables={"log_singular_values": result.y[:2].T},
        diverged=np.zeros((), dtype=bool),
    )
