"""What an author is told of a quiz that is not whole."""

from io import StringIO

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

WHOLE = """:::{quiz}
:right: 2

What is two and two?

Three
: No: count again.

Four
: As on one hand, without the thumb.
:::
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What the build says of a text."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")

    def build(text):
        (source / "index.md").write_text(f"# Title\n\n{text}")
        warnings = StringIO()
        extensions = {"extensions": ["myst_parser", "quizzes"]}
        options = extensions | {"myst_enable_extensions": ["colon_fence", "deflist"]}
        with docutils_namespace():
            Sphinx(source, None, built, built, "dummy", options, None, warnings, freshenv=True).build()
        return warnings.getvalue()

    return build


def test_a_whole_quiz_is_built_in_silence(said):
    assert said(WHOLE) == ""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (":right: 2\n", "", "from 1 to 2, that of an answer; got none"),
        (":right: 2", ":right: 3", "from 1 to 2, that of an answer; got 3"),
        ("What is two and two?\n\n", "", "a quiz has a question before its answers"),
        (
            "Three\n: No: count again.\n\nFour\n: As on one hand, without the thumb.\n",
            "Four\n",
            "ends with its answers",
        ),
        (
            ": As on one hand, without the thumb.\n",
            "\nFive\n: No.\n",
            "one has no line that begins with ': '",
        ),
        ("Four\n: As", "Four: as", "ends with its answers"),
    ],
)
def test_what_a_quiz_lacks_is_named_with_its_line(said, old, new, told):
    assert old in WHOLE
    warning = said(WHOLE.replace(old, new))
    assert told in warning
    assert "index.md:3:" in warning
