"""How fast the laboratory trains in Chromium, beside the same loop in JAX, and what its page weighs.

Run with ``python benchmarks/laboratory.py`` after ``make book`` and ``pip install -e .[benchmark]``. Depth
10, width 5, five features, float64, one core; 200 000 steps of gradient descent from the same weights. JAX
compiles the loop (jit over fori_loop); the time to compile is left out.
"""

import gzip
import os
import platform
import sys
from pathlib import Path
from time import perf_counter

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import jax
import jax.numpy as jnp
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from browser import HTML, launched, open_page, served  # noqa: E402

import dlnlab as dl  # noqa: E402
from dlnlab.book import laboratory  # noqa: E402

jax.config.update("jax_enable_x64", True)
SETTING = {"task": "gaussian", "depth": 10, "width": 5, "start": "gaussian", "scale": 0.4, "seed": 1}
RATE, STEPS = 0.01, 200_000
TRAIN = """([task, setting, rate, steps]) => {
  const { draw, Network } = laboratory;
  const { layers, readout } = draw(task, setting);
  const train = (n) => {
    const network = new Network(task, layers, readout);
    const began = performance.now();
    for (let i = 0; i < n; i++) network.step(rate);
    return [n / (performance.now() - began) * 1000, [...network.q[0]]];
  };
  train(20_000);
  return train(steps);
}"""
FRAMES = """() => new Promise((resolve) => {
  document.querySelector(".lab-run").click();
  let frames = 0;
  const began = performance.now();
  const count = () => {
    frames++;
    if (performance.now() - began < 3000) requestAnimationFrame(count);
    else resolve(frames / 3);
  };
  requestAnimationFrame(count);
})"""


def in_jax() -> tuple[float, np.ndarray]:
    """Return steps a second in JAX, and the regressor at the end."""
    task = laboratory.tasks()["gaussian"]
    weights, _ = dl.Laboratory(**{**SETTING, "learning_rate": RATE}).drawn()
    sigma, target = jnp.array(task.covariance), jnp.array(task.minimizer)

    def risk(layers):
        w = layers[-1]
        for layer in reversed(layers[:-1]):
            w = w @ layer
        error = w[0] - target
        return error @ sigma @ error

    def step(_, layers):
        return [W - RATE * G for W, G in zip(layers, jax.grad(risk)(layers), strict=True)]

    train = jax.jit(lambda layers: jax.lax.fori_loop(0, STEPS, step, layers))
    start = [jnp.array(W) for W in weights]
    jax.block_until_ready(train(start))
    began = perf_counter()
    end = jax.block_until_ready(train(start))
    return STEPS / (perf_counter() - began), dl.end_to_end([np.array(W) for W in end])[0]


def main() -> None:
    task = laboratory.sent(laboratory.tasks()["gaussian"])
    with served() as site, launched() as browser:
        page, _ = open_page(browser, f"{site}/book/laboratory.html?depth=10&scale=0.4&rate=0.0001")
        page.locator(".dlnlab-lab").wait_for()
        fast, w = page.evaluate(TRAIN, [task, SETTING, RATE, STEPS])
        frames = page.evaluate(FRAMES)
    slow, same = in_jax()
    assert np.allclose(w, same, rtol=1e-9)
    weights = {
        name: len(gzip.compress((HTML / "_static" / name).read_bytes()))
        for name in ("laboratory.js", "laboratory.css")
    }
    print(f"{platform.machine()}, one core, JAX {jax.__version__}")
    print(f"Chromium {fast:,.0f} steps a second, JAX {slow:,.0f}: {fast / slow:.1f} times as fast")
    print(f"{frames:.0f} frames a second while running at depth 10")
    print("compressed:", ", ".join(f"{name} {size / 1000:.1f} kB" for name, size in weights.items()))


if __name__ == "__main__":
    main()
