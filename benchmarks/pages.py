"""Time what a reader on a throttled phone waits for, text, formulas, sliders, and weigh what is sent.

Run with ``python benchmarks/pages.py [SITE ...]``, after ``make book``: for each folder of a built site, by
default the one of this build, every session at 1.6 Mbit/s, 150 ms of latency, with a processor four times
slower than this one, nothing in the cache, and files compressed as a server sends them. With ``--desktop``
nothing is slowed down. What an older site asks a CDN for comes from ``tools/npm/node_modules``, if there.
"""

import gzip
import json
import re
import sys
from functools import partial
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser import COPIES, HTML, Quiet, Server, launched  # noqa: E402

CDN = re.compile(rb"https://cdn.jsdelivr.net/npm/((?:@[\w-]+/)?[\w-]+)@[\d.]+")
SLIDER = ".explorer input, .dlnlab-explorer .noUi-handle"
# Before the page's own scripts: the longest turn of a script of the book, in milliseconds.
WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const { scripts } of list.getEntries()) for (const { duration, sourceURL } of scripts)
    if (/_static\\/(book|explorer|widgets)\\.js/.test(sourceURL) && duration > longest) longest = duration;
}).observe({ type: "long-animation-frame", buffered: true });
"""
MEASURE = """async (slider) => {
  const until = (done) => new Promise((resolve) => {
    const look = () => (done() ? resolve(performance.now()) : setTimeout(look, 20));
    look();
  });
  // Set at build time, formulas are there with the text and their fonts.
  const formulas = async () => {
    await document.fonts.ready;
    const fonts = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/MathJax_"));
    const [page] = performance.getEntriesByType("navigation");
    return Math.max(page.domInteractive, ...fonts.map((font) => font.responseEnd));
  };
  const sliders = await until(() => document.querySelector(slider));
  const [text] = performance.getEntriesByName("first-contentful-paint");
  return [text.startTime, await formulas(), sliders];
}"""


class Compressed(Quiet):
    """Sends text as a server does, compressed, and counts what it sends."""

    sent = 0

    def translate_path(self, path):
        _, package, rest = path.partition("/cdn/")
        return str(COPIES / rest) if package else super().translate_path(path)

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return super().do_GET()
        body, packed = path.read_bytes(), path.suffix in {".html", ".js", ".css", ".svg"}
        if packed:
            body = gzip.compress(CDN.sub(rb"/cdn/\1", body), 6)
        Compressed.sent += len(body)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def frames(page: Path) -> int:
    """Return what the frames of a page weigh that are files of their own, compressed."""
    told = re.findall(r'<script type="application/json">(\{"controls.*?)</script>', page.read_text("utf-8"))
    files = {page.parent / frame for one in told for frame in json.loads(one)["frames"]}
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in files)


def main(sites: list[Path], slowed: bool) -> None:
    heads = ("text", "formulas", "sliders", "longest", "HTML", "sent", "frames")
    print("seconds, the longest turn of a script of the book in ms, kB compressed")
    print(f"{'page':<26}" + "".join(f"{head:>9}" for head in heads))
    for site in sites:
        server = Server(("127.0.0.1", 0), partial(Compressed, directory=str(site)))
        Thread(target=server.serve_forever, daemon=True).start()
        with launched() as window:
            for path in sorted((ROOT / "book").glob("*.ipynb")):
                name = f"book/{path.stem}.html"
                context = window.browser.new_context(viewport={"width": 390, "height": 800})
                page = context.new_page()
                page.add_init_script(WATCH)
                session = context.new_cdp_session(page)
                if slowed:
                    session.send("Network.enable")
                    line = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 1.6e6 / 8}
                    limits = {"offline": False, "latency": 150, **line}
                    session.send("Network.emulateNetworkConditions", limits)
                    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
                page.set_default_timeout(120_000)
                Compressed.sent = 0
                page.goto(f"http://127.0.0.1:{server.server_port}/{name}", wait_until="commit")
                page.wait_for_load_state("domcontentloaded")
                times = [time / 1000 for time in page.evaluate(MEASURE, SLIDER)]
                page.wait_for_load_state("networkidle")
                html = len(gzip.compress((site / name).read_bytes(), 6))
                sizes = (html, Compressed.sent, frames(site / name))
                print(
                    f"{path.stem:<26}"
                    + "".join(f"{time:9.2f}" for time in times)
                    + f"{page.evaluate('longest'):9.0f}"
                    + "".join(f"{size / 1000:9.0f}" for size in sizes),
                    flush=True,
                )
                context.close()
        server.shutdown()


if __name__ == "__main__":
    given = [Path(site).resolve() for site in sys.argv[1:] if site != "--desktop"]
    main(given or [HTML], "--desktop" not in sys.argv)
