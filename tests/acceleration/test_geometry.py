from math import gamma, pi

import numpy as np
import pytest

from dlnlab import balanced, end_to_end, entropy, imbalances, orbit_volume, power_map, volume_element


def gram_volume(s, depth):
    """The volume of the orbit of diagonal layers, but for that of the group, from its tangent vectors."""
    d, layer = len(s), np.diag(s ** (1 / depth))
    tangents = []
    for k in range(1, depth):
        for i, j in zip(*np.triu_indices(d, 1), strict=True):
            a = np.zeros((d, d))
            a[i, j], a[j, i] = 1.0, -1.0
            move = [np.zeros((d, d)) for _ in range(depth)]
            move[k - 1], move[k] = a @ layer, -layer @ a
            tangents.append(np.concatenate([m.ravel() for m in move]))
    tangents = np.array(tangents)
    return np.sqrt(np.linalg.det(tangents @ tangents.T))


@pytest.mark.parametrize(("d", "depth"), [(2, 2), (2, 5), (3, 2), (3, 3), (4, 3)])
def test_orbit_volume_against_gram_determinants(rng, d, depth):
    s = np.sort(rng.uniform(0.5, 2.0, d))[::-1]
    group = np.prod([2 * pi ** (k / 2) / gamma(k / 2) for k in range(1, d + 1)])
    assert orbit_volume(np.diag(s), depth) == pytest.approx(group ** (depth - 1) * gram_volume(s, depth))


def test_the_orbit_of_two_layers_is_two_circles():
    W1 = np.diag(np.sqrt([1.0, 0.3]))
    angle = np.linspace(0, 2 * pi, 20001)
    c, s = np.cos(angle), np.sin(angle)
    R = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    points = np.concatenate([R @ W1, W1 @ R.mT], axis=-1).reshape(len(angle), -1)
    length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
    assert orbit_volume(W1 @ W1, 2) == pytest.approx(2 * length, rel=1e-7)


def test_entropy_at_low_rank(rng):
    assert entropy(np.diag([2.0, 0.0]), 3) == pytest.approx(np.log(2.0 ** (2 / 3)))
    assert entropy(np.diag([2.0, 0.0, 0.0]), 3) == -np.inf


def test_volumes_and_powers_beyond_float64():
    assert orbit_volume(np.eye(400), 1) == 1
    assert orbit_volume(np.eye(2), 1000) == np.inf
    with pytest.raises(ValueError, match="B must have powers within float64"):
        power_map(np.diag([10.0, 0.5]), 400)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_power_map_is_the_product_of_balanced_layers(rng, depth):
    B = rng.standard_normal((3, 2))
    W = power_map(B, depth)
    layers = balanced([2, *[3] * (depth - 1), 3], W, rng=rng)
    np.testing.assert_allclose(end_to_end(layers), W, atol=1e-12)
    assert all(np.abs(D).max() < 1e-12 for D in imbalances(layers))
    np.testing.assert_allclose(np.linalg.svd(W)[1], np.linalg.svd(B)[1] ** depth, rtol=1e-10)


@pytest.mark.parametrize("depth", [2, 3])
def test_power_map_carries_lebesgue_to_the_volume(rng, depth):
    B, h = rng.standard_normal((3, 3)), 1e-5
    directions = np.eye(9).reshape(9, 3, 3) * h
    jacobian = (power_map(B + directions, depth) - power_map(B - directions, depth)).reshape(9, 9) / (2 * h)
    ratio = volume_element(power_map(B, depth), depth) * abs(np.linalg.det(jacobian))
    assert ratio * depth**1.5 == pytest.approx(depth**3, rel=1e-6)
