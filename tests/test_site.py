"""The built book, read as a reader reads it: in Chromium, from loopback or its folder, and nothing else.

Each page is opened once, and all its tests share it: they are one class, which one process runs, in an
order: at a desk, on a phone, on paper, without formulas. A test that changes what is shown at a desk puts it
back, or does not mind what it finds.
"""

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache, partial
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import nbformat
import pytest
import scripts
import yaml
from browser import COPIES, DESKTOP, HTML, ROOT, Reader, require_browser
from fontTools.ttLib import TTFont
from playwright.sync_api import Error

import dlnlab

require_browser()

PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in (HTML / "book").rglob("*.html")
    if not path.stem.endswith("-slides")
)
PHONE = {"width": 375, "height": 800}
# Of the theme and of the bibliography, whose markup is not ours to change.
KNOWN_VIOLATIONS = {
    "aria-allowed-role",
    "aria-deprecated-role",
    "aria-required-children",
    "label-content-name-mismatch",
    "region",
}


def explorers():
    return [name for name in PAGES if 'class="explorer"' in (HTML / name).read_text(encoding="utf-8")]


COLOURS = ["color-contrast", "link-in-text-block"]
every_page = pytest.mark.parametrize("name", PAGES)


def settled(page):
    """Wait until all of a page is laid out, with the fonts of its formulas, and its sliders are there."""
    page.locator("html.whole").wait_for()
    if page.locator(".explorer").count():
        page.locator(".explorer input").first.wait_for()
    page.evaluate("document.fonts.ready.then(() => true)")
    return page


@pytest.fixture(scope="class")
def page(request, reader):
    """The page of a class of tests."""
    opened = reader.open(request.cls.name)
    yield settled(opened)
    reader.leave(opened)


@pytest.fixture(scope="class")
def bare(page):
    """A page with axe, at a desk, without formulas and most words of code.

    Formulas, most of a page, have the colour of the text around them: each becomes one box of its size. Of
    the words of code that have one class in the same place, the longest stands for all: a single letter axe
    does not judge. What ends a line stays, so that no line becomes longer.
    """
    page.evaluate(
        """() => {
          const formulas = [...document.querySelectorAll("mjx-container")].map((formula) => {
            const { width, height } = formula.querySelector("mjx-math").getBoundingClientRect();
            return [formula, `display: inline-block; width: ${width}px; height: ${height}px`];
          });
          for (const [formula, style] of formulas) {
            const box = document.createElement("span");
            box.style = style;
            formula.replaceChildren(box);
          }
          const path = (element) => element && `${element.className} ${path(element.parentElement)}`;
          const inner = (word) => [...(word.querySelectorAll?.("*") ?? [])].map((part) => part.className);
          const words = [...document.querySelectorAll("div.highlight pre")].flatMap((pre) => {
            const place = `${pre.checkVisibility()} ${path(pre)}`;
            return [...pre.childNodes].map((word) => [word, [word.className, ...inner(word), place].join()]);
          });
          const longest = new Map();
          for (const [word, kind] of words) {
            const size = longest.get(kind)?.textContent.length ?? -1;
            if (word.textContent.length > size) longest.set(kind, word);
          }
          for (const [word, kind] of words) {
            const stays = longest.get(kind) === word || word.textContent.includes("\\n");
            if (!stays && !word.matches?.("a") && !word.querySelector?.("a")) word.remove();
          }
        }"""
    )
    page.set_viewport_size(DESKTOP)
    page.add_script_tag(path=COPIES / "axe-core" / "axe.min.js")
    return page


@pytest.fixture
def read(visit):
    """Open pages for one test alone, and wait until they are settled."""
    return lambda name, **options: settled(visit(name, **options))


def in_scheme(page, scheme):
    """Let a page see that its reader's system has turned light or dark."""
    page.emulate_media(color_scheme=scheme)
    page.locator(f"html[data-theme={scheme}]").wait_for()
    # Not awaited: transitions within what is folded do not go on.
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")


def shown(explorer):
    """The alternative text of the one frame that is shown."""
    return explorer.evaluate(STATE)["shown"]


def changes(page, explorer, before):
    """Wait until an explorer shows another frame."""
    page.wait_for_function(
        "([explorer, before]) => explorer.querySelector('img').alt !== before", arg=[explorer, before]
    )


# What an explorer shows: the text of its frame, how many there are, what its sliders say to eyes and ears.
STATE = """(explorer) => {
  const sliders = [...explorer.querySelectorAll("input[type=range]")];
  const frames = explorer.querySelectorAll("img");
  const seen = (slider) => slider.nextElementSibling.textContent;
  return { shown: frames[0].alt, frames: frames.length,
    seen: sliders.map(seen), said: sliders.map((slider) => slider.getAttribute("aria-valuetext")),
    values: Object.fromEntries(sliders.map((slider) => [slider.labels[0].textContent, seen(slider)])) };
}"""


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


@cache
def elements(name):
    parser = Elements()
    parser.feed((HTML / name).read_text(encoding="utf-8"))
    return parser


@cache
def api():
    """Where each name of the library is described: the ids of the pages of the API."""
    return {
        i.rpartition(".")[2]: f"{name.removeprefix('book/')}#{i}"
        for name in PAGES
        if name.startswith("book/api/")
        for i in elements(name).ids
        if i.startswith("dlnlab.") and re.fullmatch(r"dlnlab\.\w+\.([a-z]\w*\.)?\w+", i)
    }


