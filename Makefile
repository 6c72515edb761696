# `make` alone explains itself: every target with `## text` is listed.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   ?= demo
RUN    ?= run
SIZE   ?= small

.DEFAULT_GOAL := help
.PHONY: help install demo highfield test test-all test-oldest test-browser test-qgis bench bench-run bench-mapping bench-rothc bench-forest bench-scale docs docs-links check format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: $(STAMP) ## virtual environment in .venv with poml_map and what development needs

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	@touch $@

demo: install ## write the synthetic demo region and make its maps, GIF and accuracy table
	$(BIN)/poml-map demo $(DEMO)
	$(BIN)/poml-map run $(DEMO)/region.yaml --out $(RUN)

highfield: install ## RothC on the Highfield bare fallow: scores and figure in highfield/ (needs POML_MAP_SHARED)
	@test -n "$$POML_MAP_SHARED" || { echo "POML_MAP_SHARED is not set: it names the folder that holds" \
	    "data/rothamsted, see examples/highfield/README.md"; exit 2; }
	$(BIN)/poml-map site examples/highfield/site.yaml --out highfield

test: install ## the tests that take seconds, with style check (two processes)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

test-all: install ## all tests, the slow ones too
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m 'slow or not slow'

test-oldest: ## the forest on the oldest scikit-learn that is supported, in an environment of its own
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
	    -r tests/oldest-requirements.txt pytest hypothesis
	PYTHONPATH=. $(VENV)-oldest/bin/python -m pytest -q -p no:cacheprovider tests/unit/hybrid

test-browser: install ## the report page in a real browser (installs Debian's chromium; needs root)
	command -v chromedriver >/dev/null || { apt-get update -q && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium chromium-driver; }
	$(BIN)/python -m pytest -q -m browser tests/browser

test-qgis: install ## the project of a run in QGIS itself (installs Debian's QGIS, some 1.2 GB; needs root)
	@/usr/bin/python3 -c 'import qgis.core' 2>/dev/null || { apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    python3-qgis qgis-providers qgis; }
	$(BIN)/python -m pytest -q tests/qgis

bench: bench-forest bench-mapping ## the table of docs/performance.md: the forest engine, then mapping and products

bench-mapping: install ## mapping and products from a trained model beside scikit-learn, numpy, GDAL (some 15 minutes)
	$(BIN)/python benchmarks/mapping.py

bench-run: install ## time and memory of a whole run (SIZE=tiny, small or paper)
	$(BIN)/python benchmarks/whole_run.py $(SIZE)

bench-rothc: install ## RothC against a plain loop and numpy over pixels: speed, memory, compile time
	$(BIN)/python benchmarks/rothc.py

bench-forest: install ## the forest engine against scikit-learn: speed, difference, compile time, older processors
	$(BIN)/python benchmarks/forest.py

bench-scale: install ## more and more pixels by threads and by workers of a cluster (some 8 minutes)
	$(BIN)/python benchmarks/scale.py

docs: install ## the site in build/docs/index.html, refused if a warning or a dead link is left
	$(BIN)/python -m sphinx -b html -E -a -c docs -W -n --keep-going -q -d build/doctrees . build/docs
	@echo build/docs/index.html

docs-links: install ## asks the servers of all links out of the pages (needs a network)
	$(BIN)/python -m sphinx -b linkcheck -c docs -q -d build/doctrees . build/links

check: install ## style only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install ## mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the targets above made (environments too)
	rm -rf $(VENV) $(VENV)-oldest $(DEMO) $(RUN) highfield build .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
