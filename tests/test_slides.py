"""The decks of the sessions, gone through in Chromium."""

import re

import pytest
from browser import COPIES, HTML, launched, open_page, require_browser, served

require_browser()

DECKS = sorted(path.name for path in (HTML / "book").glob("*-slides.html"))
SCREEN = {"width": 1280, "height": 720}


@pytest.fixture(scope="module")
def opened():
    """Open decks; at the end nothing has gone wrong on them."""
    with served() as site, launched() as window:
        troubles = []

        def read(name, **options):
            page, wrong = open_page(window, f"{site}/book/{name}", viewport=SCREEN, **options)
            troubles.append(wrong)
            page.wait_for_function("window.deck?.isReady()")
            return page

        yield read
    assert not any(troubles)


def test_every_session_has_a_deck():
    sessions = {path.stem for path in (HTML / "notebooks").glob("*.ipynb")}
    assert {name.removesuffix("-slides.html") for name in DECKS} == sessions


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_has_what_its_page_has_and_all_of_it_fits(opened, name):
    page = opened(name)
    chapter = (HTML / "book" / name.replace("-slides", "")).read_text(encoding="utf-8")
    body = chapter.split('<section id="exercises">')[0]
    stated = re.findall(r'id="((?:thm|prop|lem|cor|def)-[\w-]+)"', body)
    assert page.locator("div.proof").count() == len(stated) > 5
    assert page.locator("figure").count() == len(re.findall(r"<figure class=[^>]*id=\"fig-", body))
    assert page.locator(".dlnlab-explorer").count() == chapter.count("widget-view+json")
    assert page.locator("section blockquote").count() >= 1
    assert page.locator("section:last-child li").count() >= 3  # the summary
    assert page.get_by_text(r"\(").count() == 0
    too_large = []
    for i in range(page.evaluate("deck.getTotalSlides()")):
        page.evaluate("i => deck.slide(i)", i)
        page.evaluate("() => document.fonts.ready")
        page.evaluate(
            "() => Promise.all([...deck.getCurrentSlide().querySelectorAll('img')].map((i) => i.decode()))"
        )
        height, size = page.evaluate(
            "() => [deck.getCurrentSlide().scrollHeight, parseFloat(deck.getCurrentSlide().style.fontSize)]"
        )
        if height > SCREEN["height"] or size < 50:
            too_large.append((i, height, size))
    page.close()
    assert too_large == []


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
    page.locator("section.present .noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(alt) => document.querySelector('section.present .dlnlab-explorer img')?.alt !== alt", arg=before
    )
    assert page.evaluate("deck.getIndices().h") == here
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_deck_can_be_read(opened, scheme):
    page = opened("imbalance-slides.html#/4", color_scheme=scheme)
    page.add_script_tag(path=COPIES / "axe-core" / "axe.min.js")
    found = page.evaluate("async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa'] })).violations")
    page.close()
    assert [(v["id"], [node["target"] for node in v["nodes"]][:3]) for v in found] == []
