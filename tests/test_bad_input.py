"""Every public function with about twenty kinds of bad input, and with odd input that is right.

Bad input raises a ValueError or TypeError that names the argument; float32, integer, read-only, strided and
other arrays give the result of their float64 copies. No input is changed, and no warning leaks: pytest makes
them errors. A public function that is not in the table fails the first test.
"""

import dataclasses
import inspect
import math
from copy import deepcopy

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import dlnlab as dl
from dlnlab import exact, experiments, figures, rules

matplotlib.use("agg")


def rng():
    return np.random.default_rng(0)


def layers(*widths, batch=()):
    return dl.gaussian(widths, 0.6, rng=rng(), batch=batch)


def draw(value):
    return Figure()


TASK = dl.Regression.gaussian(12, 3, minimizer_norm=1.0, rng=rng())
TARGET = dl.Factorization(np.diag([2.0, 1.0]))
W, Z = rng().standard_normal((2, 2, 2)) + 2 * np.eye(2)
TABLE = dl.run_sweep(dl.Grid(TASK, [2], [0.05], [0.3, 0.6], 2, 50))
PATHS = {0.1: dl.gradient_descent(layers(3, 3, 1, batch=(2,)), TASK, 0.1, 3)}
MASK = np.eye(2, dtype=bool)
ENTRIES = dl.Completion(MASK, W)
SCALARS = {"readout_norm": 1.5}
SEED = {"seed": 1}

