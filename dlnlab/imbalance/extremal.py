"""Three layers of given imbalances with the least eigenvalue of T that these allow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, real_array
from .matrices import floor_of_spectrum

# Relative to the imbalances: eigenvalues this close are taken for one that is double.
_TIE = 1e-12


def _downdate(d: Array, mu: Array, tie: float) -> Array:
    r"""Return w with :math:`\operatorname{diag}(d) - w w^\top` of spectrum mu, for interlacing d and mu."""
    keep_d, keep_mu = np.ones(len(d), dtype=bool), np.ones(len(d), dtype=bool)
    for i in range(len(d)):
        for k in (i, i - 1):  # mu_i lies between d_i and d_(i+1): a tie with either drops out of the quotient
            if k >= 0 and keep_d[i] and keep_mu[k] and abs(d[i] - mu[k]) <= tie:
                keep_d[i] = keep_mu[k] = False
    w, left, right = np.zeros(len(d)), d[keep_d], mu[keep_mu]
    others = np.where(np.eye(len(left), dtype=bool), 1.0, left[:, None] - left)
    below = np.where(np.eye(len(left), dtype=bool), 1.0, left[:, None] - right)
    w[keep_d] = np.sqrt(np.maximum(np.diag(left[:, None] - right) * (below / others).prod(axis=1), 0.0))
    return w


def _layer(q: Array, alpha: Array, width: int, tie: float) -> Array:
    r"""Return W of shape (h, m) with :math:`\operatorname{diag}(q) - W W^\top` of spectrum alpha.

    Its columns lower the spectrum one after the other, the first one as far as it can.
    """
    h = len(q)
    lowest = np.full(h, np.inf)
    lowest[width - 1 :] = alpha[: max(h - width + 1, 0)]
    a = np.append(np.minimum(q, lowest), np.full(width, -np.inf))
    matrix, values, columns = np.diag(q), q, []
    for k in range(width):
        target = np.maximum(alpha, a[k : k + h])
        frame = np.linalg.eigh(matrix)[1][:, ::-1]
        columns.append(frame @ _downdate(values, target, tie))
        matrix, values = matrix - np.outer(columns[-1], columns[-1]), target
    return np.stack(columns, axis=1)


def extremal_network(imbalances: Sequence[ArrayLike], inputs: int, outputs: int) -> list[Array]:
    r"""Return the three layers with the least :math:`\lambda_{\min}(T)` among all with these imbalances.

    Parameters
    ----------
    imbalances : list of two array_like
        :math:`D_1 = W_2^\top W_2 - W_1 W_1^\top` of shape (h1, h1), :math:`D_2 = W_3^\top W_3 - W_2 W_2^\top`
        of shape (h2, h2), as `dlnlab.imbalances` returns them.
    inputs, outputs : int
        The widths m of the input and n of the output.

    Returns
    -------
    list of ndarray
        Layers of shape (h1, m), (h2, h1), (n, h2), whose least eigenvalue of T is that of
        `three_layer_rate_bound`.

    Raises
    ------
    ValueError
        If a matrix is not symmetric, or no network of these widths has these imbalances.

    Notes
    -----
    :math:`W_2^\top W_2` has the least spectrum that the imbalances allow, q, and the first columns of
    :math:`W_1` and :math:`W_3^\top` take from it what they must and no more. Rounding in the eigenvectors of
    nearly equal eigenvalues limits the accuracy of the imbalances to about 1e-12 of their size.

    References
    ----------
    Proved in the book, "Convergence under imbalance".

    Examples
    --------
    >>> [W.round(12) + 0.0 for W in extremal_network([[[1.0]], [[3.0]]], inputs=1, outputs=1)]
    [array([[0.]]), array([[1.]]), array([[2.]])]
    """
    if not isinstance(imbalances, Sequence) or len(imbalances) != 2:
        raise ValueError(f"imbalances must be a list of two matrices, got {imbalances!r}")
    D1, D2 = (real_array(f"imbalances[{k}]", D, ndim=2) for k, D in enumerate(imbalances))
    m, n = count("inputs", inputs), count("outputs", outputs)
    for k, D in enumerate((D1, D2)):
        if D.shape[0] != D.shape[1] or not np.allclose(D, D.T, rtol=0, atol=_TIE * np.abs(D).max()):
            raise ValueError(f"imbalances[{k}] must be a symmetric matrix, got shape {D.shape}")
    (alpha, frame1), (gamma, frame2) = (
        (values[::-1], frame[:, ::-1]) for values, frame in (np.linalg.eigh(D1), np.linalg.eigh(-D2))
    )
    q, tie = floor_of_spectrum(alpha, gamma), _TIE * max(np.abs(alpha).max(), np.abs(gamma).max())
    outer = []
    for values, frame, width in ((alpha, frame1, m), (gamma, frame2, n)):
        h = len(values)
        most = np.append(np.full(width, np.inf), values)[:h]
        if (q[:h] > most + tie).any() or (q[h:] > tie).any():
            raise ValueError(
                f"imbalances must be those of a network with {m} inputs and {n} outputs, got matrices with "
                f"the eigenvalues {alpha} and {-gamma}, which no such network has"
            )
        layer = _layer(np.minimum(q[:h], most), values, width, tie)
        reached = np.linalg.eigh(np.diag(q[:h]) - layer @ layer.T)[1][:, ::-1]
        outer.append((layer, frame @ reached.T))
    (W1, turn1), (W3, turn2) = outer
    W2 = np.eye(len(gamma), len(alpha)) * np.sqrt(q[: len(alpha)])
    return [turn1 @ W1, turn2 @ W2 @ turn1.T, (turn2 @ W3).T]
