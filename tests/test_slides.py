"""The decks of the sessions, gone through in Chromium."""

import re

import pytest
from browser import COPIES, DESKTOP, HTML, require_browser

require_browser()

DECKS = sorted(path.name for path in (HTML / "book").glob("*-slides.html"))


@pytest.fixture
def opened(visit):
    """Open decks."""

    def read(name, **options):
        page = visit(f"book/{name}", **options)
        page.wait_for_function("window.deck?.isReady()")
        return page

    return read


def test_every_session_has_a_deck():
    sessions = {path.stem for path in (HTML / "notebooks").glob("*.ipynb")}
    assert {name.removesuffix("-slides.html") for name in DECKS} == sessions


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_has_what_its_page_has_and_all_of_it_fits(opened, name):
    page = opened(name)
    chapter = (HTML / "book" / name.replace("-slides", "")).read_text(encoding="utf-8")
    body = chapter.split('<section id="exercises">')[0]
    stated = re.findall(r'id="((?:thm|prop|lem|cor|def)-[\w-]+)"', body)
    assert page.locator("div.proof").count() == len(stated) >= 1
    assert page.locator("figure").count() == len(re.findall(r"<figure class=[^>]*id=\"fig-", body))
    assert page.locator(".dlnlab-explorer").count() == chapter.count('<div class="explorer"')
    assert page.locator("section blockquote").count() >= 1
    summary = chapter.split('<section id="summary">')[1].split("</section>")[0]
    assert page.locator("section:last-child li").count() == summary.count("<li>") >= 1
    assert page.get_by_text(r"\(").count() == 0
    sizes = page.evaluate(
        """async () => {
          const sizes = [];
          for (let i = 0; i < deck.getTotalSlides(); i++) {
            deck.slide(i);
            const slide = deck.getCurrentSlide();
            await document.fonts.ready;
            await Promise.all([...slide.querySelectorAll("img")].map((image) => image.decode()));
            sizes.push([slide.scrollHeight, parseFloat(slide.style.fontSize)]);
          }
          return sizes;
        }"""
    )
    assert len(sizes) > len(stated)
    assert [(i, *size) for i, size in enumerate(sizes) if size[0] > DESKTOP["height"] or size[1] < 50] == []


def test_keys_turn_the_pages_and_move_the_sliders(opened):
    page = opened("setting-slides.html")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("deck.getIndices().h") == 1
    page.evaluate(
        "deck.slide([...document.querySelectorAll('section')].indexOf("
        "document.querySelector('section:has(.dlnlab-explorer)')))"
    )
    here = page.evaluate("deck.getIndices().h")
    picture = page.locator("section.present .dlnlab-explorer img")
    before = picture.get_attribute("alt")
    page.locator("section.present .explorer input").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(alt) => document.querySelector('section.present .dlnlab-explorer img')?.alt !== alt", arg=before
    )
    assert page.evaluate("deck.getIndices().h") == here


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_deck_can_be_read(opened, scheme):
    page = opened("imbalance-slides.html#/4", color_scheme=scheme)
    page.add_script_tag(path=COPIES / "axe-core" / "axe.min.js")
    found = page.evaluate("async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa'] })).violations")
    assert [(v["id"], [node["target"] for node in v["nodes"]][:3]) for v in found] == []
