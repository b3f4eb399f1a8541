"""Explorers on the pages: the first frame is there at once, sliders change it, each frame is a file.

MyST-NB hands widgets on with their whole state, for a manager of widgets. When a page has been read
(`doctree-read`) the frames are taken out of it and become pictures of the book; when it is written
(the visitor of the node) the first one is shown, with the names of the others for the script of the pages.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx

VIEW = "application/vnd.jupyter.widget-view+json"
MODEL = re.compile(r'"model_id": "(\w+)"')
SIZE = re.compile(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"')
HTML = """\
<div class="explorer" id="{id}" tabindex="-1"><img src="{src}" alt="{alt}" width="{width}" height="{height}">
<noscript><p>Sliders need JavaScript.</p></noscript>
<script type="application/json">{told}</script></div>
"""


class explorer(nodes.General, nodes.Element):
    """An explorer: what `dlnlab.book.Explorer` says of itself, with the paths of its frames."""


def place(controls: list[Any], chosen: Sequence[int]) -> int:
    """Return the place of a frame by those of the sliders: the last control varies fastest."""
    at = 0
    for (_, labels), index in zip(controls, chosen, strict=True):
        at = at * len(labels) + index
    return at


def kept(app: Sphinx, frame: str) -> str:
    """Write a frame where MyST-NB writes what cells draw; return its path as that of a picture."""
    path = (
        Path(app.outdir).parent / "jupyter_execute" / f"{hashlib.sha1(frame.encode()).hexdigest()[:16]}.svg"
    )
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(frame, encoding="utf-8")
    relative = os.path.relpath(path, app.srcdir)
    app.env.images.add_file(app.env.docname, relative)
    return relative


def take_out(app: Sphinx, doctree: nodes.document) -> None:
    """Replace the views of widgets by nodes that know all that a page shows of them."""
    states = NbMetadataCollector.get_js_files(app.env, app.env.docname).pop("ipywidgets_state", None)
    if states is None:
        return
    models = json.loads(states[1]["body"])["state"]
    for number, view in enumerate(list(doctree.findall(is_view)), start=1):
        state = models[MODEL.search(view.astext())[1]]["state"]
        node = explorer(ids=[f"explorer-{number}"])
        for name in ("controls", "chosen", "play", "descriptions"):
            node[name] = state[name]
        node["frames"] = [kept(app, frame) for frame in state["frames"]]
        width, height = map(float, SIZE.match(state["frames"][0]).groups())
        node["size"] = round(width * 4 / 3), round(height * 4 / 3)
        # With it go the other kinds of the same output, which are for where there are no widgets.
        view.parent.parent.replace_self(node)


def is_view(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and VIEW in node.astext()


def write(translator: Any, node: explorer) -> None:
    builder, env = translator.builder, translator.builder.env
    builder.images.update((path, env.images[path][1]) for path in node["frames"])
    frames = [f"{builder.imgpath}/{env.images[path][1]}" for path in node["frames"]]
    told = {name: node[name] for name in ("controls", "chosen", "play", "descriptions")} | {"frames": frames}
    first, (width, height) = place(node["controls"], node["chosen"]), node["size"]
    html = HTML.format(
        id=node["ids"][0],
        src=frames[first],
        alt=escape(node["descriptions"][first]),
        width=width,
        height=height,
        told=json.dumps(told, separators=(",", ":")).replace("<", "\\u003c"),
    )
    translator.body.append(html)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(explorer, html=(write, None))
    app.connect("doctree-read", take_out, priority=400)  # before pictures are collected
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
