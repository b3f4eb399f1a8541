"""The core of the site tests in a second browser, where it is installed."""

import json
import shutil
import subprocess

import pytest
import scripts
from browser import ROOT, require_browser, served

require_browser()
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed (apt-get install firefox-esr)")
@pytest.mark.parametrize("name", ["acceleration", "setting"])
def test_firefox_sets_formulas_and_moves_sliders(name):
    with served() as site:
        command = [scripts.NODE, ROOT / "tests" / "firefox.mjs", FIREFOX, f"{site}/book/{name}.html"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["troubles"] == []
    assert found["errors"] == 0
    assert found["formulas"] > 100
    for before, after in (found["keyboard"], found["mouse"]):
        assert before != after
