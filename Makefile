# make demo   sets everything up in .venv and runs the whole path on real images (needs the network once)
# make test   sets everything up in .venv and runs the checks and tests
# make walks  follows the first tutorial by panel, console and command, with pictures of every step in walks/
# make docs   sets everything up in .venv and builds the documentation as a site in site/
#
# PYTHON=python3.12        which Python makes the virtual environment (3.11 or newer)
# TORCH_INDEX=ADDRESS      the package index of the CPU or GPU build of torch that fits the machine, as the "Get started"
#                          page of PyTorch shows it; without it, pip takes its default, on Linux the large GPU build
# WORKERS=8                how many processes run the tests; each takes up to 2 GB
# DEMO_ARGUMENTS=--offline runs the demo on the phantom alone, without the network

PYTHON ?= python3
VENV ?= .venv
OUT ?= demo-output
TORCH_INDEX ?=
WORKERS ?= 2
DEMO_ARGUMENTS ?=
export OMP_NUM_THREADS ?= 2

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two processes of one thread each are faster than one of two: most of what is tested is too small for two threads.
PYTEST := OMP_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --durations=40
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet

.PHONY: demo test test-quick coverage check setup cmake-lists docs walks clean

demo: setup
	$(BIN)/meddeep demo --out "$(OUT)" $(DEMO_ARGUMENTS)

test: setup check
	$(PYTEST)

# Slower than the tests alone.
coverage: setup
	$(PYTEST) --cov --cov-report=term:skip-covered

test-quick: setup
	$(PYTEST) -m "not slow"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The lists of files that Slicer installs; a test compares them with the tree.
cmake-lists: setup
	$(BIN)/python Utilities/update_cmake_lists.py

# A newcomer's walks through the tutorial on the real samples, with a picture of every step in walks/.
walks: setup
	$(BIN)/meddeep samples ct-head-atlas mr-head-t1
	MEDDEEP_WALKS="$(CURDIR)/walks" QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest Testing/Python/Walks

# The site; its links and pictures are checked by the tests, too, without mkdocs.
docs: setup
	$(INSTALL) --constraint constraints.txt --editable ".[docs]"
	$(BIN)/mkdocs build --strict --quiet

setup: $(STAMP)

$(STAMP): pyproject.toml setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "MedDeep needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip
	$(if $(TORCH_INDEX),$(INSTALL) --constraint constraints.txt --index-url $(TORCH_INDEX) torch)
	$(INSTALL) --constraint constraints.txt --editable ".[scene,networks,diagnosis,batch,test]"
	touch $@

clean:
	rm -rf $(VENV) $(OUT) site walks site
