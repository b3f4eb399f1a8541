"""The repository: what is installed, what is pinned, and that its files agree with each other."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import build_book
import pytest
import yaml

import dlnlab

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]


def pins(path):
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(), flags=re.MULTILINE))


def test_the_wheel_holds_the_library_alone(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "dlnlab", source / "dlnlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    expected = {str(path.relative_to(source)) for path in (source / "dlnlab").rglob("*") if path.is_file()}
    assert expected <= names
    assert {"dlnlab/py.typed", "dlnlab/networks/data/diabetes.csv", "dlnlab/book/house.mplstyle"} <= names
    assert all(name.startswith(("dlnlab/", "dlnlab-")) for name in names)


def test_binder_runs_what_was_tested_without_the_book_tools():
    everything, light = pins(ROOT / "requirements.txt"), pins(ROOT / "binder" / "requirements.txt")
    assert light.items() <= everything.items()
    assert {"numpy", "ipywidgets", "jupyterlab"} <= light.keys()
    assert not {"jupyter-book", "sphinx", "pytest", "playwright"} & light.keys()


def test_the_address_is_the_same_everywhere():
    """One place holds it, `make address` copies it; a fork that edits by hand is told what it forgot."""
    owner_and_name = ADDRESS.removeprefix("https://github.com/")
    for name in (
        "README.md",
        "CITATION.cff",
        *(f"book/{path.name}" for path in (ROOT / "book").glob("*.ipynb")),
    ):
        found = re.findall(
            r"github\.com/([\w-]+/[\w-]+)|mybinder\.org/v2/gh/([\w-]+/[\w-]+)", (ROOT / name).read_text()
        )
        assert found, f"{name} lacks the address, which a chapter's Colab cell has: tools/template.ipynb"
        assert {"".join(match) for match in found} == {owner_and_name}, (
            f"{name}: run make address URL={ADDRESS}"
        )


def test_address_is_written_everywhere(tmp_path):
    shutil.copytree(
        ROOT, tmp_path / "fork", ignore=shutil.ignore_patterns(".*venv", "_build", "node_modules")
    )
    fork = tmp_path / "fork"
    command = [sys.executable, "tools/address.py"]
    bad = subprocess.run([*command, "example.org"], cwd=fork, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert "URL must be https://github.com/OWNER/NAME, got example.org" in bad.stdout
    subprocess.run([*command, "https://github.com/someone/course"], cwd=fork, check=True, capture_output=True)
    old = ADDRESS.removeprefix("https://github.com/")
    for name in ("_config.yml", "README.md", "CITATION.cff", "book/setting.ipynb"):
        changed = (fork / name).read_text()
        assert "someone/course" in changed, name
        assert old not in changed, name


@pytest.mark.parametrize(
    "changed", ["dlnlab/networks/tasks.py", "dlnlab/networks/data/diabetes.csv", "requirements.txt"]
)
def test_what_chapters_depend_on_changes_the_fingerprint(tmp_path, monkeypatch, changed):
    shutil.copytree(ROOT / "dlnlab", tmp_path / "dlnlab")
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    monkeypatch.setattr(build_book, "ROOT", tmp_path)
    before = build_book.fingerprint()
    os.utime(tmp_path / changed)
    assert build_book.fingerprint() == before
    with (tmp_path / changed).open("a") as file:
        file.write("# \n")
    assert build_book.fingerprint() != before


ROOMS = [
    "networks",
    "acceleration",
    "dynamics",
    "imbalance",
    "flatness",
    "minimizers",
    "noise",
    "experiments",
    "book",
]


def imported_rooms(folder):
    """Rooms of the library that the modules of one room import, itself aside."""
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                yield from (
                    [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
                )


def test_rooms_rest_on_those_before_them():
    assert {path.parent.name for path in (ROOT / "dlnlab").glob("*/__init__.py")} == set(ROOMS)
    for k, room in enumerate(ROOMS):
        assert set(imported_rooms(ROOT / "dlnlab" / room)) <= {
            "_later",
            "_roots",
            "_validation",
            *ROOMS[:k],
        }, room
    assert set(imported_rooms(ROOT / "dlnlab" / "dynamics")) == {"_validation", "networks", "acceleration"}


def test_no_public_function_has_the_name_of_its_module():
    stems = {path.stem for path in (ROOT / "dlnlab").rglob("*.py")} | set(ROOMS)
    assert not [
        name for name in dlnlab.__all__ if name in stems and not inspect.ismodule(getattr(dlnlab, name))
    ]


# The engine of the pages is compared with these.
IN_THE_LABORATORY = {"rank_two", "sent", "tasks"}


def test_public_functions_are_handed_out_or_used_elsewhere():
    """What a room does not hand out is in no description, and no test of all functions sees it."""
    modules = [
        importlib.import_module(name) for _, name, _ in pkgutil.walk_packages(dlnlab.__path__, "dlnlab.")
    ]
    modules.remove(dlnlab._validation)
    for module in modules:
        if module in (dlnlab.rules, dlnlab.exact, dlnlab.figures):
            continue  # handed out whole
        own = {name for name, value in vars(module).items() if inspect.getmodule(value) is module}
        others = [other for other in modules if other != module]
        imported = {name for other in others for name in (*vars(other), *getattr(other, "__all__", ()))}
        sources = "".join(Path(inspect.getfile(other)).read_text() for other in others)
        stem = module.__name__.rpartition(".")[2]
        for name in own - IN_THE_LABORATORY - imported:
            assert name.startswith("_") or f" {stem}.{name}(" in sources, (
                f"{name} of {module.__name__} is public, but no room hands it out: import it into the "
                "__init__.py of its room and list it in __all__ there, or begin its name with an underscore"
            )


@pytest.mark.parametrize("ready", ["/somewhere/else", None])
def test_an_environment_of_another_folder_is_made_anew(tmp_path, ready):
    """Copied with its folder, it would import the library of the place it was copied from."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "copied").touch()
    if ready is not None:
        (tmp_path / ".venv" / ".ready").write_text(f"{ready}\n")
    make = ["make", "-n", "-C", tmp_path, "help"]
    assert "it is made anew" in subprocess.run(make, capture_output=True, text=True, check=True).stdout
    assert not (tmp_path / ".venv").exists()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".ready").write_text(f"{tmp_path}\n")
    assert "made anew" not in subprocess.run(make, capture_output=True, text=True, check=True).stdout
    assert (tmp_path / ".venv").exists()


def test_make_lists_its_targets():
    output = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    assert {"book", "test", "serve", "notebooks", "clean", "help"} <= {
        line.split()[0] for line in output.splitlines() if line.strip()
    }


def test_what_takes_long_is_imported_when_it_is_asked_for():
    """matplotlib, the widgets, parts of SciPy: longer than the library; the names are there all the same."""
    asked = (
        "import sys, dlnlab as dl\n"
        "long = 'matplotlib ipywidgets anywidget scipy.integrate scipy.optimize scipy.sparse'\n"
        "print([name for name in long.split() if name in sys.modules])\n"
        "names = [getattr(dl, name) for name in dl.__all__]\n"
        "print(dl.figures is dl.experiments.figures, dl.explore is dl.book.explore)\n"
        "print(set(dl.__all__) == set(dir(dl)), hasattr(dl, 'nothing'))\n"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "True True", "True False"]
