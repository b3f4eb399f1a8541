"""Noise: in the gradient, in the weights, along the layers of one product, and what it does to balance.

- `gradients`: noise of labels, of batches and of neither kind, added to a loss
- `weights`: Langevin dynamics, noise tangent to orbits, fibres and leaves
- `free_energy`: the entropy's gradient, the free energy, balanced layers of a product
- `products`: Brownian motion and Langevin dynamics of the end-to-end matrix of balanced layers
- `spectra`: Dyson Brownian motion, of matrices and of particles, its limit without noise
- `edge`: where a large learning rate lets a chain land
"""

from .edge import landing
from .free_energy import entropy_gradient, free_energy, rebalance
from .gradients import Noisy, isotropic, label_noise, minibatch
from .products import riemannian_brownian, riemannian_langevin
from .spectra import dyson, dyson_matrix, heat_roots
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
    "landing",
    "langevin",
    "minibatch",
    "rebalance",
    "riemannian_brownian",
    "riemannian_langevin",
    "tangent_noise",
]
