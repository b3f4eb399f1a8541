"""The icons of the theme, without the two thousand that no page shows: a font of 3 kB and not of 150.

When the build is finished (`build-finished`) the fonts are cut down to the letters that pages, scripts and
styles name.
"""

import re
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

# A style that draws an icon for its class, fa-bars, and any other letter of the range of icons.
NAMED = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
LETTER = re.compile(r"\\([ef][0-9a-f]{3})\b")
CLASS = re.compile(r"\bfa-[a-z][\w-]*")


def cut_down(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.name != "html":
        return
    site = Path(app.outdir)
    styles = "".join(path.read_text("utf-8") for path in (site / "_static").rglob("*.css"))
    shown = "".join(
        path.read_text("utf-8") for path in [*site.rglob("*.html"), *site.glob("_static/scripts/*.js")]
    )
    named = {name: letter for names, letter in NAMED.findall(styles) for name in CLASS.findall(names)}
    letters = {named[name] for name in CLASS.findall(shown) if name in named}
    letters.update(LETTER.findall(NAMED.sub("", styles)))
    for path in site.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        font = TTFont(path)
        if len(font.getGlyphOrder()) <= len(letters) + 1:
            continue  # Sphinx copies a font again when it has written a page
        cutter = subset.Subsetter()
        cutter.populate(unicodes=[int(letter, 16) for letter in letters])
        cutter.subset(font)
        font.save(path)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", cut_down)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
