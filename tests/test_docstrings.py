"""The docstrings as the book prints them: shapes, errors and an example for every public function."""

import inspect
import re

import pytest

import dlnlab as dl
from dlnlab import exact, experiments, figures, rules


def functions():
    rooms = (
        dl.networks,
        dl.acceleration,
        dl.dynamics,
        dl.imbalance,
        dl.flatness,
        dl.minimizers,
        dl.noise,
        dl.book,
    )
    for module in (dl, *rooms, experiments, rules, exact, figures):
        for name in dir(module):
            value = getattr(module, name)
            own = (
                name in getattr(module, "__all__", ()) or getattr(value, "__module__", "") == module.__name__
            )
            if inspect.isfunction(value) and own and name[0] != "_":
                yield value


FUNCTIONS = sorted(set(functions()), key=lambda function: (function.__module__, function.__name__))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_docstring_has_all_its_sections(function):
    document, signature = inspect.getdoc(function) or "", inspect.signature(function)
    wanted = {"Examples"} | ({"Parameters", "Raises"} if signature.parameters else set())
    if signature.return_annotation not in (None, "None"):
        wanted.add("Returns")
    missing = {name for name in wanted if f"\n{name}\n{'-' * len(name)}\n" not in document}
    assert not missing, f"the docstring has no section {missing}"
    if signature.parameters:
        listed = document.partition("\nParameters\n")[2].partition("\nR")[0]
        names = set(re.findall(r"^\**(\w+(?:, \w+)*)", listed, flags=re.MULTILINE))
        described = {name for line in names for name in line.split(", ")}
        missing = set(signature.parameters) - described
        assert not missing, f"the section Parameters does not describe {missing}"


def test_mathematics_names_its_source():
    rooms = (dl.acceleration, dl.imbalance, dl.flatness, dl.minimizers)
    silent = {
        name
        for room in rooms
        for name in room.__all__
        if inspect.isfunction(getattr(room, name))
        and "\nReferences\n" not in (inspect.getdoc(getattr(room, name)) or "")
    }
    silent -= {"circulation"}  # a line integral
    assert not silent, f"name the source, or these notes, in a section References of {silent}"