class Page:
    """The tests of one page."""

    name: str

    def test_live_ids_are_unique(self, page):
        live = page.evaluate("Array.from(document.querySelectorAll('[id]'), (element) => element.id)")
        assert not [i for i, times in Counter(live).items() if times > 1 and not i.startswith("MJX")]

    def test_mathematics_is_typeset(self, page):
        raw = page.evaluate(
            r"""() => {
              const article = document.querySelector("article");
              const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
              const found = [];
              while (walker.nextNode()) {
                const text = walker.currentNode;
                if (text.parentElement.closest("pre, code, script, style, mjx-container")) continue;
                if (/\\[a-z(\[]|\$[^$]+\$/i.test(text.data)) found.push(text.data);
              }
              return found;
            }"""
        )
        assert raw == []
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
        assert page.locator("mjx-container").count() >= page.locator(".math").count()


class Chapter(Page):
    """The tests of a page with theorems, code, exercises and explorers."""

    def test_solutions_and_proofs_are_hidden_until_asked_for(self, page):
        proof = page.locator("details:has(div.proof)").first
        assert not proof.locator("div.proof").is_visible()
        proof.locator("summary").click()
        assert proof.locator("div.proof").is_visible()
        solution = page.locator("details.solution").first
        assert not solution.locator(".sd-summary-content").first.is_visible()
        solution.locator("summary").first.click()
        solution.locator(".sd-summary-content").first.wait_for()

    def test_a_check_is_one_line_that_unfolds(self, page):
        """To its code and all it prints; all at once, too, and the next page remembers it."""
        checks = page.locator("details.check")
        pages_lines = r"all => all.flatMap((pre) => pre.textContent.match(/: measured /g) ?? []).length"
        assert checks.locator("pre").evaluate_all(pages_lines) == page.locator("pre").evaluate_all(
            pages_lines
        )
        for check in checks.all():
            line = " ".join(check.locator("summary").text_content().split())
            assert re.match(
                r"✓ .*(Theorem|Proposition|Lemma|Corollary|Exercise|Equation) .*[\d)] checked: .*\d", line
            ), line
            assert len(line) < 160, line
            assert not check.locator("div.cell_input").first.is_visible()
        fold = checks.first
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        fold.locator("div.cell_input").first.wait_for()
        assert ": measured " in fold.locator(".cell_output pre").first.inner_text()
        fold.locator("summary").press("Enter")
        button = page.get_by_role("button", name=f"Unfold all {checks.count()} checks")
        button.click()
        opened = "all => all.map((check) => check.open)"
        assert all(checks.evaluate_all(opened))
        page.reload()
        assert all(settled(page).locator("details.check").evaluate_all(opened))
        page.get_by_role("button", name=f"Fold all {checks.count()} checks").click()
        page.reload()
        assert not any(settled(page).locator("details.check").evaluate_all(opened))

    def test_code_can_be_copied(self, page):
        buttons, cells = (page.locator(css).count() for css in ("button.copybtn", "div.cell_input"))
        assert buttons >= cells > 0

    def test_no_cell_warns(self, page):
        warnings = page.locator(".cell_output .stderr").all_text_contents()
        assert not warnings, f"mend what these cells warn of: {warnings}"

    def test_the_first_use_of_a_function_is_a_link(self, page):
        """To its description, once a page; the names are those that a reader sees after dl."""
        code = "\n".join(page.locator("div.cell_input").all_text_contents())
        used = set(re.findall(r"\bdl\.(\w+)", code))
        described = {name: address for name, address in api().items() if name in used}
        links = page.locator("a.api").evaluate_all("all => all.map((a) => [a.textContent, a.href])")
        linked = {name: address.partition("/book/")[2] for name, address in links}
        assert len(links) == len(linked)
        assert described.items() <= linked.items()
        assert len(described) > 3

    def test_a_check_names_its_claim_as_the_page_does(self, page):
        """Each line says that it holds, and of what, with a link to it; what is stored has the labels."""
        cells = nbformat.read(ROOT / self.name.replace(".html", ".ipynb"), as_version=4).cells
        stored = [text for cell in cells for o in cell.get("outputs", []) for text in o.text.splitlines()]
        labels = [text.split(",")[0].split(":")[0] for text in stored if ": measured " in text]
        printed = "\n".join(page.locator(".cell_output pre").all_text_contents())
        lines = [line for line in printed.splitlines() if ": measured " in line]
        links = page.locator(".holds + a").evaluate_all(
            "all => all.map((a) => [a.hash.slice(1), a.textContent])"
        )
        assert len(lines) == len(labels) == len(links) > 0
        for line, label, (anchor, name) in zip(lines, labels, links, strict=True):
            assert anchor.removeprefix("equation-") == label
            assert line.startswith(f"✓ {name}")
            assert anchor in elements(self.name).ids
        titles = page.locator("div.theorem > p.admonition-title").all_text_contents()
        assert {name for label, (_, name) in zip(labels, links, strict=True) if label.startswith("thm-")} <= {
            " ".join(title.split()) for title in titles
        }

    def test_what_only_draws_is_folded(self, page):
        folded = page.locator("div.cell.tag_hide-input")
        assert folded.count() >= 1
        for cell in folded.all():
            assert not cell.locator("div.cell_input").first.is_visible()
        first = folded.first.locator("details").first
        first.locator("summary").click()
        assert first.locator("div.cell_input").is_visible()
        assert first.locator("summary").inner_text() == "Hide the code"
        first.locator("summary").click()

    def test_questions_answer_by_mouse_and_keyboard(self, page):
        """A right answer and wrong ones, each with what is said of it, and nothing before one is chosen."""
        # From the question on: to ask the page for each part would take most of the time.
        quizzes = page.query_selector_all("fieldset.quiz")
        said = """(quiz) => [...quiz.querySelectorAll(".said")].filter((said) => said.checkVisibility())
          .map((said) => said.innerText).join()"""
        assert len(quizzes) >= 2
        assert [quiz.evaluate(said) for quiz in quizzes] == [""] * len(quizzes)
        for quiz in quizzes:
            answers = quiz.query_selector_all(".answer")
            assert len(answers) >= 2
            assert len(quiz.query_selector_all(".answer.right")) == 1
            quiz.query_selector(".answer.wrong label").click()
            assert quiz.evaluate(said).startswith("No.")
            assert len(quiz.evaluate(said)) > 20
            quiz.query_selector("input").focus()
            for _ in answers:
                if quiz.query_selector(".answer.right .said").is_visible():
                    break
                page.keyboard.press("ArrowDown")
            assert quiz.evaluate(said).startswith("Right.")

    def test_it_says_how_long_it_takes(self, page):
        said = page.locator("h1 + .reading-time").inner_text()
        short, long = map(int, re.findall(r"\d+", said)[:2])
        assert 5 <= short <= long <= 120

    def test_words_lead_to_their_meaning(self, page):
        links = page.locator("a.word").evaluate_all("all => all.map((a) => [a.hash.slice(1), a.title])")
        assert len(links) == len(dict(links)) >= 1
        for anchor, meaning in links:
            assert anchor in elements("book/notation.html").ids
            assert "\\" not in meaning

    def test_the_keyboard_skips_to_explorers_and_theorems(self, page):
        links = page.locator("nav.skips a")
        theorems = page.locator("div.proof.theorem").count()
        assert links.count() == page.locator(".explorer").count() + theorems
        links.first.focus()
        page.wait_for_function("document.querySelector('nav.skips a').getBoundingClientRect().left >= 0")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.explorer') !== null")

    def test_fingers_hit_the_handles(self, page):
        smallest = """all => Math.min(...all.map((area) => area.getBoundingClientRect())
          .map(({ width, height }) => Math.min(width, height)))"""
        assert page.locator(".explorer :is(input, button)").evaluate_all(smallest) >= 44

    def test_each_slider_changes_the_picture_and_keeps_the_others(self, page):
        for explorer in page.locator(".explorer").element_handles():
            explorer.scroll_into_view_if_needed()
            # Of the frame alone: the ring around the slider in focus moves in any case.
            before, picture = explorer.evaluate(STATE), explorer.query_selector("img").screenshot()
            assert before["values"]
            for slider, label in zip(explorer.query_selector_all("input"), before["values"], strict=True):
                slider.focus()
                at_the_end = slider.input_value() == slider.get_attribute("max")
                page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
                changes(page, explorer, before["shown"])
                last, picture = picture, explorer.query_selector("img").screenshot()
                assert picture != last
                after = explorer.evaluate(STATE)
                assert after["said"] == after["seen"]
                assert after["frames"] == 1
                for other, value in after["values"].items():
                    assert (value == before["values"][other]) == (other != label)
                    assert f"{other} {value}" in after["shown"]
                before = after

    def test_sliders_move_by_mouse(self, page):
        """To the other end from where the slider stands."""
        explorer = page.locator(".explorer").first.element_handle()
        before, slider = shown(explorer), explorer.query_selector("input")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        left = int(slider.input_value()) * 2 > int(slider.get_attribute("max"))
        middle = box["y"] + box["height"] / 2
        page.mouse.click(box["x"] + (2 if left else box["width"] - 2), middle)
        changes(page, explorer, before)

    def test_play_moves_its_slider(self, page):
        if explorer := page.query_selector(".explorer:has(button)"):
            # From the first frame, as playing stops at the last.
            button = explorer.query_selector("button")
            moved = button.inner_text().removeprefix("Play ")
            page.evaluate(
                "(explorer) => explorer.querySelectorAll('input').forEach((input) => input.focus())", explorer
            )
            slider = explorer.query_selector(f"label:text-is('{moved}') + input")
            slider.press("Home")
            before = explorer.evaluate(STATE)
            button.click()
            changes(page, explorer, before["shown"])
            assert explorer.evaluate(STATE)["values"][moved] != before["values"][moved]
            button.click()

    def test_every_frame_is_described_and_its_picture_loads(self, page):
        """The frames as the page names them, shown or not."""
        broken = page.evaluate(
            """async () => {
              const bad = [];
              for (const told of document.querySelectorAll(".explorer script")) {
                const { frames, descriptions } = JSON.parse(told.textContent);
                if (!frames.length || frames.length !== descriptions.length) bad.push("frames");
                for (const [i, frame] of frames.entries()) {
                  const copy = Object.assign(new Image(), { src: frame });
                  await copy.decode().catch(() => bad.push(frame));
                  if (!descriptions[i].trim() || copy.naturalWidth === 0) bad.push(frame);
                }
              }
              return bad;
            }"""
        )
        assert broken == []


