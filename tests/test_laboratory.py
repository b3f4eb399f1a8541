"""The laboratory in a page: its engine against the library, its controls, its address."""

import re
import subprocess
from urllib.parse import parse_qsl

import numpy as np
import pytest
import scripts
from browser import COPIES, ROOT, require_browser

import dlnlab as dl
from dlnlab.book import laboratory

require_browser()

PAGE = "book/laboratory.html"
STATIC = ROOT / "dlnlab" / "book" / "static"


@pytest.fixture
def opened(visit):
    """Open the page with settings; nothing is kept of what another test collected in the same tab."""
    pages = []

    def read(query="", **options):
        page = visit(f"{PAGE}?{query}", **options)
        page.locator(".dlnlab-lab").wait_for()
        pages.append(page)
        return page

    yield read
    for page in pages:
        page.evaluate("sessionStorage.clear()")


def settings(n):
    """Draw settings of all kinds, with learning rates up to twice the critical one."""
    rng = np.random.default_rng(2024)
    names = list(laboratory.tasks())
    for _ in range(n):
        name, depth = names[rng.integers(len(names))], int(rng.integers(1, 13))
        task = laboratory.tasks()[name]
        # Of a completion none is known; its singular values are at most one, as if it were one number.
        one_output = isinstance(task, dl.Regression)
        critical = dl.critical_learning_rate(task, depth) if one_output else 1 / depth
        yield {
            "task": name,
            "depth": depth,
            "width": int(rng.integers(1, 11)),
            "start": laboratory.STARTS[rng.integers(4)],
            "scale": float(10 ** rng.uniform(-1.5, 0.3)),
            "rate": float(np.clip(critical * 10 ** rng.uniform(-1.5, 0.3), 1e-4, 3)),
            "noise": 0,
            "seed": int(rng.integers(100)),
        }


TRAIN = """([tasks, settings]) => settings.map((setting) => {
  const { draw, Network, sharpnessOfMinima, singularValues } = laboratory;
  const task = tasks[setting.task];
  const { layers, readouts } = draw(task, setting);
  const network = new Network(task, layers, readouts);
  const numbers = () => network.layers.map(({ data }) => [...data]);
  const start = numbers(), first = network.sharpness();
  let diverged = false, steps = 0, before = start;
  for (; steps < 500 && !diverged; steps++) {
    before = numbers();
    network.step(setting.rate);
    diverged = !Number.isFinite(network.risk());
  }
  return { start, end: diverged ? before : numbers(), diverged, first,
    last: diverged ? null : network.sharpness(), values: diverged ? null : singularValues(network.matrix()),
    risk: network.risk(), ...(task.mask ? {} : sharpnessOfMinima(task.outputs[0], setting.depth)) };
})"""


def sharpness(weights, task, readout):
    if isinstance(task, dl.Regression):
        return dl.sharpness(weights, task, readout)
    return np.linalg.eigvalsh(dl.hessian(weights, task))[-1]


def distance(some, others):
    size = np.sqrt(sum(np.sum(W**2) for W in some))
    return np.sqrt(sum(np.sum((W - V) ** 2) for W, V in zip(some, others, strict=True))) / size


