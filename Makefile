# Everything runs in .venv, which the first target makes; Python 3.11 or newer and make are all it takes.
PYTHON ?= python3
PORT ?= 8000
OUT ?= _build/reproduction
# Where the masters of the assignments are, and where grades go.
ASSIGNMENTS ?= assignments
GRADES ?= _build/grades/$(ASSIGNMENT)
export ASSIGNMENTS := $(abspath $(ASSIGNMENTS))
BIN := .venv/bin
READY := .venv/.ready
NPM := tools/npm/node_modules/.package-lock.json
# Tests run on all processors; TESTS=-n0 runs them in one process, for a debugger.
TESTS ?= -n auto
# A browser that hangs fails its test; nothing here takes minutes.
PYTEST := $(BIN)/python -m pytest -q --timeout 180 $(TESTS)
# Progress bars are for people at a screen; here they would end up in the pages.
export TQDM_DISABLE := 1
# What runs at once prints one after the other, where make knows how (since version 4).
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync)
# Of the many processes that import the library one compiles it, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE
# The matrices are small: threads within a process cost more than they give.
export OPENBLAS_NUM_THREADS := 1

# A copy of another folder's .venv would import the library of that folder.
ifneq ($(wildcard .venv),)
ifneq ($(shell cat $(READY) 2> /dev/null),$(CURDIR))
$(info .venv is not one that was made for this folder: it is made anew)
$(shell rm -rf .venv)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help book book-offline slides pdf assignments grade test lint unit oldest claims chapters grading site serve laboratory notebooks chapter check links reproduce requirements address clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# uv installs in seconds what takes pip a minute; where only pip knows the way to the packages, pip does it.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is %d.%d: make PYTHON=/path/to/python" % v[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.txt 2> /dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable . 2> /dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@echo '$(CURDIR)' > $@

# What the pages are made with, at the versions of the lock file. Node.js and npm are in the environment.
$(NPM): $(READY) tools/npm/package.json tools/npm/package-lock.json
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tools/npm --silent && touch $@

book: $(READY) $(NPM)  ## execute the chapters, build the HTML and print where it is
	@$(BIN)/python tools/build_book.py

# The environment and what npm installs at once; then the book goes first, whose last part keeps one processor busy,
# and beside it the tests that do not need it: with what is left of the processors, a test of 20 s can take minutes.
test:  ## all that CI runs: lint, types, unit tests, chapters, grading, site
	@$(MAKE) --no-print-directory -j5 $(SYNC) PYTEST="nice -n 10 $(PYTEST) --timeout 900" chapters lint unit grading claims
	@$(MAKE) --no-print-directory BUILT=1 site

lint: $(READY)  ## linters and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(READY)  ## the library, its docstrings, the rules for chapters
	$(PYTEST) --dist worksteal --doctest-modules -p no:nbval --ignore tests/test_site.py --ignore tests/test_live.py \
	  --ignore tests/test_claims_can_fail.py --ignore tests/test_plain_notebooks.py --ignore tests/test_firefox.py \
	  --ignore tests/test_slides.py --ignore tests/test_laboratory.py \
	  --ignore tests/test_stored_outputs.py --ignore tests/grading

# Without the examples, which print to the digits of the pinned versions.
oldest: $(READY)  ## the tests of the library with the oldest versions that it allows, in an environment of its own
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python _build/oldest
	$(BIN)/uv pip install --quiet --python _build/oldest/bin/python --resolution lowest-direct .
	$(BIN)/uv pip install --quiet --python _build/oldest/bin/python pytest pytest-timeout pytest-xdist hypothesis ipykernel nbconvert nbformat
	_build/oldest/bin/python -m pytest -c tests/oldest.ini --rootdir . -q $(TESTS) tests/test_bad_input.py \
	  $(addprefix tests/,acceleration book dynamics experiments flatness imbalance minimizers networks noise)

claims: $(READY)  ## every claim broken on purpose, and a stored number changed
	$(PYTEST) --dist worksteal -p no:nbval tests/test_claims_can_fail.py tests/test_stored_outputs.py

chapters: $(if $(BUILT),,book)  ## the outputs of every chapter by nbval
	$(BIN)/python -m pytest -q --nbval-lax --nbval-cell-timeout 300 -W default book

grading: $(READY)  ## assignments: right, wrong and hostile notebooks, graded
	$(PYTEST) -rs -p no:nbval tests/grading

site: $(if $(BUILT),,book)  ## the built pages in Chromium, a chapter in JupyterLab
	$(PYTEST) --dist loadscope --no-loadscope-reorder -rs -p no:nbval tests/test_live.py tests/test_laboratory.py \
	  tests/test_slides.py tests/test_site.py tests/test_firefox.py tests/test_plain_notebooks.py

book-offline: book  ## zip the built book, which needs no network
	@$(BIN)/python -c 'import shutil; print("The book:", shutil.make_archive("_build/deep-linear-networks", "zip", "_build", "html"))'

slides: book  ## a deck of slides a session, made of its page
	@ls -1 $(CURDIR)/_build/html/book/*-slides.html | sed 's,^,file://,'

pdf: $(READY)  ## the book as one PDF, through xelatex
	@$(BIN)/python tools/pdf.py

assignments: $(READY)  ## the notebooks of the assignments for students
	@$(BIN)/python tools/assignments.py

grade: $(READY)  ## grade a class (ASSIGNMENT=setting SUBMISSIONS=folder-or-zip)
	@PYTHONPATH=tools $(BIN)/python -m grading $(ASSIGNMENTS)/$(ASSIGNMENT).ipynb $(SUBMISSIONS) $(GRADES)

serve: book  ## build and serve the book at http://localhost:8000 (PORT=...)
	@echo "http://localhost:$(PORT)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

laboratory: $(NPM)  ## bundle the laboratory of tools/npm/laboratory into the library
	@$(BIN)/node tools/npm/build.mjs laboratory $(abspath $(or $(OUTFILE),dlnlab/book/static/laboratory.js))

notebooks: $(READY)  ## run the chapters that changed and store the outputs that are checked
	@$(BIN)/python tools/notebooks.py

chapter: $(READY)  ## make a chapter that passes all tests (NAME=my-session)
	@$(BIN)/python tools/chapter.py new $(NAME)

check: $(READY) $(NPM)  ## store a chapter's outputs, test it and its page alone (CHAPTER=my-session)
	@$(BIN)/python tools/chapter.py check $(CHAPTER)

links: book  ## ask every address outside the book whether it still answers; fails nothing
	@$(BIN)/python tools/links.py

reproduce: $(READY)  ## run the experiments on flat minima in full and draw them (OUT=_build/reproduction)
	@$(BIN)/python tools/reproduce.py $(OUT)

requirements: $(READY)  ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --extra notebook --extra book --extra cluster --extra test --universal --python-version 3.11 \
	  --no-emit-index-url --upgrade --quiet -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra notebook --universal --python-version 3.11 \
	  --no-emit-index-url --constraint requirements.txt --upgrade --quiet -o binder/requirements.txt

address: $(READY)  ## after a fork: write its address everywhere (URL=https://github.com/you/notes)
	@$(BIN)/python tools/address.py $(URL)

clean:  ## remove everything that was built
	rm -rf _build .venv tools/npm/node_modules .hypothesis .mypy_cache .ruff_cache
