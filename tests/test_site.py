"""The built book, read as a reader reads it: in Chromium, from loopback, with every other address blocked."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from browser import COPIES, HTML, ROOT, launched, open_page, require_browser, served

require_browser()

PAGES = sorted(path.relative_to(HTML).as_posix() for path in (HTML / "book").glob("*.html"))
PHONE = {"viewport": {"width": 375, "height": 800}, "is_mobile": True, "has_touch": True}
every_page = pytest.mark.parametrize("name", PAGES)
# Of the theme and of the bibliography, whose markup is not ours to change.
KNOWN_VIOLATIONS = {
    "aria-allowed-role",
    "aria-deprecated-role",
    "aria-required-children",
    "label-content-name-mismatch",
    "region",
}


@pytest.fixture(scope="module")
def site():
    with served() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with launched() as started:
        yield started


@pytest.fixture
def read(site, browser):
    """Open a page of the book, wait until it has settled, and see at the end that nothing went wrong."""
    opened = []

    def read_page(name, **options):
        page, troubles = open_page(browser, f"{site}/{name}", **options)
        opened.append((page, troubles))
        if page.locator("script[src*=mathjax]").count():
            page.wait_for_function("window.MathJax?.startup?.promise")
            page.evaluate("MathJax.startup.promise.then(() => true)")
        if page.locator("script[type='application/vnd.jupyter.widget-view+json']").count():
            page.locator(".dlnlab-explorer img").first.wait_for()
        return page

    yield read_page
    for page, troubles in opened:
        page.close()
        assert not troubles


def shown(explorer):
    """The alternative text of the one frame that is shown."""
    return explorer.locator("img").get_attribute("alt")


def handle(explorer, label):
    return explorer.locator(f".noUi-handle[aria-label='{label}']")


class Elements(HTMLParser):
    """Ids, links and images of a page."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.images = [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)


def elements(name):
    parser = Elements()
    parser.feed((HTML / name).read_text(encoding="utf-8"))
    return parser


def test_the_pages_are_there():
    assert {
        "book/intro.html",
        "book/setting.html",
        "book/acceleration.html",
        "book/imbalance.html",
        "book/largest-learning-rate.html",
        "book/small-initialization.html",
        "book/residual-initialization.html",
        "book/notation.html",
    } <= set(PAGES)


@every_page
def test_ids_are_unique(name, read):
    repeated = [i for i, times in Counter(elements(name).ids).items() if times > 1]
    assert not repeated
    live = read(name).evaluate("Array.from(document.querySelectorAll('[id]'), (element) => element.id)")
    assert not [i for i, times in Counter(live).items() if times > 1 and not i.startswith("MJX")]


@every_page
def test_links_within_the_book_lead_somewhere(name):
    for link in elements(name).links:
        target, fragment = urldefrag(urljoin(f"http://book/{name}", link))
        if urlsplit(target).hostname != "book":
            continue
        path = unquote(urlsplit(target).path).lstrip("/")
        assert (HTML / path).exists(), link
        if fragment and path.endswith(".html"):
            assert unquote(fragment) in elements(path).ids, link


@every_page
def test_images_have_alternative_text(name):
    for image in elements(name).images:
        assert image.get("alt", "").strip(), image


@every_page
def test_mathematics_is_typeset(name, read):
    page = read(name)
    raw = page.evaluate(
        r"""() => {
          const walker = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
          const found = [];
          while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            if (parent.closest("pre, code, script, style, mjx-container")) continue;
            if (/\\[a-z(\[]|\$[^$]+\$/i.test(walker.currentNode.data)) found.push(walker.currentNode.data);
          }
          return found;
        }"""
    )
    assert raw == []
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.locator("mjx-container").count() >= page.locator(".math").count()


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_does_not_scroll_sideways(name, scheme, read):
    page = read(name, color_scheme=scheme, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


@every_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_that_is_ours(name, scheme, read):
    page = read(name, color_scheme=scheme)
    page.add_script_tag(path=COPIES / "axe-core" / "axe.min.js")
    violations = page.evaluate("axe.run().then((result) => result.violations)")
    ours = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:5])
        for violation in violations
        if violation["id"] not in KNOWN_VIOLATIONS
    ]
    assert ours == []


def explorers():
    return [name for name in PAGES if "dlnlab-explorer" in (HTML / name).read_text(encoding="utf-8")]


every_explorer = pytest.mark.parametrize("name", explorers())


def test_there_is_an_explorer():
    assert "book/setting.html" in explorers()


