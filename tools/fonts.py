"""Fonts without the letters that no page shows: 3 kB for icons and not 150, 8 kB for italics and not 20.

When the build is finished and its formulas are set (`build-finished`) the fonts are cut down to the letters
that pages, scripts and styles name, and compressed.
"""

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

# A style that draws an icon for its class, fa-bars, and any other letter of the range of icons.
NAMED = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
LETTER = re.compile(r"\\([ef][0-9a-f]{3})\b")
CLASS = re.compile(r"\bfa-[a-z][\w-]*")
# The styles of a page's formulas draw their letters, as "x" or "\3B2\3B3".
STYLES = re.compile(r"<style>.*?</style>", flags=re.DOTALL)
DRAWN = re.compile(r'content: "(.*?)";')
SIGN = re.compile(r"\\([0-9A-F]{2,})|\\?(.)")
logging.getLogger("fontTools.subset").setLevel(logging.ERROR)  # it warns of tables that no browser reads


def cut(path: Path, letters: Iterable[int]) -> None:
    """Cut a font down to those of its letters that are shown; one that shows none is as it was."""
    font = TTFont(path)
    has = set(font.getBestCmap())
    wanted = has.intersection(letters) or has
    if path.suffix == ".woff2" and has == wanted:
        return  # Sphinx copies a font again when it has written a page
    cutter = subset.Subsetter()
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    font.flavor = "woff2"
    font.save(path.with_suffix(".woff2"))
    if path.suffix != ".woff2":
        path.unlink()


def letters_of_formulas(pages: str) -> set[int]:
    r"""Return the letters of all formulas that were set.

    >>> sorted(letters_of_formulas('<style>mjx-c {content: "\\3B2\\3B3"; } mjx-c {content: "a"; }</style>'))
    [97, 946, 947]
    """
    drawn = [text for styles in STYLES.findall(pages) for text in DRAWN.findall(styles)]
    signs = [sign for text in drawn for sign in SIGN.findall(text)]
    return {int(code, 16) if code else ord(letter) for code, letter in signs}


def cut_down(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.name != "html":
        return
    site = Path(app.outdir)
    styles = "".join(path.read_text("utf-8") for path in (site / "_static").rglob("*.css"))
    pages = "".join(path.read_text("utf-8") for path in site.rglob("*.html"))
    shown = pages + "".join(path.read_text("utf-8") for path in site.glob("_static/scripts/*.js"))
    named = {name: letter for names, letter in NAMED.findall(styles) for name in CLASS.findall(names)}
    icons = {named[name] for name in CLASS.findall(shown) if name in named}
    icons.update(LETTER.findall(NAMED.sub("", styles)))
    for path in site.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        cut(path, {int(icon, 16) for icon in icons})
    letters = letters_of_formulas(pages)
    for path in site.glob("_static/fonts/*.woff"):
        cut(path, letters)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", cut_down, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
