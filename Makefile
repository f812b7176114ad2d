# Two commands for a new user: `make demo` and `make test`. Needs python3 (3.11 to 3.13, with venv) and make; a C compiler is optional.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KERNELS := $(wildcard src/jalousie/privacy/search/*.[ch])

.PHONY: demo test test-long check bench data docs format clean

demo: $(READY) data
	$(BIN)/python demo/run.py

test: $(READY) data
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not long" tests

test-long: $(READY) data
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q -n 2 --dist worksteal tests

check: $(READY)
	$(BIN)/ruff check src tests tools demo
	$(BIN)/ruff format --check src tests tools demo
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(READY) data
	for script in tests/bench/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

data: $(READY)
	@$(BIN)/python tools/fetch_data.py

docs: $(READY)
	$(BIN)/python tools/make_reference.py

format: $(READY)
	$(BIN)/ruff format src tests tools demo
	$(BIN)/ruff check --fix src tests tools demo

$(READY): requirements.lock pyproject.toml setup.py $(KERNELS)
	$(PYTHON) tools/set_up.py $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) build src/*.egg-info src/jalousie/privacy/search/*.so .data .demo
