"""The chapters as plain notebooks, as the build writes them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import nbformat
import pytest
from browser import HTML, ROOT
from grading import masters, student

import assignments

FOLDER = HTML / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
CODE = re.compile(r"```.*?```|`[^`\n]*`", flags=re.DOTALL)
MYST = re.compile(r":{3,}|^% |^\([\w-]+\)=|\$\$ *\(|\]\([\w/-]+\.md", flags=re.MULTILINE)
NAME = r"(?:Theorem|Proposition|Lemma|Corollary|Definition|Exercise) \d+\.\d+ \([^\"]*\)|\(\d+\.\d+\)"


def markdown(path) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            yield cell.source


def code(path, *, hide) -> list[str]:
    """The code of a notebook, with the names of claims hidden."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [re.sub(hide, '"claim"', cell.source) for cell in cells if "google.colab" not in cell.source]


def test_every_chapter_has_one():
    assert [path.name for path in NOTEBOOKS] == sorted(path.name for path in (ROOT / "book").glob("*.ipynb"))


def test_all_are_of_one_kernel():
    """Which says itself what the notebook says of it: else JupyterLab would count opening as a change."""
    (metadata,) = {repr(nbformat.read(path, as_version=4).metadata) for path in NOTEBOOKS}
    assert "ipykernel" in metadata
    assert f"'version': '{sys.version.split()[0]}'" in metadata


