r"""Update rules for an end-to-end matrix, written plainly so that they can be compared.

A rule maps the iterate W, the gradient G at it and the rule's own memory (None at first) to the next
iterate and memory; `dlnlab.descend` runs it. Every learning rate is positive, and may be an array that
broadcasts against the batch axes of W. The optimisers are here for comparison only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import Array, count, number, positive
from ..acceleration.preconditioner import precondition, precondition_single

Rule = Callable[[Array, Array, Any], tuple[Array, Any]]


def _rate(learning_rate: ArrayLike) -> Array:
    return positive("learning_rate", learning_rate)[..., None, None]


def _decay(name: str, value: float) -> float:
    value = number(name, value, zero=True)
    if value >= 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value}")
    return value


def plain(learning_rate: ArrayLike) -> Rule:
    r"""Gradient descent, :math:`W \leftarrow W - \eta G`.

    Parameters
    ----------
    learning_rate : array_like
        Positive; an array broadcasts against the batch axes of W.

    Returns
    -------
    callable
        The rule.

    Raises
    ------
    ValueError
        If a learning rate is not positive.

    Examples
    --------
    >>> plain(0.5)(np.array([[1.0]]), np.array([[1.0]]), None)
    (array([[0.5]]), None)
    """
    eta = _rate(learning_rate)
    return lambda W, G, memory: (W - eta * G, memory)


def end_to_end_rule(learning_rate: ArrayLike, depth: int) -> Rule:
    r"""What depth N makes of gradient descent, :math:`W \leftarrow W - \eta A_{N,W}(G)`.

    Parameters
    ----------
    learning_rate : array_like
        As in `plain`.
    depth : int
        The number of layers N.

    Returns
    -------
    callable
        The rule.

    Raises
    ------
    ValueError
        If a learning rate is not positive, or the depth is no whole number of at least 1.

    References
    ----------
    Arora, Cohen & Hazan (2018), theorem 1; for N = 2 and one output this is
    :math:`w \leftarrow w - \eta \|w\| (g + \Pr_w g)`.

    Examples
    --------
    >>> end_to_end_rule(0.1, depth=2)(np.array([[4.0]]), np.array([[1.0]]), None)
    (array([[3.2]]), None)
    """
    eta, depth = _rate(learning_rate), count("depth", depth)

    def step(W: Array, G: Array, memory: Any) -> tuple[Array, Any]:
        if W.shape[-2] == 1:
            return W - eta * precondition_single(W[..., 0, :], G[..., 0, :], depth)[..., None, :], memory
        return W - eta * precondition(W, G, depth), memory

    return step


def momentum(learning_rate: ArrayLike, decay: float = 0.9) -> Rule:
    r"""Heavy ball, :math:`v \leftarrow \mu v + G,\ W \leftarrow W - \eta v`.

    Parameters
    ----------
    learning_rate : array_like
        As in `plain`.
    decay : float
        mu, in [0, 1).

    Returns
    -------
    callable
        The rule; its memory is v.

    Raises
    ------
    ValueError
        If a learning rate is not positive, or the decay not in [0, 1).

    References
    ----------
    Polyak (1964).

    Examples
    --------
    >>> momentum(0.5)(np.array([[1.0]]), np.array([[1.0]]), np.array([[1.0]]))
    (array([[0.05]]), array([[1.9]]))
    """
    eta, mu = _rate(learning_rate), _decay("decay", decay)

    def step(W: Array, G: Array, memory: Any) -> tuple[Array, Any]:
        v = G if memory is None else mu * memory + G
        return W - eta * v, v

    return step


def adagrad(learning_rate: ArrayLike) -> Rule:
    r"""AdaGrad, :math:`h \leftarrow h + G^2,\ W \leftarrow W - \eta G / \sqrt h`.

    Parameters
    ----------
    learning_rate : array_like
        As in `plain`.

    Returns
    -------
    callable
        The rule; its memory is h.

    Raises
    ------
    ValueError
        If a learning rate is not positive.

    References
    ----------
    Duchi, Hazan & Singer (2011).

    Examples
    --------
    >>> adagrad(0.5)(np.array([[1.0]]), np.array([[3.0]]), np.array([[16.0]]))
    (array([[0.7]]), array([[25.]]))
    """
    eta = _rate(learning_rate)

    def step(W: Array, G: Array, memory: Any) -> tuple[Array, Any]:
        h = G**2 if memory is None else memory + G**2
        return W - eta * G / np.where(h == 0, 1.0, np.sqrt(h)), h

    return step


def adam(learning_rate: ArrayLike, decay: float = 0.9, square_decay: float = 0.999) -> Rule:
    r"""Adam with bias correction and no offset under the root.

    Parameters
    ----------
    learning_rate : array_like
        As in `plain`.
    decay, square_decay : float
        beta_1 and beta_2, in [0, 1).

    Returns
    -------
    callable
        The rule; its memory is the number of steps t, v and h.

    Raises
    ------
    ValueError
        If a learning rate is not positive, or a decay not in [0, 1).

    Notes
    -----
    :math:`v \leftarrow \beta_1 v + (1-\beta_1) G,\ h \leftarrow \beta_2 h + (1-\beta_2) G^2,\
    W \leftarrow W - \eta \frac{v}{1-\beta_1^t} \big/ \sqrt{h / (1-\beta_2^t)}`.

    References
    ----------
    Kingma & Ba (2015).

    Examples
    --------
    >>> adam(0.5)(np.array([[1.0]]), np.array([[3.0]]), None)[0].round(12)
    array([[0.5]])
    """
    eta = _rate(learning_rate)
    beta1, beta2 = _decay("decay", decay), _decay("square_decay", square_decay)

    def step(W: Array, G: Array, memory: Any) -> tuple[Array, Any]:
        t, v, h = (0, 0.0, 0.0) if memory is None else memory
        t, v, h = t + 1, beta1 * v + (1 - beta1) * G, beta2 * h + (1 - beta2) * G**2
        root = np.sqrt(h / (1 - beta2**t))
        return W - eta * (v / (1 - beta1**t)) / np.where(root == 0, 1.0, root), (t, v, h)

    return step
