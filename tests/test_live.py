"""The chapters as students and authors open them: in JupyterLab, with a kernel."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from browser import HTML, ROOT, launched, require_browser

require_browser()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """JupyterLab in a folder of its own: the address, the folder, that of its configuration."""
    folder, config = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("config")
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",
        "--allow-root",
    ]
    command += [f"--notebook-dir={folder}", "--IdentityProvider.token=", "--ServerApp.password="]
    (config / "labconfig").mkdir()
    # All cells are in the page, not only those in sight.
    overrides = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(overrides))
    # A user's own settings must not decide what is tested.
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(config)}
    log = config / "log"
    with log.open("w") as output, subprocess.Popen(command, stderr=output, env=environment) as server:
        try:
            for _ in range(300):
                if match := re.search(r"http://127\.0\.0\.1:\d+/lab", log.read_text()):
                    break
                time.sleep(0.2)
            else:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            yield match[0], folder, config
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def window():
    with launched() as started:
        yield started


@pytest.fixture
def opened(served, window):
    """Open a notebook, with or without the MyST extension, and wait until its kernel is there.

    What is run before is dropped without a word.
    """
    address, folder, config = served
    page = window.new_page()

    def open_notebook(path, myst, height=1000):
        shutil.copy(path, folder)
        disabled = {"disabledExtensions": {"jupyterlab-myst": not myst}}
        (config / "labconfig" / "page_config.json").write_text(json.dumps(disabled))
        page.set_viewport_size({"width": 1280, "height": height})
        page.goto(f"{address}/tree/{path.name}?reset")
        page.locator(".jp-Notebook").first.wait_for(timeout=60_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        return page

    yield open_notebook
    page.close()


def test_the_explorer_responds_in_jupyterlab(opened):
    """In the template, a chapter like the others but short, with the MyST extension, as authors have it."""
    page = opened(ROOT / "tools" / "template.ipynb", myst=True)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    explorer = page.locator(".dlnlab-explorer")
    explorer.locator("img").wait_for(timeout=90_000)
    before = explorer.locator("img").get_attribute("alt")
    explorer.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    after = explorer.locator("img").get_attribute("alt")
    assert before.startswith("size 0.001, target 1")
    assert after.startswith("size 0.01, target 1")
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator(".katex").count() > 5
    assert page.locator(".katex-error").count() == 0


def test_a_plain_notebook_reads_right_without_an_extension(opened, served):
    """As on Binder: formulas, names, folds and links; and to open it does not change it."""
    plain = HTML / "notebooks" / "acceleration.ipynb"
    page = opened(plain, myst=False)
    notebook = page.locator(".jp-Notebook")
    notebook.locator("mjx-container").nth(500).wait_for(state="attached")
    text = notebook.evaluate("(element) => element.innerText")
    assert not re.search(r"\{(eq|prf:ref|ref|numref|cite:[tp])\}|:::|\\tag|\[@|<blockquote", text)
    assert {"Theorem 2.1 (End-to-end flow).", "References"} <= set(text.splitlines())
    assert notebook.locator("mjx-merror, [data-mjx-error]").count() == 0
    proof = notebook.locator("details", has_text="Proof").first
    assert not proof.locator("p").first.is_visible()
    proof.locator("summary").click()
    assert proof.locator("p").first.is_visible()
    notebook.locator("a[href='#thm-no-regulariser']").last.click()
    page.wait_for_function(
        """(id) => {
          const box = document.querySelector(`[data-jupyter-id="${id}"]`)?.getBoundingClientRect();
          return box && box.top >= 0 && box.top < innerHeight;
        }""",
        arg="thm-no-regulariser",
    )
    # It would be marked as soon as the kernel has said what language it speaks.
    assert page.locator(".lm-TabBar-tab.jp-mod-current").count() == 1
    assert page.locator(".lm-TabBar-tab.jp-mod-dirty").count() == 0
    page.keyboard.press("Control+s")
    page.wait_for_timeout(500)
    _, folder, _ = served
    assert (folder / plain.name).read_bytes() == plain.read_bytes()


def test_the_laboratory_is_one_object_in_page_and_kernel(opened, tmp_path):
    """A slider in the page changes Python's setting; what Python sets and trains is seen in the page."""
    sources = [
        "import dlnlab as dl\nlab = dl.Laboratory(depth=4, scale=0.4)\nlab",
        "lab.learning_rate = 0.02\nlab.run(200)\nprint('trained', lab.history['step'][-1])",
        "print('depth', lab.depth, 'steps', lab.history['step'][-1] > 0)",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    )
    nbformat.write(notebook, tmp_path / "lab.ipynb")
    page = opened(tmp_path / "lab.ipynb", myst=False, height=1600)
    page.locator(".jp-Cell").first.click()
    page.keyboard.press("Shift+Enter")
    shown = page.locator(".dlnlab-lab")
    shown.locator(".lab-said").wait_for(timeout=90_000)
    assert "Depth 4" in shown.locator(".lab-said").inner_text()
    page.locator(".jp-Cell").nth(1).click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("trained 200").wait_for(timeout=30_000)
    page.wait_for_function("document.querySelectorAll('.dlnlab-lab output')[3].textContent === '0.02'")
    shown.get_by_role("slider", name="depth").focus()
    page.keyboard.press("ArrowRight")
    shown.get_by_role("button", name="Step").click()
    assert "Depth 5" in shown.locator(".lab-said").inner_text()
    page.locator(".jp-Cell").nth(2).click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("depth 5 steps True").wait_for(timeout=30_000)