# A call that is right, for every public function.
CALLS = {
    dl.Regression: {"X": TASK.X, "y": TASK.y},
    dl.Regression.gaussian: {
        "n_samples": 5,
        "n_features": 2,
        "noise": 0.5,
        "minimizer_norm": 2.0,
        "rng": rng(),
    },
    dl.Regression.diabetes: {},
    dl.Factorization: {"M": W},
    dl.LpRegression: {"X": TASK.X, "Y": TASK.y, "p": 4},
    TASK.excess_risk: {"w": TASK.y[:3]},
    TASK.risk: {"w": TASK.y[:3]},
    TASK.generalization_gap: {"w": TASK.y[:3]},
    dl.end_to_end: {"weights": layers(3, 4, 2), "readout": [1.0, 2.0]},
    dl.gradient: {"weights": layers(3, 4, 2), "loss": TASK, "readout": [1.0, 2.0]},
    dl.hessian: {"weights": layers(3, 4, 2), "loss": TASK, "readout": [1.0, 2.0]},
    dl.hessian_vector_product: {
        "weights": layers(2, 3, 2),
        "directions": layers(2, 3, 2),
        "loss": TARGET,
        "readout": None,
    },
    dl.gaussian: {"widths": [3, 2, 1], "scale": 0.3, "rng": rng(), "batch": (2,)},
    dl.residual: {"width": 3, "depth": 2, "scale": 0.3, "rng": rng(), "batch": (2,)},
    dl.imbalances: {"weights": layers(3, 4, 2)},
    dl.spectrum: {"W": W, "depth": 3},
    dl.precondition: {"W": W, "Z": Z, "depth": 3},
    dl.precondition_single: {"w": W[0], "z": Z[0], "depth": 3},
    dl.precondition_inverse: {"W": W, "Z": Z, "depth": 3},
    dl.metric: {"W": W, "Z1": Z, "Z2": Z, "depth": 3},
    dl.volume_element: {"W": W, "depth": 3},
    dl.entropy: {"W": W, "depth": 3},
    dl.orbit_volume: {"W": W, "depth": 3},
    dl.power_map: {"B": W, "depth": 3},
    dl.balanced_rate: {"depth": 3, "fraction": 0.5},
    dl.Completion: {"mask": MASK, "values": W},
    dl.Completion.elnino: {},
    dl.mask_invariants: {"weights": layers(2, 3, 2), "mask": MASK},
    dl.diagonal_limit: {"weights": layers(2, 3, 2), "targets": [1.0, 2.0]},
    dl.effective_rank: {"W": W},
    dl.flow_endpoint: {"W": W, "loss": ENTRIES, "depth": 3, "step": 0.3, "max_steps": 50},
    dl.polar_flow: {"W": W, "loss": ENTRIES, "depth": 3, "times": [0.0, 1.0], "rtol": 1e-8},
    dl.hyperbolic_entropy: {"w": W[0], "alpha": 0.5, "depth": 3},
    dl.mirror_minimizer: {"X": TASK.X[:2], "y": TASK.y[:2], "alpha": 0.5, "depth": 3},
    dl.nuclear_completion: {"task": ENTRIES, "penalties": [0.5, 0.1], "tolerance": 1e-4},
    dl.hessian_trace: {"weights": layers(3, 4, 2), "task": TASK, "readout": [1.0, 2.0]},
    dl.minimal_trace: {"task": TASK, "depth": 3, **SCALARS},
    dl.noise.Noisy: {"loss": TARGET, "noise": dl.noise.isotropic(0.1), "rng": rng()},
    dl.noise.isotropic: {"deviation": 0.5},
    dl.noise.label_noise: {"task": TASK, "deviation": 0.5},
    dl.noise.minibatch: {"task": TASK, "size": 4},
    dl.noise.langevin: {
        "weights": layers(3, 4, 2),
        "loss": TASK,
        "beta": 2.0,
        "step": 0.1,
        "steps": 3,
        "rng": rng(),
        "weight_decay": 0.1,
        "readout": [1.0, 2.0],
        "record_every": 2,
        "observables": {"D": dl.imbalances},
    },
    dl.noise.tangent_noise: {"weights": layers(2, 3, 2), "surface": "leaf", "rng": rng()},
    dl.noise.rebalance: {"W": W, "depth": 3},
    dl.noise.entropy_gradient: {"W": W, "depth": 3},
    dl.noise.free_energy: {"W": W, "loss": TARGET, "depth": 3, "beta": 2.0, "weight_decay": 0.1},
    dl.noise.dyson: {"x0": [0.0, 1.0], "beta": 2.0, "duration": 1.0, "steps": 3, "samples": 2, "rng": rng()},
    dl.noise.dyson_matrix: {
        "x0": [0.0, 1.0],
        "beta": 2.0,
        "duration": 1.0,
        "steps": 3,
        "samples": 2,
        "rng": rng(),
    },
    dl.noise.riemannian_brownian: {
        "W0": W,
        "depth": 3,
        "beta": 2.0,
        "duration": 1.0,
        "steps": 3,
        "samples": 2,
        "rng": rng(),
    },
    dl.noise.riemannian_langevin: {
        "W0": W,
        "loss": TARGET,
        "depth": 3,
        "beta": 2.0,
        "duration": 0.1,
        "steps": 3,
        "rng": rng(),
        "kappa": 0.5,
        "weight_decay": 0.1,
    },
    dl.noise.landing: {"w": [1.0, 2.0]},
    dl.noise.heat_roots: {"x0": [0.0, 1.0], "t": [0.0, 1.0]},
    dl.circulation: {"field": lambda w: -w, "center": [0.0, 1.0], "radius": 2.0, "points": 8},
    dl.gradient_descent: {
        "weights": layers(3, 4, 2),
        "loss": TASK,
        "learning_rate": 0.1,
        "steps": 3,
        "readout": [1.0, 2.0],
        "record_every": 2,
        "observables": {"D": dl.imbalances},
    },
    dl.descend: {
        "W": W,
        "loss": TARGET,
        "rule": rules.plain(0.1),
        "steps": 3,
        "record_every": 2,
        "observables": {"D": dl.imbalances},
    },
    dl.gradient_flow: {
        "weights": layers(3, 4, 2),
        "loss": TASK,
        "duration": 0.5,
        "readout": [1.0, 2.0],
        "times": [0.0, 0.5],
        "dense": True,
        "method": "RK45",
        "rtol": 1e-6,
        "atol": 1e-8,
        "observables": {"D": dl.imbalances},
    },
    dl.end_to_end_flow: {
        "W": W,
        "loss": TARGET,
        "depth": 2,
        "duration": 0.5,
        "times": [0.0, 0.5],
        "dense": True,
        "method": "RK45",
        "rtol": 1e-6,
        "atol": 1e-8,
        "observables": {"D": dl.imbalances},
    },
    dl.first_below: {"losses": [3.0, 2.0, 1.0], "threshold": 2.0},
    dl.Trajectory: None,  # made by the library
    rules.plain: {"learning_rate": 0.1},
    rules.end_to_end_rule: {"learning_rate": 0.1, "depth": 2},
    rules.momentum: {"learning_rate": 0.1, "decay": 0.5},
    rules.adagrad: {"learning_rate": 0.1},
    rules.adam: {"learning_rate": 0.1, "decay": 0.5, "square_decay": 0.9},
    exact.sigmoid: {"times": [0.0, 1.0], "w0": 0.5, "target": 2.0},
    exact.imbalanced_pair: {"times": [0.0, 1.0], "w0": 0.5, "target": 2.0, "imbalance": 1.0},
    exact.balanced_chain_time: {"w": [1.0, 1.5], "w0": 0.5, "target": 2.0, "depth": 3},
    dl.tau: {"weights": layers(2, 3, 2), "E": Z},
    dl.tau_adjoint: {"weights": layers(2, 3, 2), "directions": layers(2, 3, 2)},
    dl.operator_matrix: {"weights": layers(2, 3, 2)},
    dl.preconditioner_eigenvalue: {"weights": layers(2, 3, 3, 2)},
    dl.margin: {"W": W, "target": Z},
    dl.scalar_rate_bound: {"w0": [2.0, 1.0], "target": 1.0},
    dl.scalar_rate_lower_bound: {"w0": [2.0, 1.0], "target": 1.0},
    dl.two_layer_rate_bound: {"weights": layers(2, 3, 2), "margin": 0.5},
    dl.three_layer_rate_bound: {"weights": layers(2, 3, 3, 2), "margin": 0.5},
    dl.square_rate_bound: {"weights": layers(2, 2, 2)},
    dl.extremal_network: {"imbalances": dl.imbalances(layers(2, 3, 3, 2)), "inputs": 2, "outputs": 2},
    dl.imbalanced: {"widths": [2, 3, 2], "matrix": W, "cumulative": [0.0, 1.0], "rng": rng()},
    dl.balanced: {"widths": [2, 3, 2], "matrix": W, "rng": rng()},
    dl.epsilon: {"weights": layers(3, 4, 2)},
    dl.structure: {"weights": layers(3, 4, 2)},
    dl.Structure: None,
    dl.sharpness: {"weights": layers(3, 4, 2), "task": TASK, "readout": [1.0, 2.0]},
    dl.balanced_sharpness: {"task": TASK, "depth": 3, **SCALARS},
    dl.minimal_sharpness: {"task": TASK, "depth": 3, **SCALARS},
    dl.minimal_sharpness_bounds: {"task": TASK, "depth": 3, **SCALARS},
    dl.critical_learning_rate: {"task": TASK, "depth": 3, **SCALARS},
    dl.flow_to_minimum: {
        "weights": layers(3, 4, 2),
        "task": TASK,
        "readout": [1.0, 2.0],
        "rtol": 1e-4,
        "atol": 1e-6,
        "observables": {"D": dl.imbalances},
    },
    dl.endpoint: {
        "weights": layers(3, 4, 2, batch=(2,)),
        "task": TASK,
        "learning_rate": [0.1, 0.2],
        "steps": 3,
        "readout": [1.0, 2.0],
    },
    dl.Endpoint: None,
    dl.Grid: {
        "task": TASK,
        "depths": [2],
        "learning_rates": [0.1],
        "scales": [0.5],
        "repetitions": 2,
        "steps": 3,
        "network": experiments.perceptron,
        "seed": 0,
    },
    dl.run_sweep: {"grids": dl.Grid(TASK, [2], [0.1], [0.5], 2, 3), "folder": None, "jobs": 1},
    experiments.perceptron: {"width": 3, "depth": 2, "scales": [0.1, 0.2], "rng": rng()},
    experiments.residual_network: {"width": 3, "depth": 2, "scales": [0.1, 0.2], "rng": rng()},
    experiments.regression_task: SEED,
    experiments.underdetermined_task: SEED,
    experiments.perceptron_grids: {"task": TASK, "repetitions": 1},
    experiments.residual_grids: {"task": TASK, "repetitions": 1},
    experiments.depth_grids: {"task": TASK, "repetitions": 1, "network": experiments.perceptron},
    experiments.underdetermined_grids: {"task": TASK, "repetitions": 1},
    experiments.trajectories: {"task": TASK, "repetitions": 1, "points": 2},
    figures.plot_sharpness_by_scale: {"table": TABLE, "task": TASK, "depth": 2, **SCALARS},
    figures.plot_distance_by_scale: {"table": TABLE},
    figures.plot_divergence_by_scale: {"table": TABLE},
    figures.plot_trajectories: {"paths": PATHS, "task": TASK, "depth": 2},
    figures.plot_distance_by_rate: {"table": TABLE, "task": TASK},
    figures.plot_generalization: {"table": TABLE, "task": TASK},
    dl.check: {
        "label": "thm-x",
        "measured": 1.0,
        "equals": 1.0,
        "rtol": 1e-6,
        "resolution": 1e-10,
        "what": "x",
    },
    dl.explore: {"draw": draw, "start": {"value": 1}, "play": "value", "max_frames": 4, "value": [1, 2]},
    dl.Laboratory: {
        "task": TASK,
        "depth": 2,
        "width": 3,
        "start": "balanced",
        "scale": 0.5,
        "learning_rate": 0.1,
        "noise": 0.5,
        "seed": 1,
        "weights": layers(3, 2, 4),
        "readout": [1.0, 2.0, 0.0, 1.0],
    },
    dl.use_style: {},
    dl.plot_curves: {
        "axes": Figure().subplots(),
        "x": [0.0, 1.0],
        "curves": {"a": [0.0, 1.0]},
        "xlabel": "t",
        "ylabel": "w",
    },
    dl.plot_training: {
        "times": [0.0, 1.0],
        "excess_risk": [1.0, 0.1],
        "curves": {"a": [0.0, 1.0]},
        "ylabel": "w",
    },
    dl.ClaimError: None,
    dl.book.Explorer: None,
    dl.Loss: None,
}