def test_the_engine_is_the_library(opened):
    """Over 200 settings: starts, 500 steps, divergence, sharpness, S_min and S_bal, singular values.

    Where a run is chaotic, so that a change of the start in the last digit changes its end, no two programs
    agree; there they may differ by as much as the library does from itself.
    """
    page = opened()
    tasks, some = laboratory.tasks(), list(settings(200))
    found = page.evaluate(TRAIN, [{name: laboratory.sent(task) for name, task in tasks.items()}, some])
    chaotic = diverged = completions = 0
    for setting, result in zip(some, found, strict=True):
        task, rate = tasks[setting["task"]], setting["rate"]
        arguments = {name: setting[name] for name in ("depth", "width", "start", "scale", "seed")}
        start, readout = dl.Laboratory(setting["task"], **arguments).drawn()
        shaped = [
            [np.reshape(part, W.shape) for part, W in zip(result[name], start, strict=True)]
            for name in ("start", "end")
        ]
        assert distance(start, shaped[0]) < 1e-14, setting
        path = dl.gradient_descent(shaped[0], task, rate, 500, readout=readout, record_every=500)
        assert bool(path.diverged) == result["diverged"], setting
        diverged += result["diverged"]
        end = [W[-1] for W in path.weights]
        # The last weights of finite loss may be a step apart: the losses overflow in different sums.
        if not result["diverged"] and distance(end, shaped[1]) > 1e-9:
            nudged = [W * (1 + 2e-16 * np.random.default_rng(1).standard_normal(W.shape)) for W in start]
            again = dl.gradient_descent(nudged, task, rate, 500, readout=readout, record_every=500)
            assert distance(end, shaped[1]) < 100 * distance(end, [W[-1] for W in again.weights]), setting
            chaotic += 1
        for name, weights in (("first", shaped[0]), ("last", shaped[1])):
            if result[name] is not None:
                assert result[name] == pytest.approx(sharpness(weights, task, readout), rel=1e-6), setting
        if result["values"] is not None:
            W = dl.end_to_end(shaped[1] if readout is None else [*shaped[1], readout[None]])
            values = np.linalg.svd(W, compute_uv=False)
            np.testing.assert_allclose(result["values"], values, atol=1e-14 * values[0], err_msg=setting)
        if isinstance(task, dl.Completion):
            completions += 1
            assert result["diverged"] or result["risk"] == pytest.approx(task.value(W), rel=1e-10, abs=1e-25)
            continue
        least = dl.minimal_sharpness(task, setting["depth"])
        assert result["minimal"] == pytest.approx(least, rel=1e-8), setting
        balanced = dl.balanced_sharpness(task, setting["depth"])
        assert result["balanced"] == pytest.approx(balanced, rel=1e-8), setting
    assert chaotic < 20
    assert 0 < diverged < 100
    assert completions > 40


def said(page):
    return page.locator(".lab-said").inner_text()


def ran(page):
    """Run to the end; return what is said then."""
    page.locator(".lab-run").click()
    page.wait_for_function("document.querySelector('.lab-run').textContent === 'Run'", timeout=60_000)
    return said(page)


SLOW = "task=completion&depth=3&scale=0.03&rate=0.3"
AWAY = "task=corner&depth=2&start=balanced&scale=0.1&rate=0.2"
# What the text says of the steps, and of the hidden entries, if there are some.
LEARNED = {
    "depth=5&rate=0.15": ["in 35 steps"],
    **{
        f"task=stiff&depth={depth}&start=balanced&scale={scale}&rate=1.5": [words]
        for scale, words in ((0.8, "they take 269, 153 and 155 steps"), (0.2, "they take 278, 247 and 541"))
        for depth in (1, 3, 4)
    },
    **{
        f"task=scalar&depth={depth}&width=1&start=balanced&scale=0.05&rate=0.1": ["40, 112 and 1012 steps"]
        for depth in (2, 3, 4)
    },
    "task=completion&depth=1&scale=0.03&rate=0.3": ["in 33 steps", "with an error of 0.98"],
    "task=completion&depth=2&scale=0.03&rate=0.3": ["in 5771 steps", "with 0.69"],
    "task=completion&depth=3&scale=0.3&rate=0.3": ["in 374 steps", "an error of 1.23"],
    "task=corner&depth=2&scale=0.1&rate=0.1": ["in 116 steps", "1.06"],
}


def test_each_link_of_the_page_shows_what_the_text_says(opened):
    """The numbers of steps in the guided experiments, and of errors, are those of the runs."""
    page = opened()
    links = page.locator("a.laboratory").evaluate_all("all => all.map((a) => a.href.split('?')[1])")
    text, site = page.locator("article").text_content(), page.url.split("?")[0]
    for query, told in LEARNED.items():
        assert query in links
        page.goto(f"{site}?{query}", wait_until="load")
        page.locator("select").nth(2).select_option("1000")
        words = ran(page)
        assert "it has learned" in words, query
        assert re.search(rf"\b{words.split('After ')[1].split()[0]}\b", told[0]), (query, words)
        if len(told) > 1:
            missed = float(words.rstrip(".").rsplit(" ", 1)[1])
            assert told[1].endswith(f"{missed:.2f}"), (query, words)
        assert all(part in text for part in told), told


def test_three_layers_still_learn_when_the_text_says_so(opened):
    page = opened(SLOW)
    page.locator("select").nth(2).select_option("1000")
    words = ran(page)
    assert "After 50000 steps it learns; excess risk 8.1e-9" in words
    assert "error at hidden entries 0.192" in words
    task, truth = laboratory.tasks()["completion"], laboratory.rank_two()[0]
    penalties = np.linalg.norm(task.values) * np.geomspace(0.1, 1e-4, 8)
    rival = (dl.nuclear_completion(task, penalties)[-1] - truth)[~task.mask]
    assert np.linalg.norm(rival) / np.linalg.norm(truth[~task.mask]) == pytest.approx(0.81, abs=0.005)


