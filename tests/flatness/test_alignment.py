from itertools import pairwise

import numpy as np
import pytest

import dlnlab as dl


def test_epsilon_and_structure_against_their_definitions(rng):
    weights = dl.gaussian([4, 3, 5, 1], 0.7, rng=rng, batch=(6,))
    found, size = dl.structure(weights), dl.epsilon(weights)
    for i in range(6):
        layers = [layer[i] for layer in weights]
        D = [above.T @ above - below @ below.T for below, above in pairwise(layers)]
        expected = 3 * max(np.sum(layer**2) for layer in layers) + 2 * sum(np.linalg.norm(d, 2) for d in D)
        np.testing.assert_allclose(size[i], expected)
        s = [np.linalg.norm(layer, 2) ** 2 for layer in layers]
        np.testing.assert_allclose(
            found.rank_one_gap[i], max(np.sum(w**2) - v for w, v in zip(layers, s, strict=True))
        )
        np.testing.assert_allclose(found.spectral_spread[i], max(s) - min(s))
        tops = [np.linalg.eigh(w.T @ w)[1][:, -1] for w in layers]
        images = [w @ v / np.linalg.norm(w @ v) for w, v in zip(layers, tops, strict=True)]
        aligned = min((v @ u) ** 2 for u, v in zip(images, tops[1:], strict=False))
        np.testing.assert_allclose(found.alignment[i], aligned, rtol=1e-8)


def test_structure_of_one_layer():
    found = dl.structure([np.diag([3.0, 4.0])])
    assert (found.rank_one_gap, found.spectral_spread, found.alignment) == (9, 0, 1)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: dl.epsilon([]), "weights must be a non-empty list"),
        (lambda: dl.structure([np.ones(3)]), r"weights\[0\] must have at least 2 axes"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