NEVER = {"text": "one", "complex": 1j, "none": None, "object": object(), "list": [1, 2]}
BAD_COUNTS = {**NEVER, "real": 1.5, "whole but real": 2.0, "boolean": True, "negative": -1, "nan": math.nan}
BAD_COUNTS |= {"duration": np.timedelta64(2, "s"), "huge": 10**30}
BAD_NUMBERS = {**NEVER, "boolean": True, "negative": -1.0, "nan": math.nan, "infinite": math.inf, "empty": []}
BAD_OBJECTS = {"none": None, "number": 3, "text": "one", "object": object(), "list": [1]}

COUNTS = {"depth", "steps", "record_every", "n_samples", "n_features", "width", "points", "inputs", "outputs"}
COUNTS |= {"repetitions", "seed", "max_frames", "jobs", "max_steps", "size", "samples"}
NUMBERS = {"duration", "rtol", "atol", "radius", "noise", "minimizer_norm", "readout_norm", "p", "decay"}
NUMBERS |= {"square_decay", "resolution", "measured", "equals", "fraction", "step", "tolerance"}
NUMBERS |= {"beta", "deviation", "weight_decay", "kappa"}
OBJECTS = {
    "loss",
    "task",
    "rng",
    "rule",
    "field",
    "observables",
    "network",
    "grids",
    "draw",
    "batch",
    "widths",
    "mask",
    "surface",
    "method",
    "dense",
}
OBJECTS |= {
    "start",
    "play",
    "label",
    "what",
    "axes",
    "curves",
    "xlabel",
    "ylabel",
    "table",
    "paths",
    "folder",
}
NO_NUMBERS = {"nan", "infinite", "beyond float64"}
LISTS = {"weights", "directions", "imbalances"}
OTHER = {"value", "depths"}
# What is right although the table calls it bad.
RIGHT = {
    (dl.check, "measured"): {"negative"},  # and fails the claim, as do NaN and infinity
    (dl.check, "equals"): {"negative"},
    (dl.run_sweep, "jobs"): {"negative"},
    (dl.run_sweep, "folder"): {"text"},  # the name of a folder
    (dl.check, "label"): {"text"},
    (dl.check, "what"): {"text"},
    (dl.plot_curves, "xlabel"): {"text"},
    (dl.plot_curves, "ylabel"): {"text"},
    (dl.plot_training, "ylabel"): {"text"},
    # What diverges passes through losses and preconditioners.
    **{(risk, "w"): NO_NUMBERS for risk in (TASK.excess_risk, TASK.risk, TASK.generalization_gap)},
    **{(f, "Z"): NO_NUMBERS for f in (dl.precondition, dl.precondition_inverse)},
    (dl.precondition_single, "z"): NO_NUMBERS,
    (dl.metric, "Z1"): NO_NUMBERS,
    (dl.metric, "Z2"): NO_NUMBERS,
    # One number is as good as an array of them.
    (exact.sigmoid, "times"): {"one axis less"},
    (dl.noise.heat_roots, "t"): {"one axis less"},
    (exact.imbalanced_pair, "times"): {"one axis less"},
    (exact.balanced_chain_time, "w"): {"one axis less"},
    (dl.endpoint, "learning_rate"): {"one axis less"},
    (dl.noise.dyson, "beta"): {"infinite"},
    (dl.noise.dyson_matrix, "beta"): {"infinite"},
}


