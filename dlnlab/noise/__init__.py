"""Noise: in the gradient, in the weights, along the layers of one product, and what it does to balance.

- `gradients`: noise of labels, of batches and of neither kind, added to a loss
- `weights`: Langevin dynamics, noise tangent to orbits, fibres and leaves
- `free_energy`: the entropy's gradient, the free energy, balanced layers of a product
- `spectra`: Dyson Brownian motion, of matrices and of particles, its limit without noise, and Brownian motion
  in the metric of balanced layers
"""

from .free_energy import entropy_gradient, free_energy, rebalance
from .gradients import Noisy, isotropic, label_noise, minibatch
from .spectra import dyson, dyson_matrix, heat_roots, riemannian_brownian
from .weights import langevin, tangent_noise

__all__ = [
    "Noisy",
    "dyson",
    "dyson_matrix",
    "entropy_gradient",
    "free_energy",
    "heat_roots",
    "isotropic",
    "label_noise",
    "langevin",
    "minibatch",
    "rebalance",
    "riemannian_brownian",
    "tangent_noise",
]
