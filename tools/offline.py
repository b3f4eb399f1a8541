"""Make a folder and a zip of the built book that need no network: what pages ask a CDN for lies in them."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML, OFFLINE = ROOT / "_build" / "html", ROOT / "_build" / "offline"
COPIES = ROOT / "tools" / "npm" / "node_modules"
VENDOR = "_static/vendor/"
CDN = "https://cdn.jsdelivr.net/npm/"
VERSIONED = re.compile(re.escape(CDN) + r"((?:@[\w-]+/)?[\w.-]+)@[\d.]+/")
PRELOAD = re.compile(r'<link rel="preload" as="font" crossorigin[^>]*>\n')
NEEDED = [
    "mathjax/es5/output/chtml/fonts",
    "requirejs/require.js",
    "@jupyter-widgets/html-manager/dist",
    "reveal.js/dist/reveal.js",
    "reveal.js/dist/reveal.css",
]
UNUSED = ("*.map", "embed.js", "libembed-amd.js", "index.js", "*.LICENSE.txt")
README = """\
Deep linear networks, lecture notes that run: the pages without a network
==========================================================================

Open index.html. Text, formulas, figures, sliders and the search work from a folder; links to other sites,
Binder, Colab and the issue tracker need a network. The folder notebooks/ has the chapters as notebooks.

What file:// does not allow: the search finds pages, but cannot show the lines around what it found, as a page
may not read the files beside it; and Firefox does not load the icons of the Play button. With a server both
work: python -m http.server, then http://localhost:8000.
"""


def main() -> int:
    if not COPIES.exists():
        print("npm is not installed: the scripts that the pages load cannot be copied", file=sys.stderr)
        return 1
    shutil.rmtree(OFFLINE, ignore_errors=True)
    # Left out: what only a published site has.
    shutil.copytree(HTML, OFFLINE, ignore=shutil.ignore_patterns("sitemap.xml", "404.html"))
    for name in NEEDED:
        source, target = COPIES / name, OFFLINE / VENDOR / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*UNUSED))
        else:
            shutil.copy(source, target)
    for page in OFFLINE.rglob("*.html"):
        here = "../" * (len(page.relative_to(OFFLINE).parts) - 1) + VENDOR
        text = PRELOAD.sub(
            "", page.read_text(encoding="utf-8")
        )  # saves no time here, and a folder forbids it
        text = VERSIONED.sub(rf"{here}\1/", text)
        page.write_text(text.replace(f'cdn="{CDN}"', f'cdn="{here}"'), encoding="utf-8")
    (OFFLINE / "README.txt").write_text(README, encoding="utf-8")
    archive = OFFLINE.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(path for path in OFFLINE.rglob("*") if path.is_file()):
            # Without a date: the same pages give the same bytes.
            entry = zipfile.ZipInfo(f"deep-linear-networks/{path.relative_to(OFFLINE).as_posix()}")
            file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"The book without a network: {archive} ({archive.stat().st_size / 1e6:.0f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