def broken_array(value):
    """What can be wrong with an array, other than its shape."""
    value = np.asarray(value, dtype=np.float64)
    first = (0,) * value.ndim
    yield "text", "one"
    yield "dictionary", {}
    yield "object", object()
    yield "generator", (x for x in [1.0])
    yield "empty", np.zeros((0,) * max(value.ndim, 1))
    yield "masked", np.ma.masked_array(value, mask=np.ones(value.shape, dtype=bool))
    yield "boolean", value > 0
    yield "objects", np.full(value.shape, None)
    yield "strings", value.astype(str)
    yield "dates", np.full(value.shape, np.datetime64("2026-01-01"))
    yield "complex", value + 1j
    if value.ndim:
        yield "ragged", [[1.0], [1.0, 2.0]]
        yield "masked rows", [np.ma.masked_array(row, mask=True) for row in value]
        yield "masked rows in a tuple", tuple(np.ma.masked_array(row, mask=True) for row in value)
        yield "one axis less", value[0] if value.ndim > 1 else value.reshape(-1)[0]
    yield "beyond float64", np.full(value.shape, np.longdouble("1e4000"))
    for name, bad in (("nan", math.nan), ("infinite", math.inf)):
        broken = value.copy()
        broken[first] = bad
        yield name, broken


def broken_list(value):
    """What can be wrong with a list of layers."""
    yield from (("none", None), ("text", "one"), ("empty", []), ("array", np.ones((2, 2))), ("number", 1.0))
    yield "generator", (layer for layer in value)
    for name, layer in broken_array(value[0]):
        yield f"a layer: {name}", [layer, *value[1:]]
    yield "rows that do not chain", [np.concatenate([value[0], value[0][..., :1, :]], axis=-2), *value[1:]]
    yield "columns that do not chain", [*value[:-1], np.concatenate([value[-1]] * 2, axis=-1)]
    yield "batches that do not agree", [np.stack([value[0]] * 7), *value[1:]]


