# `make demo` and `make test` work from a fresh clone: each makes .venv first if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.stamp
EXTRAS_VENV := .venv-extras
EXTRAS_STAMP := $(EXTRAS_VENV)/.stamp
# A display of the machine, or a virtual one where there is none.
DISPLAYED := sh tools/with-display.sh

.PHONY: venv demo test extras-venv extras lint types docs pictures benchmark sample-data clean

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/check-system.sh
	@sh tools/check-system.sh $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c constraints.txt --editable . --group test
	@touch $@

demo: venv
	$(BIN)/napari-osuda demo $(ARGS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: venv
	$(BIN)/mypy

# Two at a time, a file each: torch on one thread gains nothing from a second core, and most of the time is drawing.
test: lint types
	OMP_NUM_THREADS=1 $(DISPLAYED) $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# What `make test` skips for want of ONNX, nnU-Net and smp.
extras: extras-venv
	OMP_NUM_THREADS=1 $(EXTRAS_VENV)/bin/python -m pytest -n 2 --dist loadfile tests/models tests/test_extras.py $(ARGS)

extras-venv: $(EXTRAS_STAMP)

# They need torchvision, which only works beside a torch of the same build: both as pip finds them. With CUDA it is 7 GB.
$(EXTRAS_STAMP): pyproject.toml constraints.txt
	@test -x $(EXTRAS_VENV)/bin/python || $(PYTHON) -m venv $(EXTRAS_VENV)
	$(EXTRAS_VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	grep -v '^torch==' constraints.txt > $(EXTRAS_VENV)/constraints.txt
	$(EXTRAS_VENV)/bin/python -m pip install --quiet -c $(EXTRAS_VENV)/constraints.txt --editable ".[onnx,nnunet,smp]" --group test
	@touch $@

# The site, into docs/_build: a warning, a dead link within it or a notebook that fails stops it.
docs: $(DOCS_STAMP)
	$(DOCS_VENV)/bin/python -m sphinx --fail-on-warning --keep-going -b html docs docs/_build/html $(ARGS)

# An environment of its own: what builds the site is nothing that the tests need.
$(DOCS_STAMP): pyproject.toml constraints.txt
	@test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(DOCS_VENV)/bin/python -m pip install --quiet -c constraints.txt --editable . --group docs
	@touch $@

# What the pages show, made again: takes an hour or more.
pictures: venv
	$(DISPLAYED) $(BIN)/python docs/make_screenshots.py
	$(DISPLAYED) $(BIN)/python docs/make_review_story.py
	$(DISPLAYED) $(BIN)/python docs/make_monitor_pictures.py
	$(DISPLAYED) $(BIN)/python docs/make_animation.py
	$(BIN)/python docs/make_curve_picture.py
	$(BIN)/python docs/make_results.py

benchmark: venv
	@failed=0; \
	for part in start step_cost whole_job growth drawing; do $(BIN)/python benchmarks/$$part.py $(ARGS) || failed=1; done; \
	test -n "$(ARGS)" || $(DISPLAYED) $(BIN)/python benchmarks/responsiveness.py || failed=1; exit $$failed

sample-data: venv
	$(BIN)/python sample_data/build.py $(ARGS)

clean:
	rm -rf $(VENV) $(DOCS_VENV) $(EXTRAS_VENV) docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis demo-run*