@every_notebook
def test_it_is_valid_and_nothing_of_myst_is_left(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    for text in markdown(path):
        # Roles before inline code goes, which they end in.
        assert not (left := re.findall(r"\{[\w:-]+\}`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))), (
            left
        )
        without_formulas = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", CODE.sub("", text), flags=re.DOTALL)
        assert not (left := MYST.findall(without_formulas)), (left, text)
        assert r"\newcommand" not in text


@every_notebook
def test_it_runs_what_the_chapter_runs(path):
    """So that it runs: the build has run the chapter, and checks depend on no label."""
    plain = code(path, hide=rf'"(?:{NAME})"')
    chapter = code(ROOT / "book" / path.name, hide=r'"(?:thm|prop|lem|cor|def|ex|eq)-[\w-]+"')
    assert plain == chapter
    assert '"claim"' in "".join(plain)


@every_notebook
def test_each_statement_says_what_it_is_and_proofs_are_folded(path):
    source = "\n".join(markdown(ROOT / "book" / path.name))
    plain = "\n".join(markdown(path))
    for kind in ("theorem", "proposition", "lemma", "corollary", "definition"):
        stated = len(re.findall(rf"^:::\{{prf:{kind}\}}", source, flags=re.MULTILINE))
        assert len(re.findall(rf"^\*\*{kind.capitalize()} \d+\.\d+\*\*", plain, flags=re.MULTILINE)) == stated
    assert plain.count("<details>") == plain.count("</details>") == plain.count("<summary>")
    assert plain.count("<summary>Proof") == len(re.findall(r"\{dropdown\} Proof", source))
    assert plain.count("<summary>Solution") == len(re.findall(r"\{solution(?:-start)?\}", source))
    assert plain.count("<blockquote>") == plain.count("</blockquote>")
    assert plain.count("\\tag{") == len(re.findall(r"\$\$ \(eq-", source))


@every_notebook
def test_the_code_of_solutions_is_collapsed_with_what_it_prints(path):
    """A solution that takes cells is open to nobody who has not asked for it."""
    plain = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    open_solution = False
    for cell in nbformat.read(ROOT / "book" / path.name, as_version=4).cells:
        if cell.cell_type == "markdown":
            gates = re.findall(r"\{solution-(start|end)\}", cell.source)
            open_solution = gates[-1] == "start" if gates else open_solution
        else:
            hidden = {"source_hidden": True, "outputs_hidden": True} if open_solution else None
            assert plain[cell.id].metadata.get("jupyter") == hidden
    assert not open_solution


@every_notebook
def test_its_figures_have_outputs_and_captions(path):
    cells = nbformat.read(path, as_version=4).cells
    chapter = nbformat.read(ROOT / "book" / path.name, as_version=4).cells
    for cell in chapter:
        if figure := cell.metadata.get("mystnb", {}).get("figure"):
            at = next(i for i, other in enumerate(cells) if other.id == cell.id)
            assert "image/svg+xml" in cells[at].outputs[-1].data
            assert re.match(rf'<a id="{figure["name"]}"></a>\*\*Fig\. \d+\.\d+\*\* \w', cells[at + 1].source)


@every_notebook
def test_links_lead_somewhere(path):
    ids = {
        other.name: set(re.findall(r'<a id="([^"]+)">', "\n".join(markdown(other)))) for other in NOTEBOOKS
    }
    links = re.findall(r"\]\(([^()\s]+)\)", CODE.sub("", "\n".join(markdown(path))))
    assert links
    for link in links:
        where, _, anchor = link.partition("#")
        where, _, setting = where.partition("?")
        assert not setting or where.endswith("book/laboratory.html")
        if where.startswith("https://dlnlab.github.io/deep-linear-networks/"):
            page = HTML / where.removeprefix("https://dlnlab.github.io/deep-linear-networks/")
            assert page.exists(), link
            assert not anchor or f'id="{anchor}"' in page.read_text(encoding="utf-8"), link
        elif not where.startswith("https://"):
            name = where or path.name
            assert name in ids, link
            assert not anchor or anchor in ids[name], link


def test_the_library_is_installed_with_what_binder_pins(tmp_path):
    """The library lies where the environment for Binder and the cell for Colab look for it."""
    (wheel,) = FOLDER.glob("*.whl")
    lines = (FOLDER / "binder" / "requirements.txt").read_text().splitlines()
    assert lines[-1] == f"./{wheel.name}"
    assert lines[:-1] == (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    for path in NOTEBOOKS:
        cell = nbformat.read(path, as_version=4).cells[1].source
        assert (
            f"%pip install -q https://github.com/dlnlab/deep-linear-networks/raw/notebooks/{wheel.name}"
            in cell
        )


def test_binder_takes_this_environment(tmp_path):
    """The plan of what Binder would build, without a build."""
    shutil.copytree(FOLDER, tmp_path / "notebooks")
    options = ["--no-build", "--debug", "--user-id", "1000", "--user-name", "reader"]
    command = [sys.executable, "-m", "repo2docker", *options, tmp_path / "notebooks"]
    plan = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Building conda environment for python=3.11" in plan.stderr
    assert re.search(r'pip install --no-cache-dir -r "?binder/requirements.txt', plan.stdout)


def test_nothing_of_a_solution_is_published():
    """No line of a solution, a hidden test or a rubric is in any file of the site."""
    site = {
        path: path.read_text(encoding="utf-8", errors="ignore")
        for path in HTML.rglob("*")
        if path.suffix in {".html", ".ipynb", ".js", ".txt", ".md", ".json", ".inv", ".xml"}
    }
    found = assignments.found()
    assert {path.stem for path in found} == {path.stem for path in (HTML / assignments.PLACE).glob("*.ipynb")}
    for path in found:
        master = masters.read(path)
        given = "\n".join(cell.source for cell in student.notebook(master, "").cells)
        secrets = {
            line.strip().replace("\\", "\\\\").replace('"', '\\"')
            for question in master.questions
            for text in [
                *(test for test in question.tests if test.startswith(masters.HIDDEN)),
                *(cell.source for cell in question.solution),
            ]
            for line in text.splitlines()
            if len(line.strip()) > 40 and line.strip() not in given
        }
        assert len(secrets) > 20
        for page, text in site.items():
            assert not [secret for secret in secrets if secret in text], page


def test_an_assignment_reads_right_without_extensions():
    for path in (HTML / assignments.PLACE).glob("*.ipynb"):
        text = "\n".join(markdown(path))
        without_formulas = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", "", CODE.sub("", text), flags=re.DOTALL)
        assert not MYST.findall(without_formulas)
        cells = nbformat.read(path, as_version=4).cells
        assert "google.colab" in cells[1].source
        assert all(not cell.get("outputs") for cell in cells)


def test_assignments_from_another_folder(tmp_path, monkeypatch):
    shutil.copy(ROOT / "assignments" / "setting.ipynb", tmp_path / "private.ipynb")
    monkeypatch.setenv("ASSIGNMENTS", str(tmp_path))
    assignments.write(tmp_path / "out", "# install")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["private.ipynb"]