class Phone:
    """The tests of any page on a phone."""

    def test_it_does_not_scroll_sideways(self, page):
        page.set_viewport_size(PHONE)
        width = {}
        for scheme in ("light", "dark"):
            in_scheme(page, scheme)
            width[scheme] = page.evaluate("document.documentElement.scrollWidth")
        assert max(width.values()) <= PHONE["width"], width


class ChapterElsewhere(Phone):
    """The tests of a chapter on a phone and on paper."""

    def test_code_wraps_on_a_phone_and_formulas_do_not_run_out(self, page):
        page.set_viewport_size(PHONE)
        page.wait_for_function(
            """() => [...document.querySelectorAll("article mjx-container:not([display])")].every((formula) =>
              !formula.checkVisibility() || formula.closest("table")
              || formula.getBoundingClientRect().right <= innerWidth)"""
        )
        cut = page.locator("div.cell_input pre, pre:has(.holds)").evaluate_all(
            "all => all.filter((pre) => pre.scrollWidth > pre.clientWidth + 1).map((pre) => pre.textContent)"
        )
        assert cut == []

    def test_skip_links_are_out_of_sight_on_a_phone(self, page):
        page.set_viewport_size(PHONE)
        ends = page.locator("nav.skips a").evaluate_all(
            "all => all.map((link) => link.getBoundingClientRect().right)"
        )
        assert max(ends) <= 0

    def test_a_formula_and_its_full_stop_stay_together(self, page):
        page.set_viewport_size(PHONE)
        torn = page.locator(".whole-word").evaluate_all(
            """all => all.filter((word) => {
              const formula = word.querySelector("mjx-container");
              if (!word.checkVisibility() || formula.matches(".wide")) return false;
              const stop = document.createRange();
              stop.selectNodeContents(word.lastChild);
              return stop.getBoundingClientRect().top > formula.getBoundingClientRect().bottom;
            }).map((word) => word.textContent)"""
        )
        assert torn == []

    def test_on_paper(self, page):
        """Light, with proofs, without solutions, no formula too wide; and after it all is as before."""
        in_scheme(page, "dark")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 680, "height": 960})  # A4 between margins of 15 mm
        folds = "all => all.map((fold) => fold.open)"
        before = page.locator("details.sd-dropdown").evaluate_all(folds)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("html").get_attribute("data-theme") == "light"
        seen = "all => all.map((part) => part.checkVisibility())"
        assert all(page.locator("details div.proof").evaluate_all(seen))
        assert not any(page.locator("details.solution").evaluate_all(seen))
        too_wide = page.locator("mjx-container[display=true] mjx-math").evaluate_all(
            """all => all.filter((formula) => formula.getBoundingClientRect().width > 640
              && !formula.closest("details.solution")).map((formula) => formula.textContent)"""
        )
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.locator("details.sd-dropdown").evaluate_all(folds) == before
        assert too_wide == []