@every_explorer
def test_each_slider_changes_the_picture_and_keeps_the_others(name, read):
    page = read(name)
    for explorer in page.locator(".dlnlab-explorer").all():
        labels = explorer.locator(".widget-hslider .widget-label").all_inner_texts()
        assert len(labels) >= 2
        for label in labels:
            before, picture = shown(explorer), explorer.screenshot()
            readouts = dict(zip(labels, explorer.locator(".widget-readout").all_inner_texts(), strict=True))
            handle(explorer, label).focus()
            at_the_end = handle(explorer, label).get_attribute("aria-valuenow") == handle(
                explorer, label
            ).get_attribute("aria-valuemax")
            page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
            page.wait_for_timeout(300)
            assert shown(explorer) != before
            assert explorer.screenshot() != picture
            assert handle(explorer, label).get_attribute("aria-valuetext") != readouts[label]
            assert explorer.locator("img").count() == 1
            for other in labels:
                value = explorer.locator(".widget-readout").nth(labels.index(other)).inner_text()
                assert (value == readouts[other]) == (other != label)
                assert f"{other} {value}" in shown(explorer)


@every_explorer
def test_sliders_move_by_mouse(name, read):
    page = read(name)
    explorer = page.locator(".dlnlab-explorer").first
    label = explorer.locator(".widget-label").first.inner_text()
    before = shown(explorer)
    handle(explorer, label).scroll_into_view_if_needed()
    track = explorer.locator(".noUi-base").first.bounding_box()
    box = handle(explorer, label).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + 1, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert shown(explorer) != before


@every_explorer
def test_play_moves_its_slider(name, read):
    page = read(name)
    buttons = page.locator(".dlnlab-explorer .jupyter-widgets.widget-play button")
    if buttons.count() == 0:
        return
    explorer = page.locator(".dlnlab-explorer").filter(has=page.locator(".widget-play")).first
    before = shown(explorer)
    buttons.first.click()
    page.wait_for_timeout(2500)
    assert shown(explorer) != before


@every_explorer
def test_every_frame_is_described_and_its_picture_loads(name, read):
    """The frames as the page holds them, shown or not."""
    page = read(name)
    broken = page.evaluate(
        r"""async () => {
          const state = JSON.parse(
            document.querySelector("script[type='application/vnd.jupyter.widget-state+json']").textContent);
          const frames = Object.values(state.state).filter((model) => model.model_name === "HTMLModel")
            .map((model) => model.state.value).filter((value) => value.startsWith("<img"));
          const bad = [];
          for (const frame of frames) {
            const image = new DOMParser().parseFromString(frame, "text/html").querySelector("img");
            const copy = new Image();
            copy.src = image.src;
            try { await copy.decode(); } catch { bad.push(image.alt); }
            if (!image.alt.trim() || copy.naturalWidth === 0) bad.push(image.alt);
          }
          return frames.length ? bad : ["no frames"];
        }"""
    )
    assert broken == []


def test_solutions_and_proofs_are_hidden_until_asked_for(read):
    page = read("book/setting.html")
    proof = page.locator("details:has(div.proof)").first
    assert not proof.locator("div.proof").is_visible()
    proof.locator("summary").click()
    assert proof.locator("div.proof").is_visible()
    solution = page.locator("div.solution").first
    assert not solution.locator("section").first.is_visible()
    solution.locator("button, summary").first.click()
    page.wait_for_timeout(500)
    assert solution.locator("section").first.is_visible()


def test_dark_mode_is_dark(read):
    page = read("book/setting.html", color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60


def test_search_finds_the_theorem(read):
    page = read("search.html?q=balancedness+conservation")
    page.locator("#search-results li a[href*='setting']").first.wait_for()


def test_code_can_be_copied(read):
    assert read("book/setting.html").locator("div.highlight button.copybtn").count() > 5


def test_pages_are_light():
    """What a reader loads of a page itself; a server sends it compressed."""
    for name in PAGES:
        assert len((HTML / name).read_bytes()) < 5e6, name


def build_elsewhere(tmp_path, **environment):
    """Build a copy of the book with the outputs of this one; return the folder of its pages."""
    copy = tmp_path / "book"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "html", ".doctrees")
    )
    command = [sys.executable, copy / "tools" / "build_book.py"]
    subprocess.run(command, env={**os.environ, **environment}, cwd=copy, check=True, capture_output=True)
    return copy / "_build" / "html" / "book"


def test_buttons_of_a_fork_point_at_the_fork(tmp_path):
    """What a fork's CI says of itself decides; without it, _config.yml does."""
    fork = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "someone/course",
        "GITHUB_REF_NAME": "spring",
    }
    page = (build_elsewhere(tmp_path, **fork) / "setting.html").read_text(encoding="utf-8")
    assert "https://mybinder.org/v2/gh/someone/course/spring?urlpath=lab/tree/book/setting.ipynb" in page
    assert "https://colab.research.google.com/github/someone/course/blob/spring/book/setting.ipynb" in page
