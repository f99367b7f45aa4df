# Everything runs in .venv at the root of the repository; the first target that needs it makes it.
#   make demo    run the quickstart headless and say where its page is
#   make test    import contracts, lint, the test suite; make test-slow its slow tests, make test-all both
#   make lab     open the quickstart in JupyterLab
#   make bench   what things cost: a step over a bare loop, a checkpoint, a million steps, a GPU where there is one
#                (one part: make bench PARTS=stall; beside Ignite, skorch, Lightning, ...: make bench PEERS=1)
# Another Python:                      make demo PYTHON=/path/to/python3
# PyTorch's CPU wheels (200 MB, not GB): make demo CPU=1

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTHONS := $(PYTHON) python3.11 python3 python3.12 python3.13 python3.10
JS_SOURCES := $(shell find js -name node_modules -prune -o -type f -print 2>/dev/null)
INPUTS := pyproject.toml constraints.txt $(wildcard hatch_build.py) $(JS_SOURCES)

.PHONY: demo test test-slow test-all test-pythons lab bench lint map env clean

demo: $(VENV)/.demo
	@mkdir -p out
	NBTRAIN_WAIT=1 $(BIN)/python -m jupyter nbconvert --execute --to html notebooks/quickstart.ipynb \
	  --ExecutePreprocessor.timeout=900 --ExecutePreprocessor.store_widget_state=False \
	  --output-dir out --output quickstart.html
	@echo
	@echo "The quickstart with its curves and report: $(CURDIR)/out/quickstart.html"

lab: $(VENV)/.demo
	$(BIN)/python -m jupyter lab notebooks/quickstart.ipynb

lint: $(VENV)/.test
	$(BIN)/lint-imports
	$(BIN)/ruff check

# Two processes, a file at a time each: PYTEST="-n 0" for one, PYTEST="-n 4" for more.
test: lint
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder $(PYTEST)

# Wider grids of what `make test` has proven, and notebooks that train for minutes.
test-slow: lint
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder -m "slow and not nightly and not gpu" $(PYTEST)

test-all: lint
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder -m "not gpu and not nightly" $(PYTEST)

# The torch-free part of the suite on every other Python that is here; each has its own environment.
test-pythons: $(VENV)/.test
	$(BIN)/python tests/other_pythons.py

bench: $(VENV)/.test $(if $(PEERS),$(VENV)/.peers)
	$(BIN)/python benchmarks/run.py $(if $(PARTS),--only $(PARTS))

# The map in docs/architecture.md, from what each file says of itself.
map: $(VENV)/.test
	$(BIN)/python docs/map.py
	$(BIN)/python docs/rules.py
	$(BIN)/python docs/errors.py
	$(BIN)/python docs/checks.py

env: $(VENV)/.test

# Build outputs and the environment; runs, checkpoints and figures are yours and stay.
clean:
	rm -rf $(VENV) build dist out nbtrain/widgets/static

$(BIN)/pip:
	@found=; \
	for candidate in $(PYTHONS); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then \
	    found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "nbtrain needs Python 3.10 or newer with its venv module. None of these is one: $(PYTHONS)."; \
	  echo "On Debian or Ubuntu: apt install python3-venv. Elsewhere, name yours: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; \
	  exit 1; fi; \
	echo "Making $(VENV) with $$("$$found" --version) ($$found). The first time takes a few minutes."; \
	"$$found" -m venv $(VENV)

$(VENV)/.demo: $(INPUTS) | $(BIN)/pip
	$(install-cpu-torch)
	$(PIP) install -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.test: $(INPUTS) | $(BIN)/pip
	$(install-cpu-torch)
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $(VENV)/.demo $@

$(VENV)/.peers: $(VENV)/.test
	$(if $(CPU),$(PIP) install --index-url https://download.pytorch.org/whl/cpu torchvision) # for fastai, to fit torch
	$(PIP) install -c constraints.txt -e '.[bench]'
	@touch $@

ifdef CPU
install-cpu-torch = $(PIP) install -c constraints.txt --index-url https://download.pytorch.org/whl/cpu torch
endif
