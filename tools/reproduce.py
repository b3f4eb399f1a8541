"""Run all linear experiments of Marion & Chizat (2024) in full, and draw their figures into one folder.

Finished chunks are kept in the folder's `runs`: what was killed goes on from there.
"""

import argparse
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt

import dlnlab as dl
from dlnlab import experiments, figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the figures go")
    parser.add_argument("--jobs", type=int, default=-1, help="processes; all processors by default")
    arguments = parser.parse_args()
    folder = arguments.folder
    plt.switch_backend("agg")
    began = perf_counter()
    dl.use_style()

    task, underdetermined = experiments.regression_task(), experiments.underdetermined_task()
    grids = {
        "underdetermined": experiments.underdetermined_grids(underdetermined),
        "perceptron": experiments.perceptron_grids(task),
        "residual": experiments.residual_grids(task),
        "depth": experiments.depth_grids(task),
        # Not in the paper: networks that do learn at every depth within these steps.
        "residual depth": experiments.depth_grids(task, 10, experiments.residual_network),
    }
    tables = {}
    for name, some in grids.items():
        start = perf_counter()
        tables[name] = table = dl.run_sweep(some, folder=folder / "runs", jobs=arguments.jobs)
        steps = sum(len(grid) * grid.steps for grid in some) / 1e6
        print(
            f"{name:<16} {len(table):5} runs {steps:5.1f} million steps "
            f"({table['steps'].sum() / 1e6:.1f} until converged or diverged) {perf_counter() - start:5.1f} s",
            flush=True,
        )
    paths = experiments.trajectories(task)
    drawn = {
        "perceptron-sharpness": figures.plot_sharpness_by_scale(tables["perceptron"], task, 10),
        "perceptron-distance": figures.plot_distance_by_scale(tables["perceptron"]),
        "perceptron-divergence": figures.plot_divergence_by_scale(tables["perceptron"]),
        "perceptron-trajectories": figures.plot_trajectories(paths, task, 10),
        "residual-sharpness": figures.plot_sharpness_by_scale(tables["residual"], task, 10),
        "residual-distance": figures.plot_distance_by_scale(tables["residual"]),
        "residual-divergence": figures.plot_divergence_by_scale(tables["residual"]),
        "perceptron-depth": figures.plot_distance_by_rate(tables["depth"], task),
        "residual-depth": figures.plot_distance_by_rate(tables["residual depth"], task),
        "underdetermined-generalization": figures.plot_generalization(
            tables["underdetermined"], underdetermined
        ),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.svg")
        figure.savefig(folder / f"{name}.png", dpi=160, facecolor="white")
        plt.close(figure)
    total = sum(len(grid) * grid.steps for some in grids.values() for grid in some) / 1e6
    print(f"{total:.1f} million steps, {len(drawn)} figures in {folder}: {perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
