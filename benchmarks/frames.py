"""Weigh the frames of an explorer in each format, beside the SVG that the library writes.

Run with ``python benchmarks/frames.py``. Prints, for the same 36 frames, the time to draw them and what they
add to a page, raw and as a server sends it (gzip). Bitmaps are drawn at two pixels a CSS pixel, which a
high-density screen needs to be sharp, and embedded in base64.
"""

import base64
import gzip
import platform
from io import BytesIO, StringIO
from time import perf_counter

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import dlnlab as dl
from dlnlab.book.explorers import _svg


def draw(phase: float, layers: int) -> plt.Figure:
    """Draw a frame like the chapters': a logarithmic panel above one with several curves."""
    x = np.linspace(0, 20, 101)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6, 5), sharex=True)
    top.semilogy(x, np.exp(-x * phase) + 1e-3, color="C1")
    top.set(ylabel="excess risk")
    curves = {f"layer {k}": k + np.tanh(x - 10 * phase) for k in range(layers)}
    dl.plot_curves(bottom, x, curves, xlabel="time $t$", ylabel=r"$\|W_k\|_F^2$")
    bottom.legend(ncols=3)
    return figure


def bitmap(figure: plt.Figure, kind: str) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, dpi=192)
    return base64.b64encode(buffer.getvalue()).decode()


def by_savefig(figure: plt.Figure) -> str:
    buffer = StringIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


FORMATS = {
    "SVG, text as paths": ("path", _svg),
    "SVG by savefig": ("path", by_savefig),
    "SVG, text as text": ("none", _svg),
    "PNG": ("path", lambda figure: bitmap(figure, "png")),
    "WebP": ("path", lambda figure: bitmap(figure, "webp")),
}


def main() -> None:
    plt.switch_backend("agg")
    dl.use_style()
    print(f"{platform.machine()}, Python {platform.python_version()}, matplotlib {mpl.__version__}")
    print(f"{'format':<20} {'draw':>8} {'raw':>10} {'gzip':>10}")
    for name, (fonttype, encode) in FORMATS.items():
        plt.rcParams["svg.fonttype"] = fonttype
        start = perf_counter()
        frames = []
        for phase in np.linspace(0.1, 1, 6):
            for layers in range(1, 7):
                figure = draw(phase, layers)
                frames.append(encode(figure))
                plt.close(figure)
        seconds = perf_counter() - start
        page = "".join(frames).encode()
        sizes = [f"{len(data) / 1e6:7.2f} MB" for data in (page, gzip.compress(page))]
        print(f"{name:<20} {seconds:6.1f} s {sizes[0]:>10} {sizes[1]:>10}")


if __name__ == "__main__":
    main()
