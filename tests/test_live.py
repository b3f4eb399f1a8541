"""The chapters as students run them: in JupyterLab, with a kernel."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from browser import ROOT, launched, require_browser

require_browser()


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on a copy of the template, a chapter like the others but short; yields its address."""
    shutil.copy(ROOT / "tools" / "template.ipynb", tmp_path / "chapter.ipynb")
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--port=0",
        "--allow-root",
    ]
    command += [f"--notebook-dir={tmp_path}", "--IdentityProvider.token=", "--ServerApp.password="]
    # A user's own settings must not decide what is tested.
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    log = tmp_path / "log"
    with log.open("w") as output, subprocess.Popen(command, stderr=output, env=environment) as server:
        try:
            for _ in range(300):
                if match := re.search(r"http://127\.0\.0\.1:\d+/lab", log.read_text()):
                    break
                time.sleep(0.2)
            else:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            yield match[0]
        finally:
            server.terminate()


def test_the_explorer_responds_in_jupyterlab(lab):
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{lab}/tree/chapter.ipynb?reset")
        page.locator(".jp-Notebook").first.wait_for(timeout=60_000)
        # Cells that are run before the kernel is there are dropped without a word.
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        explorer = page.locator(".dlnlab-explorer")
        explorer.locator("img").wait_for(timeout=90_000)
        before = explorer.locator("img").get_attribute("alt")
        explorer.locator(".noUi-handle").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1000)
        after = explorer.locator("img").get_attribute("alt")
        assert before.startswith("size 0.001, target 1")
        assert after.startswith("size 0.01, target 1")
        assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
