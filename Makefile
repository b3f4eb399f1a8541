# Everything runs in .venv, which the first target makes; Python 3.11 or newer and make are all it takes.
PYTHON ?= python3
PORT ?= 8000
OUT ?= _build/reproduction
BIN := .venv/bin
READY := .venv/.ready
CDN := tests/cdn/node_modules/.package-lock.json
PYTEST := $(BIN)/python -m pytest
# Progress bars are for people at a screen; here they would end up in the pages.
export TQDM_DISABLE := 1
# The matrices are small: threads within a process cost more than they give.
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help book test lint unit chapters site serve notebooks reproduce requirements address clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is %d.%d: make PYTHON=/path/to/python" % v[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# Copies of the scripts that a page asks a CDN for; the site tests answer from them.
$(CDN): tests/cdn/package.json tests/cdn/package-lock.json
	@if command -v npm > /dev/null; then npm ci --prefix tests/cdn --silent && touch $@; \
	 else echo "npm is not installed: the site tests will be skipped"; fi

book: $(READY)  ## execute the chapters, build the HTML and print where it is
	@$(BIN)/python tools/build_book.py

test: lint unit chapters site  ## all that CI runs: lint, types, unit tests, chapters, site

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(READY)
	$(PYTEST) -q --doctest-modules -p no:nbval --ignore tests/test_site.py --ignore tests/test_live.py \
	  --ignore tests/test_claims_can_fail.py

chapters: $(READY)
	$(PYTEST) -q --nbval-lax --nbval-cell-timeout 300 -W default book
	$(PYTEST) -q -p no:nbval tests/test_claims_can_fail.py

site: book $(CDN)
	$(PYTEST) -q -rs -p no:nbval tests/test_site.py tests/test_live.py

serve: book  ## build and serve the book at http://localhost:8000 (PORT=...)
	@echo "http://localhost:$(PORT)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

notebooks: $(READY)  ## run all chapters and store the outputs that are checked
	@$(BIN)/python tools/notebooks.py

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
	rm -rf _build .venv tests/cdn/node_modules .hypothesis .mypy_cache .ruff_cache