class Barriers:
    """The last tests of a page: most of what they need not look at is taken out of it."""

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_no_barrier_that_is_ours(self, bare, scheme):
        """All rules in the light; in the dark those that look at colours."""
        in_scheme(bare, scheme)
        assert bare.evaluate(
            """() => [...document.querySelectorAll("mjx-container")].every((formula) =>
              getComputedStyle(formula).color === getComputedStyle(formula.parentElement).color)"""
        )
        violations = bare.evaluate(
            "async (options) => (await axe.run({ resultTypes: ['violations'], ...options })).violations",
            {"runOnly": COLOURS}
            if scheme == "dark"
            else {"rules": {rule: {"enabled": False} for rule in KNOWN_VIOLATIONS}},
        )
        assert [(found["id"], [node["target"] for node in found["nodes"]][:5]) for found in violations] == []


def test_every_public_name_is_described():
    """On the page of its room, with an example, and where a chapter uses it, with a link to the section."""
    names = {name for name in dlnlab.__all__ if not inspect.ismodule(getattr(dlnlab, name))}
    assert names <= api().keys()
    rooms = [path.parent.name for path in (ROOT / "dlnlab").glob("*/__init__.py")]
    assert len(rooms) >= 9
    for room in rooms:
        page = (HTML / "book" / "api" / f"{room}.html").read_text(encoding="utf-8")
        described = page.split('<dl class="py ')[1:]
        for name in getattr(dlnlab, room).__all__:
            if inspect.ismodule(getattr(getattr(dlnlab, room), name)) or name in {
                "ClaimError",
                "Explorer",
                "Laboratory",
            }:
                continue
            own = "".join(part for part in described if f'id="dlnlab.{room}.{name}"' in part)
            assert "Examples" in own, name
            assert ("In the book" in own) == (name in used_in_chapters()), name


@cache
def used_in_chapters():
    """The names of the library in the code of the chapters."""
    cells = (
        cell.source
        for path in (ROOT / "book").glob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    )
    chains = re.findall(r"\b(?:dl|exact|experiments|figures|rules)((?:\.\w+)+)", "\n".join(cells))
    return {name for chain in chains for name in chain.split(".")}


def test_the_pages_are_there():
    chapters = {f"book/{path.stem}.html" for path in (ROOT / "book").glob("*.ipynb")}
    assert len(chapters) >= 6
    assert chapters | {"book/intro.html", "book/notation.html", "book/api/index.html"} <= set(PAGES)


@every_page
def test_ids_are_unique(name):
    assert not [i for i, times in Counter(elements(name).ids).items() if times > 1]


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
        assert image.get("alt", "").strip(), f"give this image an alternative text: {image}"