def test_the_sliders_and_the_address_are_one(opened):
    page = opened("depth=4&rate=0.02&task=diabetes&start=balanced")
    values = page.locator(".dlnlab-lab output").all_inner_texts()
    assert values == ["4", "5", "0.3", "0.02", "0", "0"]
    page.get_by_role("slider", name="depth").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("slider", name="learning rate").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("select").first.select_option("gaussian")
    query = dict(parse_qsl(page.evaluate("location.search.slice(1)")))
    assert query == {"depth": "5", "rate": "0.0195", "start": "balanced"}
    assert "Depth 5" in said(page)


@pytest.mark.parametrize(
    "query",
    [
        "depth=1e9&width=-3&rate=NaN&scale=Infinity&seed=0.5&noise=-1",
        "depth=&task=<script>alert(1)</script>&start=__proto__&at=1,2,3",
        "task=constructor&depth=2.7&rate=0&at=1e999,0&__proto__[x]=1&noise=1e308",
        "%00%ff=&&&==;depth=5;scale=%F0%9F%A4%96",
    ],
)
def test_a_hostile_address_is_brought_into_bounds(opened, query):
    page = opened(query)
    page.get_by_role("button", name="Step").click()
    assert "After 1 steps" in said(page)
    assert 1 <= int(page.locator(".dlnlab-lab output").first.inner_text()) <= 12


def test_runs_are_collected_compared_and_saved(opened):
    page = opened("depth=2&rate=0.1")
    assert "it has learned" in ran(page)
    assert page.locator(".lab-map circle").count() == 1
    page.get_by_role("slider", name="learning rate").fill(str(np.log10(3.0)))
    page.get_by_label("scale of the start").fill("0.5")
    assert "it diverges" in ran(page)
    page.get_by_role("slider", name="learning rate").fill(str(np.log10(0.55)))
    page.get_by_label("scale of the start").fill("-1")
    page.locator(".lab-run").click()
    page.wait_for_function("document.querySelector('.lab-said').textContent.includes('oscillates')")
    page.locator(".lab-run").click()
    page.get_by_role("button", name="Collect").click()
    assert [
        page.locator(f".lab-map svg {mark}").count() for mark in ("circle", "rect", "path[stroke-width]")
    ] == [1] * 3
    page.get_by_label("show the critical").check()
    assert page.locator(".lab-map .lab-critical").count() == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("task,depth,width,start,scale,rate")
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["learned", "diverged", "oscillates"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as SVG").click()
    assert download.value.path().read_text().startswith('<svg viewBox="0 0 420 300"')


def test_the_plane_takes_a_start_by_tap_and_by_keyboard(opened):
    page = opened("task=scalar&depth=2&width=1&rate=0.02")
    page.locator(".lab-plane svg").click(position={"x": 40, "y": 60})
    page.wait_for_function("document.querySelector('.lab-run').textContent === 'Run'")
    first, second = map(float, dict(parse_qsl(page.evaluate("location.search.slice(1)")))["at"].split(","))
    assert first < 0 < second
    page.get_by_label("w₁").fill("1.5")
    page.keyboard.press("Tab")
    assert page.evaluate("new URLSearchParams(location.search).get('at')").startswith("1.5,")
    page.get_by_role("slider", name="depth").focus()
    page.keyboard.press("ArrowRight")
    assert not page.locator(".lab-plane").is_visible()


def test_completion_shows_its_matrix_and_what_it_missed(opened):
    """What stands in the cells and in the sentence is what the library finds from the same start."""
    task, truth = laboratory.tasks()["completion"], laboratory.rank_two()[0]
    page = opened(SLOW)
    page.locator("select").nth(2).select_option("1000")
    for _ in range(20):
        page.get_by_role("button", name="Step").click()
    layers, readout = dl.Laboratory("completion", depth=3, scale=0.03).drawn()
    assert readout is None
    W = dl.end_to_end(dl.gradient_descent(layers, task, 0.3, 20, record_every=20).weights)[-1]
    opacity = page.locator(".lab-matrix rect[fill-opacity]").evaluate_all(
        "all => all.map((one) => Number(one.getAttribute('fill-opacity')))"
    )
    wanted = 0.6 * np.abs(W) / max(np.abs(W).max(), np.abs(truth).max())
    np.testing.assert_allclose(opacity, wanted.ravel(), atol=6e-4)
    assert page.locator(".lab-hidden").count() == 24
    error = np.linalg.norm((W - truth)[~task.mask]) / np.linalg.norm(truth[~task.mask])
    assert f"error at hidden entries {float(f'{error:.3g}'):g}" in said(page)
    names = page.locator(".lab-picture:visible").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-label'))"
    )
    values = np.linalg.svd(W, compute_uv=False)
    assert names[4].startswith(f"singular values over 20 steps, now {float(f'{values[0]:.3g}'):g}, ")
    assert page.get_by_role("slider", name="width").is_disabled()
    page.locator("select").first.select_option("scalar")
    assert not page.locator(".lab-matrix").is_visible()
    assert page.locator(".lab-picture:visible").count() == 4


