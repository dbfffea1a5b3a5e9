# Everything that a developer or a user runs; `make` alone lists it. Variables: ARGS="..." goes to the program run,
# PYTHON=... names the interpreter that .venv is made with.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
export PYTHON

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/.installed-run ## Install podium into .venv, start it with the sample order process, and show what happened
	@$(BIN)/python examples/order_process/run.py $(ARGS)

.PHONY: install
install: .venv/.installed-dev ## Install podium and the development tools into .venv

.PHONY: test
test: .venv/.installed-dev ## Run every test; with CI=true a skipped test is a failure
	@scripts/system-packages
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# What is held against Conductor: its SDKs, and definitions. Part of `make test` too, as far as it needs nothing special.
COMPAT := tests/compatibility

.PHONY: test-compat
test-compat: .venv/.installed-dev ## Hold podium against Conductor: its SDKs, and the upstream server (JDK 21, Maven; half an hour)
	@scripts/system-packages
	@$(BIN)/python -m pytest $(COMPAT) $(ARGS)
	@$(BIN)/python -m tests.compatibility.differential.oracle --generated 2000

.PHONY: sim
sim: .venv/.installed-dev ## Simulate clusters with faults; ARGS="--seeds 1000 --from 0", or --seed N for one run
	@$(BIN)/python -m tests.simulation $(ARGS)

.PHONY: check
check: .venv/.installed-dev ## Check lint, format, types, import contracts and the shape of the tree
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/style

.PHONY: fmt
fmt: .venv/.installed-dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: chaos
chaos: .venv/.installed-dev ## Break servers, databases and networks, the full counts; ARGS="--seed 7 --count 20 -k crash"
	@scripts/system-packages
	@$(BIN)/python -m pytest tests/chaos -rP --full $(ARGS)

.PHONY: bench
bench: .venv/.installed-dev ## Measure podium against its budgets; ARGS=--quick for small counts
	@$(BIN)/python bench/run.py $(ARGS)

.PHONY: bench-java
bench-java: .venv/.installed-dev ## Measure podium and the upstream Java server in one table
	@$(BIN)/python bench/run.py --java $(ARGS)

.PHONY: bench-flat
bench-flat: .venv/.installed-dev ## Show that a task costs the same late in a large workflow and beside many waiting ones
	@$(BIN)/python bench/flatness.py $(ARGS)

.PHONY: scale
scale: .venv/.installed-dev ## Measure a million open workflows, large ones and several nodes; ARGS="--open 100000" for fewer
	@$(BIN)/python bench/scale.py $(ARGS)

.PHONY: build
build: .venv/.installed-dev ## Build the wheel into dist
	$(BIN)/python -m pip --quiet wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

.PHONY: clean
clean: ## Remove what was built, and the caches; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/.installed-%: pyproject.toml scripts/install
	@scripts/install $*