def test_a_phone_of_flesh_and_blood(reader):
    """With its own idea of the width of a page, and a finger."""
    hand = reader.window.browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    hers = Reader(hand, reader.site)
    page = hers.open("book/setting.html", viewport=PHONE)
    assert settled(page).evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    explorer = page.query_selector(".explorer")
    before, track = shown(explorer), explorer.query_selector("input")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    page.touchscreen.tap(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
    changes(page, explorer, before)
    hers.leave(page)
    hand.close()


@pytest.mark.parametrize("name", explorers())
def test_each_explorer_has_a_first_frame_for_a_page_without_scripts(name):
    text = (HTML / name).read_text(encoding="utf-8")
    frames = re.findall(r'<div class="explorer"[^>]*><img [^>]*alt="([^"]*)"', text)
    assert len(frames) == text.count('<div class="explorer"')
    short = [words for words in frames if len(words) <= 40]
    assert not short, f"say in more than 40 letters what the first frame of an explorer shows: {short}"


def test_without_scripts_the_first_frames_stand(reader):
    without = reader.window.browser.new_context(java_script_enabled=False)
    page = without.new_page()
    page.goto(f"{reader.site}/book/setting.html")
    frames = page.locator(".explorer img").all()
    assert frames
    assert all(frame.is_visible() for frame in frames)
    without.close()


@pytest.fixture
def folder(reader):
    """Who reads the plain result of `make book`, without a server."""
    by_hand = reader.window.browser.new_context(viewport=DESKTOP)
    yield Reader(by_hand, HTML.as_uri())
    by_hand.close()


# Formulas whose letters are not of the fonts that their boxes were measured with.
CUT = """async () => {
  await document.fonts.ready;
  const wrong = new Set();
  const letters = [...document.querySelectorAll("mjx-c")].filter((letter) => letter.checkVisibility());
  for (const letter of letters) {
    const { fontFamily, content } = getComputedStyle(letter, "::before");
    const family = fontFamily.split(",")[0];
    if (!document.fonts.check(`1em ${family}`, JSON.parse(content))) wrong.add(`${family} is not there`);
  }
  for (const formula of document.querySelectorAll("mjx-math")) {
    const { overflowX, overflowY } = getComputedStyle(formula);
    const whole = overflowX === "visible" && overflowY === "visible";
    if (formula.checkVisibility() && !whole) wrong.add("clipped");
  }
  const used = [...document.fonts].some(({ family, status }) => /MJX/.test(family) && status === "loaded");
  if (letters.length && !used) wrong.add("no font was loaded");
  const failed = [...document.fonts].filter(({ status }) => status === "error").map(({ family }) => family);
  return [...wrong, ...failed];
}"""


def test_the_fonts_have_the_letters_of_all_formulas():
    """Cut down, they still have what the styles of some page draw with them."""
    fonts = [TTFont(font) for font in (HTML / "_static" / "fonts").glob("*.woff2")]
    letters = {code for font in fonts for code in font.getBestCmap()}
    for page in HTML.rglob("*.html"):
        drawn = re.findall(r'mjx-c[^{}]*\{[^{}"]*content: "(.*?)";', page.read_text(encoding="utf-8"))
        codes = {int(code, 16) for code in re.findall(r"\\([0-9A-F]{2,})", " ".join(drawn))}
        codes |= {ord(text[-1]) for text in drawn if text and len(text) < 3}
        assert codes <= letters, (page, codes - letters)
    assert len(letters) > 100


def test_from_a_folder_all_is_as_from_a_server(folder):
    """Formulas, sliders, slides, search and laboratory, with no address but the folder's."""
    page = settled(folder.open("book/setting.html"))
    assert page.locator("mjx-c").count() > 1000
    assert page.evaluate(CUT) == []
    explorer = page.query_selector(".explorer")
    before = shown(explorer)
    explorer.query_selector("input").focus()
    page.keyboard.press("ArrowRight")
    changes(page, explorer, before)
    page.goto(f"{folder.site}/book/setting-slides.html")
    page.wait_for_function("window.deck?.isReady()")
    assert page.evaluate(CUT) == []
    page.goto(f"{folder.site}/book/laboratory.html?depth=2&rate=0.1")
    page.locator(".lab-run").click()
    page.get_by_text("it has learned").wait_for()
    page.locator("a.laboratory").first.click()
    folder.leave(page)
    page = folder.open("search.html?q=sharpness")
    page.locator("#search-results li a[href*='flatness']").first.wait_for()
    folder.leave(page)


@every_page
def test_no_browser_does_what_the_build_did(name):
    """Formulas are set, there is no manager of widgets, and nothing is named that is not here."""
    text = (HTML / name).read_text(encoding="utf-8")
    assert not [script for script in ("tex-chtml.js", "widget-state", "fontawesome.js") if script in text]
    assert not re.findall(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//[^"]*"', text)
    # Addresses of the page itself are for others, who show what a link leads to.
    links = re.findall(r"<link [^>]*>", text)
    assert not [
        link for link in links if re.search(r'href="(?:https?:)?//', link) and "canonical" not in link
    ]


@pytest.mark.parametrize(
    ("formula", "trouble"),
    [
        (r"\frac{1 &lt; 2", "Missing close brace: \\frac{1 < 2"),
        (r"\Xx", "Undefined control sequence \\Xx: \\Xx"),
        (r"\newcommand{\a}{b}\a", "Undefined control sequence \\newcommand"),
    ],
)
def test_a_formula_that_cannot_be_set_is_named(tmp_path, formula, trouble):
    page = tmp_path / "page.html"
    page.write_text(rf'<head></head><span class="math notranslate">\({formula}\)</span>')
    run = subprocess.run(
        [scripts.NODE, COPIES.parent / "typeset.mjs", tmp_path],
        input=str(page),
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert f"{page}: {trouble}" in run.stderr


def test_a_symbol_says_what_it_means(read):
    """Where the pointer is; not where a proof or an exercise may mean something else."""
    page = read("book/largest-learning-rate.html", viewport=DESKTOP)
    page.locator(r".symbol[data-tex='S_{\\min}']").first.hover()
    page.locator(".tip:visible", has_text="least sharpness of any minimiser").wait_for()
    assert page.locator(".tip mjx-container").count() == 2
    page.keyboard.press("Escape")
    page.locator(".tip").wait_for(state="hidden")
    page.locator(".symbol[data-tex='p']").first.hover()
    page.locator(".tip:visible", has_text="fixed readout").wait_for()
    page.mouse.move(0, 0)
    page.locator(".tip").wait_for(state="hidden")
    assert page.locator("details.sd-dropdown .symbol, .exercise .symbol").count() == 0


def test_what_is_copied_has_its_formulas(read):
    page = read("book/setting.html")
    page.evaluate(
        """() => {
          const [range, theorem] = [document.createRange(), document.getElementById("thm-conservation")];
          range.selectNode(theorem);
          getSelection().addRange(range);
          addEventListener("copy", (event) => (window.copied = event.clipboardData.getData("text/plain")));
        }"""
    )
    page.keyboard.press("Control+C")
    copied = page.evaluate("copied")
    assert "Theorem 1.5 (Conservation of the imbalances)" in copied
    assert "$$D_k(t) = D_k(0)" in copied
    assert copied.count("$") % 2 == 0


def test_the_map_leads_to_sessions_in_their_order(read):
    """A session that is new may not be on it yet."""
    page = read("book/intro.html", viewport=PHONE)
    boxes = page.locator("svg.map a")
    assert page.locator("a svg.map").count() == 0
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    (sessions,) = (part["chapters"] for part in contents["parts"] if part.get("caption") == "Sessions")
    listed = [f"{session['file'].removeprefix('book/')}.html" for session in sessions]
    shown = [box.get_attribute("href") for box in boxes.all()]
    assert shown == [session for session in listed if session in shown]
    assert len(shown) > 1
    page.locator("svg.map a[href='imbalance.html']").click()
    page.wait_for_url("**/imbalance.html")


def test_the_page_of_claims_has_them_all(read):
    """Each statement once, with the numbers that its cells print."""
    page = read("book/claims.html")
    found = dict(
        page.locator("table.claims td:first-child a").evaluate_all("all => all.map((a) => [a.hash, a.text])")
    )
    rows = [
        "\t".join(row.locator("td").all_inner_texts()) for row in page.locator("table.claims tbody tr").all()
    ]
    for path in (ROOT / "book").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        stated = set(re.findall(r"^:label: ((?:thm|prop|lem|cor)-\S+)", text, flags=re.MULTILINE))
        assert {f"#{label}" for label in stated} <= found.keys()
    assert all(
        re.match(r"(Theorem|Proposition|Lemma|Corollary) \d+\.\d+ \(", name) for name in found.values()
    )
    assert any(row.endswith("slope of the risk\t-3.892\t= -3.892\t1.00") for row in rows)


def test_the_guides_say_what_is_so(read):
    """The plan of a term has the times of pages and assignments, the student's guide the library."""
    rows = [row.locator("td").all() for row in read("book/teaching.html").locator("tbody tr").all()]
    plan = {row[1].locator("a").get_attribute("href"): row for row in rows if row[1].locator("a").count()}
    assert len(plan) == len(list((ROOT / "assignments").glob("*.ipynb"))) == 8
    for page, row in plan.items():
        (said,) = re.findall(
            r'class="reading-time">(\d+) minutes to read, (\d+)', (HTML / "book" / page).read_text()
        )
        assert row[2].inner_text() == " to ".join(said)
        about = nbformat.read(ROOT / "assignments" / page.replace(".html", ".ipynb"), as_version=4).metadata
        assert [row[4].inner_text(), row[5].inner_text()] == [
            str(about.assignment[key]) for key in ("number", "minutes")
        ]
    (wheel,) = (HTML / "notebooks").glob("*.whl")
    assert f"/raw/notebooks/{wheel.name}" in read("book/studying.html").locator("article").inner_text()


def test_there_is_an_explorer():
    assert "book/setting.html" in explorers()


def test_a_tab_that_crashed_with_nothing_on_it_is_replaced(reader):
    reader.leave(page := reader.open("book/setting.html"))
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")
    reader.leave(reader.open("book/setting.html"))


def test_dark_mode_is_dark(read):
    page = read("book/notation.html", color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("balancedness+conservation", "setting.html#"),
        ("gradient_flow", "api/dynamics"),
        ("sharpness", "api/flatness"),
        ("Lojasiewicz", "small-initialization.html#"),
        ("%C5%81ojasiewicz", "small-initialization.html#"),
        ("minimizer", "minimizer.html"),
        ("factorizing", "imbalance.html#"),
    ],
)
def test_search_finds(read, words, found):
    page = read(f"search.html?q={words}")
    link = page.locator(f"#search-results li a[href*='{found}']").first
    link.wait_for()
    link.click()
    page.wait_for_url(f"**/*{found}*")
    page.evaluate("localStorage.clear()")  # or the next page would mark the words


def test_what_is_found_is_the_section_that_has_the_words(read):
    page = read("search.html?q=orthogonal+preconditioner")
    link = page.locator("#search-results li a[href*='acceleration.html#']").first
    link.wait_for()
    link.click()
    page.wait_for_url("**/acceleration.html#*")
    assert "precondition" in page.locator("section:target").text_content().lower()
    page.evaluate("localStorage.clear()")


# Where a reader is when nothing moves any more: whether the target is in the window, below the bar.
ARRIVED = """async (id) => {
  const still = () => new Promise((resolve) => {
    let [last, times] = [NaN, 0];
    const look = () => {
      times = scrollY === last ? times + 1 : 0;
      last = scrollY;
      times < 6 ? setTimeout(look, 25) : resolve();
    };
    look();
  });
  await document.fonts.ready;
  await still();
  const { top, bottom } = document.getElementById(id).getBoundingClientRect();
  return [top >= -1 && top < innerHeight - 20, Math.round(top), Math.round(bottom), innerHeight];
}"""
FRAGMENT = re.compile(r'id="((?:thm|prop|lem|cor|ex|fig|sol|check)-[\w-]+|exercises|summary)"')


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", [name for name in PAGES if name in explorers()])
def test_links_arrive(reader, name, viewport):
    """With the default motion: an address, clicks, going back and forward, coming back."""
    anchors = FRAGMENT.findall((HTML / name).read_text(encoding="utf-8"))
    # The last of each kind has most of the page above it.
    kinds = {anchor.partition("-")[0]: anchor for anchor in anchors}
    first, second, third = kinds["thm"], kinds["sol"], kinds["check"]
    page = reader.open(f"{name}#{first}", viewport=viewport)

    def arrived(anchor, how):
        found = page.evaluate(ARRIVED, anchor)
        assert found[0], (how, anchor, found)

    def click(anchor):
        page.evaluate(
            """(anchor) => Object.assign(document.body.appendChild(document.createElement("a")),
              { href: `#${anchor}` }).click()""",
            anchor,
        )

    arrived(first, "address")
    click(second)
    arrived(second, "click")
    page.go_back()
    arrived(first, "back")
    page.go_forward()
    arrived(second, "forward")
    click(third)
    arrived(third, "click")
    before = third
    page.goto(f"{reader.site}/book/notation.html")
    page.go_back()
    arrived(before, "return")
    # What was unfolded still is, or all below it would have moved.
    assert page.evaluate("(id) => document.getElementById(id).closest('details').open", third)
    # At once, before what is far from the screen has a height.
    page.goto(f"{reader.site}/{name}?again", wait_until="domcontentloaded")
    page.evaluate("document.querySelector('a[href=\"#exercises\"]').click()")
    arrived("exercises", "click at once")
    reader.leave(page)


@pytest.mark.parametrize(
    ("name", "anchor"),
    [("setting", "sol-decay"), ("imbalance", "sol-push"), ("imbalance", "check-thm-chain")],
)
def test_an_address_opens_what_is_folded(read, name, anchor):
    """A solution and a check, as a proof; so does what a browser finds in the page."""
    page = read(f"book/{name}.html#{anchor}")
    page.wait_for_function("(id) => document.getElementById(id).closest('details').open", arg=anchor)


def test_what_a_browser_finds_in_a_solution_is_shown(read):
    """An address that names words does what its search does."""
    page = read("book/setting.html#:~:text=the%20flow%20enters%20the%20positive%20quadrant")
    solution = page.locator("details.solution", has_text="the flow enters the positive quadrant")
    page.wait_for_function("(solution) => solution.open", arg=solution.element_handle())
    assert solution.locator("summary").first.inner_text().startswith("Solution to Exercise 1.1 (")


def test_with_storage_blocked_all_works_and_nothing_is_remembered(reader):
    """As where a reader blocks cookies: whatever asks for the storage gets an error."""
    window = reader.window.browser.new_context(viewport=DESKTOP)
    window.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
          Object.defineProperty(window, name, {
            configurable: true, get() { throw new DOMException("blocked", "SecurityError"); } });
        }"""
    )
    hers = Reader(window, reader.site)
    page = hers.open("search.html?q=sharpness")
    page.locator("#search-results li a[href*='flatness']").first.wait_for()
    page = hers.open("book/setting.html")
    assert page.evaluate("localStorage.getItem('mode')") != "dark"
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input").wait_for()
    page.keyboard.press("Escape")
    before = page.locator("html").get_attribute("data-mode")
    page.locator(".theme-switch-button").first.click()
    assert page.locator("html").get_attribute("data-mode") != before
    page.get_by_role("button", name="Unfold all").click()
    assert page.locator("details.check").first.evaluate("(check) => check.open")
    page = hers.open("book/laboratory.html?depth=2&rate=0.1")
    page.locator(".lab-run").click()
    page.get_by_text("it has learned").wait_for()
    for opened in hers.troubles:
        hers.leave(opened)
    window.close()


@pytest.mark.parametrize("name", ["search.html?q=sharpness", *PAGES])
def test_nothing_is_wider_than_a_narrow_window(read, name):
    page = read(name, viewport={"width": 320, "height": 640})
    if name.startswith("search"):
        page.locator("#search-results li").first.wait_for()
        page.evaluate("localStorage.clear()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_copied_code_has_no_prompts_and_no_outputs(read):
    """On the pages of the library, whose examples are those of a session at the keyboard."""
    page = read("book/api/networks.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    example = page.locator("div.highlight:has(.gp)").first
    shown = example.locator("pre").inner_text()
    example.hover()
    example.locator("button.copybtn").click()
    page.wait_for_timeout(200)
    copied = page.evaluate("navigator.clipboard.readText()")
    wanted = [line[4:] for line in shown.splitlines() if line.startswith((">>> ", "... "))]
    assert copied.splitlines() == wanted
    assert len(wanted) < len(shown.splitlines())


def test_in_forced_colours_a_slider_keeps_its_track(read):
    page = read("book/setting.html")
    slider = page.locator(".explorer input").first
    slider.scroll_into_view_if_needed()
    page.emulate_media(forced_colors="active")
    pixels = slider.screenshot()
    page.emulate_media(forced_colors="none")
    # Drawn by the browser itself, of which nothing is taken away.
    assert slider.evaluate("(input) => getComputedStyle(input).appearance") == "auto"
    assert len(set(pixels)) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_searched_for_can_be_read(read, scheme):
    page = read("search.html?q=sharpness", color_scheme=scheme)
    page.locator("#search-results li a[href*='api/experiments']").first.click()
    page.locator("span.highlighted").first.wait_for(state="attached")
    assert settled(page).locator(f"html[data-theme={scheme}]").count() == 1
    page.add_script_tag(path=COPIES / "axe-core" / "axe.min.js")
    checked = page.evaluate("(colours) => axe.run('span.highlighted', { runOnly: colours })", COLOURS)
    assert checked["passes"]
    assert [node["target"] for rule in checked["violations"] for node in rule["nodes"]] == []


@every_page
def test_pages_are_light(name):
    """What a reader loads of a page itself; a server sends it compressed."""
    size = len((HTML / name).read_bytes())
    assert size < 5e6, f"a page has at most 5 MB, this one {size / 1e6:.1f}: fewer frames, or lighter ones"


THEOREM = ":::{prf:theorem}\n:label: thm-%s\n\n$A$.\n:::\n"


def test_a_small_book_of_a_fork(tmp_path):
    """Its buttons point at the fork, as its CI says; a page that quotes a number follows it."""
    (tmp_path / "book").mkdir()
    files = (
        "_config.yml",
        "requirements.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "book/references.bib",
    )
    without_packages = partial(shutil.copytree, ignore=shutil.ignore_patterns("node_modules"))
    for name in (*files, "dlnlab", "tools", "binder", "book/_static", "book/_templates"):
        copy = without_packages if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "tools" / "npm" / "node_modules").symlink_to(COPIES)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- numbered: true\n  chapters:\n  - file: book/chapter\n"
        "- chapters:\n  - file: book/quoting\n"
    )
    # The first page is always written again with those that it lists: another one quotes.
    (tmp_path / "book" / "intro.md").write_text("# Course\n")
    (tmp_path / "book" / "quoting.md").write_text("# Notes\n\nAs {prf:ref}`thm-quoted` says.\n")
    fork = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "someone/course",
        "GITHUB_REF_NAME": "spring",
    }

    def run():
        command = [sys.executable, tmp_path / "tools" / "build_book.py"]
        subprocess.run(command, env={**os.environ, **fork}, cwd=tmp_path, check=True, capture_output=True)

    def built(*theorems):
        text = f"# Chapter\n\n{''.join(THEOREM % name for name in theorems)}"
        cells = [
            nbformat.v4.new_markdown_cell(text, id="text"),
            nbformat.v4.new_code_cell("1 + 1", id="code"),
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(notebook, tmp_path / "book" / "chapter.ipynb")
        run()
        pages = tmp_path / "_build" / "html" / "book"
        return [(pages / f"{name}.html").read_text(encoding="utf-8") for name in ("quoting", "chapter")]

    quoting, chapter = built("quoted")
    assert "https://mybinder.org/v2/gh/someone/course/notebooks?urlpath=lab/tree/chapter.ipynb" in chapter
    assert "https://colab.research.google.com/github/someone/course/blob/notebooks/chapter.ipynb" in chapter
    assert "https://github.com/someone/course/issues/new" in chapter
    assert "Theorem 1.1" in quoting
    assert 'data-tex="A"><mjx-container' in chapter
    site = "https://someone.github.io/course/"
    assert f'<meta property="og:url" content="{site}book/chapter.html" />' in chapter
    assert f'<meta property="og:image" content="{site}_static/explorer.png" />' in chapter
    assert f"url = {{{site}book/chapter.html}}" in chapter
    sitemap = (tmp_path / "_build" / "html" / "sitemap.xml").read_text(encoding="utf-8")
    assert re.findall("<loc>(.*?)</loc>", sitemap) == [
        f"{site}{page}.html" for page in ("book/chapter", "book/intro", "book/quoting")
    ]
    lost = (tmp_path / "_build" / "html" / "404.html").read_text(encoding="utf-8")
    assert 'href="/course/_static/styles/theme.css' in lost
    assert 'href="/course/book/chapter.html"' in lost
    plain = tmp_path / "_build" / "html" / "notebooks"
    first = {path.name: path.read_bytes() for path in plain.iterdir() if path.is_file()}
    assert {"chapter.ipynb"} < first.keys()
    assert b"https://someone.github.io/course/book/chapter.html" in first["chapter.ipynb"]
    assert b"https://github.com/someone/course/raw/notebooks/dlnlab-" in first["chapter.ipynb"]
    assert "Theorem 1.2" in built("before", "quoted")[0]
    # The same source gives the same bytes.
    shutil.rmtree(plain)
    built("quoted")
    assert {path.name: path.read_bytes() for path in plain.iterdir() if path.is_file()} == first
    # Of a chapter that is gone nothing stays.
    (tmp_path / "book" / "chapter.ipynb").rename(tmp_path / "book" / "renamed.ipynb")
    contents = tmp_path / "_toc.yml"
    contents.write_text(contents.read_text().replace("book/chapter", "book/renamed"))
    run()
    left = {path.stem for path in (tmp_path / "_build" / "html").rglob("*.*")}
    assert "renamed" in left
    assert not {name for name in left if name.startswith("chapter")}


# At the end: the functions above are one scope of a parallel run, the longest, which should begin first.
for name in PAGES:
    kinds = (ChapterElsewhere, Chapter) if name in explorers() else (Phone, Page)
    title = "".join(part.capitalize() for part in re.findall(r"\w+", name.removesuffix(".html")))
    globals()[f"Test{title}"] = type(f"Test{title}", (Barriers, *kinds), {"name": name})