def test_the_corner_does_what_the_text_says(opened):
    """Balanced layers drive the hidden entry away, until rounding breaks their symmetry; others learn."""
    page = opened(AWAY)
    steps = """([task, setting, count]) => {
      const { layers, readouts } = laboratory.draw(task, setting);
      const network = new laboratory.Network(task, layers, readouts);
      for (let i = 0; i < count; i++) network.step(0.2);
      return network.matrix().map((row) => [...row]);
    }"""
    corner = laboratory.tasks()["corner"]
    setting = {"depth": 2, "width": 5, "start": "balanced", "scale": 0.1, "seed": 0}
    sent = laboratory.sent(corner)
    assert page.evaluate(steps, [sent, setting, 500])[0][0] == pytest.approx(7.9, abs=0.05)
    assert np.linalg.det(page.evaluate(steps, [sent, setting, 1000])) < -1e-8
    assert "After 1534 steps it has learned; sharpness 9.44, size of hidden entries 9.01" in ran(page)
    start, _ = dl.Laboratory("corner", depth=2, start="balanced", scale=0.1).drawn()
    path = dl.gradient_descent(start, corner, 0.2, 3000, record_every=500)
    assert dl.end_to_end(path.weights)[1, 0, 0] == pytest.approx(7.9, abs=0.05)
    np.testing.assert_array_equal(path.weights[0][-1], path.weights[1][-1].T)
    assert path.loss[-1] > 1e-4
    start, _ = dl.Laboratory("corner", depth=2, scale=0.1).drawn()
    signs = np.linalg.det(dl.end_to_end(dl.gradient_descent(start, corner, 0.1, 10).weights))
    assert signs[0] > 0 > signs[-1]
    page.goto(page.url.split("?")[0] + "?task=corner&depth=2&scale=0.1&rate=0.1", wait_until="load")
    ran(page)
    numbers = page.locator(".lab-matrix text").all_text_contents()
    assert [round(float(x), 2) for x in numbers] == [-1.06, 1, 1, 0]
    assert page.locator(".lab-matrix circle").count() == 0


@pytest.mark.parametrize("task", ["diabetes", "completion"])
def test_noise_is_the_same_in_python(opened, task):
    page = opened(f"task={task}&depth=2&scale=0.3&rate=0.1&noise=0.5&seed=3")
    lab = dl.Laboratory(task, depth=2, scale=0.3, learning_rate=0.1, noise=0.5, seed=3)
    for _ in range(3):
        page.get_by_role("button", name="Step").click()
    lab.run(3)
    assert f"excess risk {float(f'{lab.history[-1][1]:.3g}'):g}" in said(page)


def test_weights_of_python_have_a_readout_of_one(opened):
    """What Python sends without a readout is an empty list."""
    page = opened()
    lab = dl.Laboratory(weights=[0.3 * np.ones((1, 5))], learning_rate=0.05)
    names = ["tasks", "task", "weights", "readout", *laboratory._BOUNDS, "start"]
    state = {name: getattr(lab, name) for name in names}
    page.evaluate(
        """(state) => {
          const place = document.body.appendChild(document.createElement("div"));
          place.id = "given";
          laboratory.onPage(place, state);
        }""",
        state,
    )
    page.locator("#given").get_by_role("button", name="Step").click()
    lab.run(1)
    risk = f"excess risk {float(f'{lab.history[-1][1]:.3g}'):g}"
    assert risk in page.locator("#given .lab-said").inner_text()


