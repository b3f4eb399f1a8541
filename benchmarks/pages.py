"""Time what a reader on a throttled phone waits for: text, formulas, sliders.

Run with ``python benchmarks/pages.py``, after ``make book``: 1.6 Mbit/s, 150 ms of latency, a
processor four times slower than this one, nothing in the cache, files compressed as a server sends them. All
files come from one address, so that connections to a CDN are not in the times.
"""

import gzip
import re
import sys
from functools import partial
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser import CDN, COPIES, HTML, Quiet, Server, launched  # noqa: E402

VERSIONED = re.compile(rf"https://{CDN}/npm/((?:@[\w-]+/)?[\w-]+)@[\d.]+".encode())
MEASURE = """async () => {
  const until = (done) => new Promise((resolve) => {
    const look = () => (done() ? resolve(performance.now()) : setTimeout(look, 50));
    look();
  });
  // Set at build time, they are there with the text and their fonts.
  const formulas = async () => {
    await window.MathJax?.startup.promise;
    if (window.MathJax) return performance.now();
    const fonts = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/MathJax_"));
    const [page] = performance.getEntriesByType("navigation");
    return Math.max(page.domInteractive, ...fonts.map((font) => font.responseEnd));
  };
  const sliders = await until(() => document.querySelector(".dlnlab-explorer .noUi-handle"));
  const [text] = performance.getEntriesByName("first-contentful-paint");
  return [text.startTime, await formulas(), sliders];
}"""


class Compressed(Quiet):
    """Sends text as a server does, compressed; what a page asks the CDN for comes from here too."""

    def translate_path(self, path):
        _, package, rest = path.partition("/cdn/")
        return str(COPIES / rest) if package else super().translate_path(path)

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in {".html", ".js", ".css", ".svg"} or not path.is_file():
            return super().do_GET()
        body = gzip.compress(VERSIONED.sub(rb"/cdn/\1", path.read_bytes()), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    server = Server(("127.0.0.1", 0), partial(Compressed, directory=str(HTML)))
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"{'page':<28} {'text':>6} {'formulas':>9} {'sliders':>8}  seconds")
    with launched() as browser:
        for path in sorted((ROOT / "book").glob("*.ipynb")):
            page = browser.new_page(viewport={"width": 390, "height": 800})
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            speed = 1.6e6 / 8
            session.send(
                "Network.emulateNetworkConditions",
                {"offline": False, "latency": 150, "downloadThroughput": speed, "uploadThroughput": speed},
            )
            session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            page.set_default_timeout(120_000)
            page.goto(
                f"http://127.0.0.1:{server.server_port}/book/{path.stem}.html",
                wait_until="commit",
                timeout=120_000,
            )
            page.wait_for_load_state("domcontentloaded", timeout=120_000)
            times = [time / 1000 for time in page.evaluate(MEASURE)]
            print(f"{path.stem:<28} {times[0]:6.1f} {times[1]:9.1f} {times[2]:8.1f}", flush=True)
            page.close()


if __name__ == "__main__":
    main()
