from math import factorial

import numpy as np
import pytest
from conftest import random_weights
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from dlnlab import (
    Factorization,
    gradient_flow,
    imbalances,
    margin,
    preconditioner_eigenvalue,
    scalar_rate_bound,
    scalar_rate_lower_bound,
)


@given(depth=st.integers(1, 12), batch=st.sampled_from([(), (3,)]), seed=st.integers(0, 2**32 - 1))
def test_imbalances_entry_by_entry(depth, batch, seed):
    weights = random_weights(np.random.default_rng(seed), depth, max_width=6, batch=batch)
    result = imbalances(weights)
    assert len(result) == depth - 1
    for k, D in enumerate(result):
        above = np.einsum("...ji,...jk->...ik", weights[k + 1], weights[k + 1])
        below = np.einsum("...ij,...kj->...ik", weights[k], weights[k])
        np.testing.assert_allclose(D, above - below, atol=1e-12)


@given(depth=st.integers(1, 6), y=st.floats(-3, 3), seed=st.integers(0, 2**32 - 1))
def test_scalar_rate_bound_against_a_scalar_root_find(depth, y, seed):
    w0 = np.random.default_rng(seed).standard_normal(depth)
    c = w0**2 - (w0**2).min()
    m = max(0.0, abs(y) - abs(y - w0.prod()))
    t = 0.0
    if m > 1e-6:
        t = brentq(lambda t: np.prod(t + c) - m**2, 0, m ** (2 / depth) + 1, xtol=1e-15)
        expected = sum(np.prod(np.delete(t + c, k)) for k in range(depth))
        assert scalar_rate_bound(w0, y) == pytest.approx(expected, rel=1e-8, abs=0)


def test_two_scalar_layers_in_closed_form(rng):
    w0, y = rng.standard_normal((1000, 2)), rng.standard_normal(1000)
    m = np.maximum(0, np.abs(y) - np.abs(y - w0.prod(axis=1)))
    closed = np.sqrt((w0[:, 0] ** 2 - w0[:, 1] ** 2) ** 2 + 4 * m**2)
    np.testing.assert_allclose(scalar_rate_bound(w0, y), closed, rtol=1e-9)
    np.testing.assert_allclose(scalar_rate_lower_bound(w0, y), closed, rtol=1e-9)


@pytest.mark.parametrize("depth", [3, 4, 5, 8])
def test_lower_bound_is_below_on_random_chains(rng, depth):
    w0, y = rng.standard_normal((10_000, depth)), 2 * rng.standard_normal(10_000)
    exact, lower = scalar_rate_bound(w0, y), scalar_rate_lower_bound(w0, y)
    assert (lower <= exact * (1 + 1e-10)).all()


def test_bound_holds_along_random_flows(rng):
    """No chain's least eigenvalue falls below the bound that its start gives."""
    for depth in (2, 3, 4):
        w0, y = rng.standard_normal((200, depth)), 1.0
        chains = [w0[:, k, None, None] for k in range(depth)]
        path = gradient_flow(chains, Factorization([[y]]), 3.0, times=np.linspace(0, 3, 31), rtol=1e-9)
        least = preconditioner_eigenvalue(path.weights).min(axis=0)
        assert (least >= scalar_rate_bound(w0, y) * (1 - 1e-6)).all()


@pytest.mark.parametrize("depth", range(2, 9))
def test_unit_imbalances_give_factorial_growth(depth):
    """c = 0, 1, ..., L - 1 and zero margin: alpha* = (L - 1)!."""
    w0 = np.sqrt(np.arange(depth))
    assert scalar_rate_bound(w0, 1.0) == pytest.approx(factorial(depth - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: imbalances([np.ones((2, 3)), np.ones((2, 3))]), r"weights\[1\] must have 2 columns"),
        (lambda: scalar_rate_bound([1.0, np.nan], 1.0), "w0 must be finite"),
        (lambda: margin(np.eye(2), np.eye(3)), "target must end in the shape"),
        (lambda: scalar_rate_bound(1.0, 1.0), "w0 must have at least 1 axis"),
        (lambda: scalar_rate_lower_bound([1.0], 1.0), "w0 must have at least 2 layers"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_tiny_products_keep_their_digits():
    """|y| - |y - w| would lose them all."""
    w = np.full((3, 1, 1), 6e-17 ** (1 / 3))
    bound = scalar_rate_bound(w.ravel(), 1.0)
    np.testing.assert_allclose(bound, preconditioner_eigenvalue(list(w)), rtol=1e-12)


@pytest.mark.parametrize("shapes", [((2, 1, 1), (3, 1, 1)), ((2, 3, 4), (3, 3, 4))])
def test_batches_that_do_not_fit_are_named(shapes):
    with pytest.raises(ValueError, match="W, target must have batch axes that broadcast"):
        margin(*map(np.ones, shapes))
