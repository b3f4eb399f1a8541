import os
import shutil
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest

import dlnlab as dl
from dlnlab.experiments import storage
from dlnlab.experiments import sweeps as sweep
from dlnlab.experiments.sweeps import Grid, residual_network, run_sweep

SLOW = """
import sys
import numpy as np
import dlnlab as dl
from dlnlab.experiments import sweeps
sweeps._CHUNK = 2
task = dl.Regression.gaussian(30, 3, minimizer_norm=1.0, rng=np.random.default_rng(0))
grid = dl.Grid(task, [10], [1e-6], [0.3, 0.6], 12, 1_000)
table = dl.run_sweep(grid, folder=sys.argv[1])
print(len(table), table["sharpness"].sum().hex())
"""


def task(seed=0):
    return dl.Regression.gaussian(30, 3, minimizer_norm=1.0, rng=np.random.default_rng(seed))


def grid(**changes):
    settings = {
        "task": task(),
        "depths": [2, 4],
        "learning_rates": [0.01, 0.1, 3.0],
        "scales": [0.3, 0.6],
        "repetitions": 4,
        "steps": 300,
    }
    return Grid(**(settings | changes))


def assert_same(left, right):
    assert left.dtype == right.dtype
    for name in left.dtype.names:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of one repetition: 6 configurations."""
    monkeypatch.setattr(sweep, "_CHUNK", 6)


@pytest.mark.parametrize("network", [sweep.perceptron, residual_network])
def test_every_row_is_what_gradient_descent_gives(network):
    some = grid(network=network, learning_rates=[0.01, 3.0])
    table = run_sweep(some)
    assert len(table) == len(some) == 2 * 2 * 2 * 4
    for row in table:
        rng = np.random.default_rng([0, row["depth"], row["repetition"]])
        weights, readout = network(3, int(row["depth"]), np.array([row["scale"]]), rng)
        assert row["initial_sharpness"] == pytest.approx(dl.sharpness(weights, some.task, readout)[0])
        path = dl.gradient_descent(weights, some.task, row["learning_rate"], 300, readout=readout)
        assert row["diverged"] == path.diverged[0]
        if row["diverged"]:
            assert np.isnan(row["sharpness"])
            assert np.isnan(row["regressor"]).all()
            continue
        last = [layer[-1] for layer in path.weights]
        regressor = dl.end_to_end(last, [1.0] if readout is None else readout)[0]
        np.testing.assert_allclose(row["regressor"], regressor, rtol=1e-8, atol=1e-10)
        assert row["sharpness"] == pytest.approx(dl.sharpness(last, some.task, readout)[0], rel=1e-8)
        assert row["squared_distance"] == pytest.approx(
            np.sum((regressor - some.task.minimizer) ** 2), rel=1e-6, abs=1e-20
        )


def test_repetitions_share_their_noise_over_scales_and_rates():
    table = run_sweep(grid(steps=0))
    one = table[(table["repetition"] == 1) & (table["depth"] == 2)]
    small, large = (one[one["scale"] == scale]["regressor"] for scale in (0.3, 0.6))
    np.testing.assert_allclose(large, 4 * small)
    assert len({tuple(row) for row in table["regressor"].round(12)}) == 2 * 2 * 4


def test_the_table_does_not_depend_on_chunks_or_processes(small_chunks):
    together = run_sweep(grid())
    assert_same(together, run_sweep(grid(), jobs=2))


def test_chunks_change_rounding_only(monkeypatch):
    one = run_sweep(grid(learning_rates=[0.01]))
    monkeypatch.setattr(sweep, "_CHUNK", 2)
    np.testing.assert_allclose(
        run_sweep(grid(learning_rates=[0.01]))["sharpness"], one["sharpness"], rtol=1e-9
    )


def test_a_second_run_reads_the_first(tmp_path, small_chunks, monkeypatch):
    first = run_sweep(grid(), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 8

    def never(*_):
        raise AssertionError("a finished chunk was trained again")

    monkeypatch.setattr(sweep, "endpoint", never)
    assert_same(first, run_sweep(grid(), folder=tmp_path))
    # Any other setting is another sweep.
    for change in (
        {"steps": 301},
        {"scales": [0.3, 0.61]},
        {"seed": 1},
        {"task": task(1)},
        {"learning_rates": [0.01, 0.1, 3.1]},
        {"network": residual_network},
    ):
        with pytest.raises(AssertionError, match="trained again"):
            run_sweep(grid(**change), folder=tmp_path)


def test_a_failing_chunk_leaves_the_finished_ones(tmp_path, small_chunks, monkeypatch):
    calls, real = [], sweep.endpoint

    def fail_at_third(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(sweep, "endpoint", fail_at_third)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(grid(), folder=tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    table = run_sweep(grid(), folder=tmp_path)
    assert len(calls) == 3 + 6
    assert_same(table, run_sweep(grid()))


def test_nothing_half_written_is_kept(tmp_path, monkeypatch):
    def half(file, table):
        file.write(b"half")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", half)
        with pytest.raises(OSError, match="disk full"):
            run_sweep(grid(), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_go_and_what_is_not_ours_stays(tmp_path):
    mine, old, fresh = (tmp_path / name for name in ("mine.partial", "old", "fresh"))
    (tmp_path / "folder.partial").mkdir()
    old, fresh = (tmp_path / f"{storage._PARTIAL}{name}" for name in ("old", "fresh"))
    for file in (mine, old, fresh):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    run_sweep(grid(), folder=tmp_path)
    kept = {path.name for path in tmp_path.iterdir() if path.suffix != ".npz"}
    assert kept == {"mine.partial", "folder.partial", fresh.name}


@pytest.mark.parametrize("damage", ["cut", "flipped", "rows"])
def test_a_damaged_part_is_trained_again(tmp_path, damage):
    """Every byte that matters: the archive's checksum notices one flipped bit."""
    whole = run_sweep(grid(steps=100), folder=tmp_path)
    file = sorted(tmp_path.glob("*.npz"))[0]
    content = file.read_bytes()
    if damage == "cut":
        damaged = [content[: len(content) // 2], b""]
    elif damage == "flipped":
        places = np.random.default_rng(0).integers(300, len(content) - 300, size=5)
        damaged = [content[:k] + bytes([content[k] ^ 1]) + content[k + 1 :] for k in places]
    else:
        np.savez(tmp_path / "other", table=np.load(file)["table"][1:])
        damaged = [(tmp_path / "other.npz").read_bytes()]
    for bad in damaged:
        file.write_bytes(bad)
        with pytest.warns(RuntimeWarning, match=f"{file.name} is damaged, its runs are trained again"):
            assert_same(run_sweep(grid(steps=100), folder=tmp_path), whole)
        assert_same(run_sweep(grid(steps=100), folder=tmp_path), whole)


def test_more_repetitions_keep_full_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "_CHUNK", 12)  # blocks of two repetitions
    run_sweep(grid(repetitions=4), folder=tmp_path)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    run_sweep(grid(repetitions=5), folder=tmp_path)
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert len(list(tmp_path.iterdir())) == len(before) + 2


def test_parts_of_other_code_are_not_read(tmp_path, monkeypatch):
    """The library with one line more in one of its modules."""
    run_sweep(grid(), folder=tmp_path / "runs")
    n_parts = len(list((tmp_path / "runs").iterdir()))
    shutil.copytree(storage._LIBRARY, tmp_path / "dlnlab")
    with (tmp_path / "dlnlab" / "flatness" / "hessians.py").open("a") as source:
        source.write("# \n")
    monkeypatch.setattr(storage, "_LIBRARY", tmp_path / "dlnlab")
    storage._code.cache_clear()
    run_sweep(grid(), folder=tmp_path / "runs")
    storage._code.cache_clear()
    assert len(list((tmp_path / "runs").iterdir())) == 2 * n_parts


def test_a_relative_folder_is_where_the_call_was_made(tmp_path, small_chunks, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for here in (first, second):
        here.mkdir()
        monkeypatch.chdir(here)
        run_sweep(grid(), folder="runs", jobs=2)
        assert len(list((here / "runs").glob("*.npz"))) == 8


def test_sweeps_share_a_folder(tmp_path):
    """Two processes at once, each with the same runs: none fails, and both return the same table."""
    command = [sys.executable, "-c", SLOW.replace("1_000", "100"), tmp_path]
    together = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = {process.communicate()[0] for process in together}
    assert len(printed) == 1
    assert printed != {""}
    assert len(list(tmp_path.iterdir())) == 12


def test_a_grid_takes_numbers_of_numpy():
    some = grid(depths=np.array([2, 4]), repetitions=np.int8(4), scales=np.array([0.3, 0.6]))
    assert_same(run_sweep(some, jobs=np.int64(1)), run_sweep(grid()))


def test_a_killed_sweep_continues(tmp_path, small_chunks, monkeypatch, capsys):
    """Killed without warning half-way, its files are whole, and the next run needs only the rest."""

    def start():
        return subprocess.Popen(
            [sys.executable, "-c", SLOW, tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    process, deadline = start(), time.monotonic() + 60
    while len(list(tmp_path.glob("*.npz"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finished = {
        file: (file.stat().st_mtime_ns, len(np.load(file)["table"])) for file in tmp_path.glob("*.npz")
    }
    assert 3 <= len(finished) < 12
    assert all(rows == 2 for _, rows in finished.values())

    resumed = start().communicate()[0]
    assert all(file.stat().st_mtime_ns == written for file, (written, _) in finished.items())
    assert len(list(tmp_path.iterdir())) == 12
    monkeypatch.setattr(sys, "argv", ["-c", str(tmp_path / "never killed")])
    exec(SLOW, {})
    assert resumed == capsys.readouterr().out != ""


def test_a_cluster_takes_the_sweep(tmp_path, small_chunks):
    """Two workers of a local Dask cluster give the table of one process."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            local_directory=tmp_path,
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        table = run_sweep(grid())
        trained = client.run(lambda: "dlnlab.experiments.sweeps" in sys.modules)
    assert list(trained.values()) == [True, True]
    assert_same(table, run_sweep(grid()))


def own_network(width, depth, scales, rng):
    return [scales[:, None, None] * rng.standard_normal((1, width)) for _ in range(1)], None


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (lambda w, d, s, g: None, "network must return the layers and the readout"),
        (
            lambda w, d, s, g: sweep.perceptron(w, d, s, g)[0],
            "network must return the layers and the readout",
        ),
        (lambda w, d, s, g: sweep.perceptron(w, d + 1, s, g), "network must return 2 layers"),
        (lambda w, d, s, g: sweep.perceptron(w, d, s[:1], g), "network must return 2 layers"),
    ],
)
def test_what_a_network_returns_is_looked_at(network, named):
    with pytest.raises(ValueError, match=named):
        run_sweep(grid(depths=[2], network=network))


def test_a_network_cannot_change_the_scales():
    def doubling(width, depth, scales, rng):
        scales *= 2
        return sweep.perceptron(width, depth, scales, rng)

    assert set(run_sweep(grid(depths=[2], network=doubling))["scale"]) == {0.3, 0.6}


def test_a_network_of_ones_own():
    table = run_sweep(grid(depths=[1], network=own_network, learning_rates=[0.1], steps=2000))
    np.testing.assert_allclose(table["regressor"], np.tile(task().minimizer, (8, 1)), rtol=1e-9)
    np.testing.assert_allclose(table["sharpness"], 2 * np.linalg.eigvalsh(task().covariance)[-1])


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: grid(task=None), "task must be a Regression"),
        (lambda: grid(depths=[]), "depths must not be empty"),
        (lambda: grid(depths=[0]), r"depths\[0\] must be a whole number"),
        (lambda: grid(learning_rates=0.1), "learning_rates must have 1 axis"),
        (lambda: grid(learning_rates=[0.0]), "learning_rates must be positive"),
        (lambda: grid(scales=[-1.0]), "scales must be at least zero"),
        (lambda: grid(repetitions=0), "repetitions must be a whole number"),
        (lambda: grid(steps=1.5), "steps must be a whole number"),
        (lambda: grid(network="mlp"), "network must be a function"),
        (lambda: run_sweep([]), "grids must be a Grid or a list"),
        (lambda: run_sweep(grid(), jobs=1.0), "jobs must be a whole number other than 0"),
        (lambda: run_sweep(grid(), folder=__file__), "folder must be one that can be written"),
        (lambda: run_sweep(grid(), folder=3), "folder must be one that can be written"),
        (lambda: run_sweep(grid(), jobs=0), "jobs must be a whole number other than 0"),
        (
            lambda: run_sweep([grid(), grid(task=dl.Regression([[1.0]], [1.0]))]),
            "grids must have tasks of one number of features",
        ),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
