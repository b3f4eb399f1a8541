import numpy as np
import pytest
from conftest import random_weights
from hypothesis import given
from hypothesis import strategies as st

from dlnlab import imbalances


@given(depth=st.integers(1, 12), batch=st.sampled_from([(), (3,)]), seed=st.integers(0, 2**32 - 1))
def test_imbalances_entry_by_entry(depth, batch, seed):
    weights = random_weights(np.random.default_rng(seed), depth, max_width=6, batch=batch)
    result = imbalances(weights)
    assert len(result) == depth - 1
    for k, D in enumerate(result):
        above = np.einsum("...ji,...jk->...ik", weights[k + 1], weights[k + 1])
        below = np.einsum("...ij,...kj->...ik", weights[k], weights[k])
        np.testing.assert_allclose(D, above - below, atol=1e-12)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"weights\[1\] must have 2 columns"):
        imbalances([np.ones((2, 3)), np.ones((2, 3))])
