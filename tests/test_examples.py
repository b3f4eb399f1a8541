"""The experiments on pages that are no notebooks: they run, and print what stands below them."""

import contextlib
import io
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parent.parent / "book"
EXPERIMENT = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["open-problems"])
def test_experiments_print_what_the_page_says(page):
    """One after the other, as a reader types them."""
    text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    experiments, names = EXPERIMENT.findall(text), {}
    assert len(experiments) == text.count("```python") > 0
    for code, printed in experiments:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, f"{page}.md", "exec"), names)
        assert output.getvalue() == printed