def bad_values(function, name, value):
    optional = inspect.signature(function).parameters.get(name)
    optional = optional is not None and optional.default is None
    if name in LISTS:
        found = dict(broken_list(value))
    elif name in COUNTS:
        found = BAD_COUNTS
    elif name in NUMBERS:
        found = BAD_NUMBERS
    elif name in OBJECTS:
        found = BAD_OBJECTS
    elif name in OTHER:
        found = {"none": None, "text": "one", "number": 1.5, "empty": []}
    elif value is None:
        found = {}
    else:
        found = {"none": None, **dict(broken_array(value))}
    right = RIGHT.get((function, name), set())
    return [(kind, bad, kind in right) for kind, bad in found.items() if not (optional and kind == "none")]


def same(left, right):
    """Whether two results, or two inputs, are the same to the last bit."""
    if dataclasses.is_dataclass(left) and not isinstance(left, type):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray) and left.dtype.names:
        return left.dtype == right.dtype and all(same(left[name], right[name]) for name in left.dtype.names)
    if isinstance(left, np.ndarray | float | int):
        return np.shape(left) == np.shape(right) and np.array_equal(left, right, equal_nan=True)
    if isinstance(left, dl.Laboratory):
        return all(
            same(getattr(left, name), getattr(right, name)) for name in ("weights", "readout", "scale")
        )
    return type(left) is type(right)


TRIED = {function: arguments for function, arguments in CALLS.items() if arguments is not None}
NAMES = {function: getattr(function, "__qualname__", str(function)) for function in TRIED}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    matplotlib.pyplot.close("all")


def public():
    rooms = [
        getattr(dl, name)
        for name in [
            "networks",
            "acceleration",
            "dynamics",
            "imbalance",
            "flatness",
            "minimizers",
            "noise",
            "book",
        ]
    ]
    for module in (dl, *rooms, experiments, figures, rules, exact):
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        ]
        yield from (getattr(module, name) for name in names if not name.startswith("_"))


def test_every_public_function_is_tried():
    missing = {thing.__name__ for thing in public() if callable(thing) and thing not in CALLS}
    assert not missing, f"give CALLS a right call of {missing}"


# Either of them goes with what is measured.
INSTEAD = {dl.check: {"at_most", "at_least"}}