def test_a_change_of_task_changes_the_critical_curve_and_the_ghost(opened):
    page = opened("depth=2&rate=0.1")
    ran(page)
    page.get_by_label("show the critical").check()
    path = page.locator(".lab-critical").get_attribute("d")
    page.locator("select").first.select_option("stiff")
    assert page.locator(".lab-critical").get_attribute("d") != path
    page.locator("select").first.select_option("completion")
    assert page.locator(".lab-critical").count() == 0


def test_pictures_move_and_say_what_they_show(opened):
    page = opened("depth=3&rate=0.05")
    before = page.locator(".lab-pictures").screenshot()
    page.locator(".lab-run").click()
    page.wait_for_function("document.querySelector('.lab-run').textContent === 'Run'")
    assert page.locator(".lab-pictures").screenshot() != before
    names = page.locator(".lab-picture:visible").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-label'))"
    )
    assert [name.split(" over ")[0] for name in names] == [
        "excess risk",
        "sharpness",
        "norms of the layers",
        "norms of the imbalances",
    ]
    assert "2 / rate at 40" not in names[1]  # far above the curve
    assert "least at" in names[1]


@pytest.mark.parametrize("width", [390, 820, 1100, 1400])
def test_controls_keep_to_their_places(opened, width):
    page = opened("task=stiff", viewport={"width": width, "height": 800})
    wide = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText)"
    assert page.locator(".lab-control").evaluate_all(wide) == []


def test_with_reduced_motion_it_is_drawn_twice_a_second(opened):
    count = """() => new Promise((resolve) => {
      let drawn = 0;
      const plane = document.querySelector(".lab-plane svg");
      new MutationObserver(() => drawn++).observe(plane, { childList: true });
      document.querySelector(".lab-run").click();
      setTimeout(() => resolve(drawn), 2000);
    })"""
    query = "task=scalar&depth=2&width=1&rate=0.0001&scale=0.01"
    moving, still = (
        opened(query, reduced_motion=motion).evaluate(count) for motion in ("no-preference", "reduce")
    )
    assert still <= 8 < 20 < moving


def test_the_bundle_is_that_of_its_source(tmp_path):
    """`make laboratory` gives the files of the library, byte for byte."""
    make = ["make", "-C", ROOT, "laboratory", f"OUTFILE={tmp_path / 'laboratory.js'}"]
    subprocess.run(make, check=True, capture_output=True)
    for name in ("laboratory.js", "laboratory.css"):
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes(), "run make laboratory"


def test_links_of_the_page_set_the_controls_and_keep_what_was_collected(opened):
    """Without a reload; going back too; and who leaves the page and comes back finds the runs."""
    page = opened("depth=2&rate=0.1")
    assert "it has learned" in ran(page)
    page.evaluate("window.same = true")
    page.locator("a.laboratory", has_text="0.2").first.click()
    assert page.locator(".dlnlab-lab output").first.inner_text() == "5"
    assert dict(parse_qsl(page.evaluate("location.search.slice(1)"))) == {"depth": "5", "rate": "0.2"}
    top = page.locator(".dlnlab-lab").bounding_box()["y"]
    assert 0 <= top < page.viewport_size["height"] / 2
    assert page.evaluate("window.same")
    assert page.locator(".lab-map circle").count() == 1
    page.go_back()
    assert page.locator(".dlnlab-lab output").first.inner_text() == "2"
    page.goto(page.url.replace("laboratory", "setting"))
    page.goto(page.url.replace("setting", "laboratory"))
    assert page.locator(".lab-map circle").count() == 1
    page.get_by_role("button", name="Clear").click()
    page.reload()
    page.locator(".lab-run").wait_for()
    assert page.locator(".lab-map circle").count() == 0


def test_the_engine_is_short_and_types_hold():
    """Those that comments declare, in all but the module that makes the controls."""
    folder = ROOT / "tools" / "npm" / "laboratory"
    assert len((folder / "engine.mjs").read_text(encoding="utf-8").splitlines()) < 400
    modules = [folder / f"{name}.mjs" for name in ("engine", "spectra", "settings", "run", "pictures")]
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022", "--module", "es2022"]
    options += ["--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable", "--skipLibCheck"]
    command = [scripts.NODE, COPIES / "typescript" / "bin" / "tsc", *options, *modules]
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""
