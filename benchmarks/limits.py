"""Time the ends of balanced flows in their own clock beside integration in time, to the same loss.

Run with ``python benchmarks/limits.py``. The alternative is `dlnlab.end_to_end_flow` with LSODA, start by
start, until the loss is below 1e-12; the last column says how far apart the ends are.
"""

import platform
from time import perf_counter

import numpy as np

import dlnlab as dl

TASK = dl.Completion(np.eye(2, dtype=bool), np.eye(2))


def in_time(start: np.ndarray, depth: int) -> np.ndarray:
    """Integrate one flow in doubling times until its loss is small."""
    W, duration = start, 10.0
    while TASK.value(W) > 1e-12:
        flow = dl.end_to_end_flow(
            W, TASK, depth, duration, times=[duration], method="LSODA", rtol=1e-9, atol=1e-12
        )
        W, duration = flow.weights[0][0], 2 * duration
    return W


def main() -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    starts = np.random.default_rng(0).standard_normal((150, 2, 2))
    starts = starts[np.linalg.det(starts) < 0]
    print(f"{len(starts)} starts | depth | scale | own clock | in time | ratio | largest difference")
    for depth in (2, 3, 10):
        for scale in (0.1, 0.01):
            begin = perf_counter()
            ends = dl.flow_endpoint(scale * starts, TASK, depth)
            own = perf_counter() - begin
            begin = perf_counter()
            others = np.stack([in_time(scale * W, depth) for W in starts[:20]])
            timed = (perf_counter() - begin) * len(starts) / 20
            gap = np.abs(ends[:20] - others).max()
            print(f"{depth} | {scale:g} | {own:.2f} s | {timed:.1f} s | {timed / own:.0f} | {gap:.1g}")


if __name__ == "__main__":
    main()
