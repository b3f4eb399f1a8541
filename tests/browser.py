"""A reader's browser: the built book on loopback, and no other address; a page that asks for one fails."""

import functools
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
COPIES = ROOT / "tools" / "npm" / "node_modules"
DESKTOP = {"width": 1280, "height": 720}
# Nothing but loopback can be reached, and the browser does not try for itself.
QUIET = [
    "--disable-background-networking",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def missing() -> str | None:
    """Return how to get what the site tests need, or None if all is there."""
    if CHROMIUM is None:
        return "Chromium is not installed (on Debian: apt-get install chromium); the site tests need it"
    return None


def require_browser() -> None:
    """Skip the module that calls this where something is missing; in CI that is a failure."""
    reason = missing()
    if reason and os.environ.get("CI"):
        raise RuntimeError(reason)
    if reason:
        pytest.skip(reason, allow_module_level=True)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """Say nothing: a browser that leaves a page hangs up."""


@contextmanager
def served(folder: Path = HTML) -> Iterator[str]:
    """Serve a folder on loopback; yield its address."""
    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def launched() -> Iterator[BrowserContext]:
    """Start Chromium; yield a window of it, whose tabs share what one of them has loaded."""
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, *QUIET])
        try:
            yield browser.new_context()
        finally:
            browser.close()


class Reader:
    """Who reads the book in a window; what a tab has loaded serves for the next page in it."""

    def __init__(self, window: BrowserContext, site: str):
        self.window, self.site = window, site
        self.free: list[Page] = []
        self.troubles: dict[Page, list[str]] = {}

    def tab(self) -> Page:
        """Open a tab that notes what goes wrong in it, and what it asks of other addresses."""
        page = self.window.new_page()
        page.set_default_timeout(10_000)
        self.troubles[page] = []

        def note(trouble: str) -> None:
            self.troubles[page].append(trouble)

        def asked(url: str) -> None:
            if not url.startswith((self.site, "data:", "blob:", "about:")):
                note(f"asked for {url}")

        page.on("request", lambda request: asked(request.url))
        page.on("pageerror", lambda error: note(f"error: {error}"))
        page.on("console", lambda line: note(line.text) if line.type == "error" else None)
        page.on(
            "response",
            lambda response: note(f"{response.status}: {response.url}") if response.status >= 400 else None,
        )
        return page

    def open(
        self,
        name: str,
        viewport: dict[str, int] = DESKTOP,
        color_scheme: Literal["light", "dark"] = "light",
        reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
    ) -> Page:
        """Open a page as published."""

        def prepared(page: Page) -> Page:
            page.set_viewport_size(viewport)
            page.emulate_media(media="screen", color_scheme=color_scheme, reduced_motion=reduced_motion)
            return page

        try:
            page = prepared(self.free.pop() if self.free else self.tab())
        except Error:
            # Seen once: Chromium let a tab crash that nothing was on. That is no fault of a page.
            page = prepared(self.tab())
        page.goto(f"{self.site}/{name}", wait_until="load")
        return page

    def leave(self, *pages: Page) -> None:
        """Leave pages, on which nothing has gone wrong."""
        for page in pages:
            page.goto("about:blank")
            page.mouse.move(0, 0)
            self.free.append(page)
            troubles, self.troubles[page] = self.troubles[page], []
            assert not troubles, troubles


@contextmanager
def reading() -> Iterator[Reader]:
    """Serve the book and start Chromium for who reads it."""
    with served() as site, launched() as window:
        yield Reader(window, site)
