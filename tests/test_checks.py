"""Which cells a check takes with it on a page."""

import pytest
from checks import check, prepare
from docutils import nodes


def cell(code: str) -> nodes.container:
    source = nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    return nodes.container("", source, nb_element="cell_code")


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [
        (["def bound(x): return x", "y = bound(1)"], [], 2),
        (["def bound(x): return x", "y = bound(1)"], ["print(y)"], 0),
        (["unused = 2", "def bound(x): return x"], ["print(unused)"], 1),
        (["import numpy as np"], ["np.eye(2)"], 0),
        (["limit = 3"], ["%timeit limit"], 1),  # magics are not read
    ],
)
def test_a_check_takes_what_only_it_uses(before, after, taken):
    """Cells before it that show nothing, the nearest first, and none that an open cell needs."""
    document = nodes.section()
    document += [*map(cell, before), check("", cell("assert bound(2)")), *map(cell, after)]
    node = document[len(before)]
    prepare(document, node)
    assert len(node) == 1 + taken
    assert [part.astext() for part in node] == [*before[len(before) - taken :], "assert bound(2)"]
