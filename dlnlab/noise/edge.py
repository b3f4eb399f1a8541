r"""The edge of stability of chains of scalars: a step where the sharpness is two over the learning rate."""

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, real_array


def landing(w: ArrayLike) -> tuple[Array, Array]:
    r"""Return the two constants that say where a chain of scalars lands from just beyond the edge.

    Parameters
    ----------
    w : array_like of shape (..., L)
        The weights of a chain that fits its target :math:`y = \prod_k w_k`, none of them zero.

    Returns
    -------
    kappa, C : ndarray of shape (...)
        At a learning rate :math:`\eta` with :math:`\eta S = 2` a step from a small residual r leads to
        :math:`-r + c_2 r^2 + c_3 r^3 + O(r^4)` with :math:`C = c_2^2 + c_3`, and takes
        :math:`\kappa r^2 + O(r^3)` off :math:`\eta S`; both have the unit of :math:`1 / y^2`,
        and both are 0 for one layer.

    Raises
    ------
    ValueError
        If there is no layer, or a weight is zero.

    Notes
    -----
    By an averaging argument, which is no theorem, a chain that is not balanced and begins at a small
    :math:`\chi_0 = \eta S - 2 > 0` lands near the :math:`\chi_1 < 0` at which
    :math:`(1 + \zeta)\, e^{-\zeta}`, :math:`\zeta = 2 C \chi / \kappa`, is what it was. The
    book measures how near.

    With :math:`v_k = w_k^{-2}`, :math:`e_j` its elementary symmetric polynomials and :math:`n_j` its power
    sums, :math:`C = \frac{8}{y^2} \bigl( \frac{4 e_2^2}{e_1^4} - \frac{e_3}{e_1^3} \bigr)` and
    :math:`\kappa = \frac{8}{y^2} \bigl( \frac{n_3}{e_1^3} - \frac{n_2^2}{e_1^4} \bigr)`.

    References
    ----------
    Worked out in these notes.

    Examples
    --------
    >>> kappa, C = landing([[2.0, 0.5], [1.0, 1.0]])
    >>> kappa.round(4), C.round(4)  # balanced chains have no room to fall
    (array([0.3448, 0.    ]), array([0.0981, 2.    ]))
    """
    w = real_array("w", w, min_ndim=1)
    if (w == 0).any():
        raise ValueError("w must not have a weight that is zero")
    v = (np.abs(w).min(axis=-1, keepdims=True) / w) ** 2
    v /= v.sum(axis=-1, keepdims=True)
    # As a variance and by sums of positive terms, which do not cancel.
    n2 = np.sum(v**2, axis=-1)
    variance = np.sum(v * (v - n2[..., None]) ** 2, axis=-1)
    e1 = e2 = e3 = np.zeros(w.shape[:-1])
    for share in np.moveaxis(v, -1, 0):
        e1, e2, e3 = e1 + share, e2 + share * e1, e3 + share * e2
    scale = 8 / np.prod(w, axis=-1) ** 2
    return np.asarray(scale * variance), np.asarray(scale * (4 * e2**2 - e3))