@pytest.mark.parametrize("function", TRIED, ids=NAMES.values())
def test_a_right_call_has_all_arguments(function):
    """Optional ones too, or nobody tries them."""
    given = [p.name for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
    missing = set(given) - TRIED[function].keys() - INSTEAD.get(function, set())
    assert not missing, f"give the row of {NAMES[function]} in CALLS a value for {missing}"


@pytest.mark.parametrize("function", TRIED, ids=NAMES.values())
def test_the_right_call_changes_nothing(function):
    arguments = copied(TRIED[function])
    result = function(**arguments)
    assert not (isinstance(result, np.ndarray) and result.dtype.kind == "f" and np.isnan(result).any())
    for name, value in arguments.items():
        if name != "rng":  # drawing moves it
            assert same(value, TRIED[function][name]), name


@pytest.mark.parametrize("function", TRIED, ids=NAMES.values())
def test_bad_input_is_named(function):
    for name in TRIED[function]:
        for kind, bad, right in bad_values(function, name, TRIED[function][name]):
            what = f"{name} given as {kind}"
            try:
                result = function(**{**TRIED[function], name: bad})
            except (ValueError, TypeError) as error:
                named = "controls" if function is dl.explore and name == "value" else name
                if right or named not in str(error):
                    trouble = "RIGHT says that it is right" if right else "the error does not name it"
                    pytest.fail(f"{what}: {trouble} (the checks are in dlnlab/_validation.py): {error}")
            except dl.ClaimError:
                assert function is dl.check
            else:
                if not right:
                    pytest.fail(
                        f"{what} is accepted: refuse it (by dlnlab/_validation.py), or say in RIGHT that it "
                        f"is right: {result!r:.200}"
                    )


def converted(value, how):
    if isinstance(value, list | tuple) and value and isinstance(value[0], np.ndarray):
        return [how(layer) for layer in value]
    return how(np.asarray(value, dtype=np.float64))


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


ODD = {
    "float32": lambda array: array.astype(np.float32),
    "whole numbers": lambda array: np.rint(array).astype(np.int32),
    "read-only": read_only,
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array,
    "Fortran order": np.asfortranarray,
    "big-endian": lambda array: array.astype(">f8"),
    "nested lists": lambda array: array.tolist(),
    "zeros": np.zeros_like,
}
NO_ARRAYS = COUNTS | NUMBERS | OBJECTS | OTHER
MATRICES = {"W0", "B", "values", "W", "Z", "Z1", "Z2", "E", "M", "X", "Y", "matrix", "target"}
VECTORS = {"w", "y", "z", "w0", "readout", "center", "times", "x", "excess_risk", "losses", "threshold"}
VECTORS |= {"learning_rate", "learning_rates", "scale", "scales", "margin", "cumulative", "imbalance"}
VECTORS |= {"alpha", "penalties", "targets", "x0", "t"}


def test_every_argument_has_its_kind():
    kinds = NO_ARRAYS | LISTS | MATRICES | VECTORS
    unknown = {name for arguments in TRIED.values() for name in arguments} - kinds
    assert not unknown, (
        f"put {unknown} into COUNTS (whole numbers), NUMBERS (one real number), OBJECTS (neither numbers nor "
        "arrays), LISTS (of layers), MATRICES (arrays of two axes or more), VECTORS (of one or more) or OTHER"
    )


ARRAY_CALLS = [function for function, given in TRIED.items() if given.keys() - NO_ARRAYS]


def copied(arguments):
    return {name: value if name == "axes" else deepcopy(value) for name, value in arguments.items()}


def outcome(function, arguments):
    try:
        return function(**copied(arguments))
    except (ValueError, RuntimeError) as error:
        return type(error).__name__


@pytest.mark.parametrize("function", ARRAY_CALLS, ids=[NAMES[f] for f in ARRAY_CALLS])
def test_odd_arrays_give_the_result_of_their_copies(function):
    for kind, how in ODD.items():
        odd, plain = dict(TRIED[function]), dict(TRIED[function])
        for name, value in TRIED[function].items():
            if name not in NO_ARRAYS and value is not None:
                odd[name] = converted(value, how)
                if kind != "nested lists":  # which are what float64 arrays make of themselves
                    plain[name] = converted(odd[name], lambda array: np.array(array, dtype=np.float64))
        assert same(outcome(function, odd), outcome(function, plain)), kind
