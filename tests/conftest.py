import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

# A busy machine is no failure of the code: no example has a deadline.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def rng():
    return np.random.default_rng(20240)


@pytest.fixture(scope="module")
def reader():
    """Who reads the built book in Chromium."""
    from browser import reading  # here, as other tests need no browser

    with reading() as one:
        yield one


@pytest.fixture
def visit(reader):
    """Open pages for one test alone."""
    pages = []

    def open_page(name, **options):
        pages.append(reader.open(name, **options))
        return pages[-1]

    yield open_page
    reader.leave(*pages)


def random_weights(rng, depth, max_width=20, batch=(), outputs=None, scale=None):
    """Layers of random widths whose products neither vanish nor explode."""
    widths = rng.integers(1, max_width + 1, size=depth + 1)
    if outputs is not None:
        widths[-1] = outputs
    return [
        rng.standard_normal((*batch, rows, columns)) * (scale or 1 / np.sqrt(columns))
        for columns, rows in pairwise(widths)
    ]
