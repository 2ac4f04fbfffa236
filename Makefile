# Every target installs what it needs into .venv first, and takes a moment when nothing changed.
SHELL := /bin/bash
BIN := .venv/bin
DEMO := demo_project
# The last value of what the demo logs.
LAST := {run: name, status: status, duration: duration, loss: loss[-1], accuracy: accuracy[-1], \
	"validation loss": "validation loss"[-1], "validation accuracy": "validation accuracy"[-1]}

.PHONY: help run test lint bench snapshots clean setup setup-dev

help:
	@echo "make run        the console on $(DEMO); without a terminal: the demo run and its metrics"
	@echo "make test       the tests (ARGS='tests/engine -k name' for some of them)"
	@echo "make lint       ruff, mypy, the direction of imports, Python 3.5 for what runs on hosts"
	@echo "make bench      every benchmark of bench/, as in the README (over an hour; BENCH='startup submit_latency' for some)"
	@echo "make snapshots  draw the screenshots in snapshots/ again"
	@echo "make clean      remove .venv and every cache"

setup:
	@.ci/setup run

setup-dev:
	@.ci/setup dev

run: setup
	@if [ -t 0 ] && [ -t 1 ]; then \
		exec $(BIN)/aml-tui $(DEMO); \
	else \
		$(BIN)/aml experiment submit -c local -p $(DEMO) train.py && \
		echo && $(BIN)/aml history last -p $(DEMO) -o yaml --query '$(LAST)'; \
	fi

test: setup-dev
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd engine/runtime && ../../$(BIN)/mypy --config-file= --cache-dir ../../.mypy_cache/runtime --strict -p azureml
	@$(BIN)/lint-imports
	@$(BIN)/vermin --quiet --no-tips --violations --target=3.5- engine/hosts/agent engine/runtime $(DEMO)/iris_spark.py

BENCH := startup submit_latency containers hosts cluster fifty_runs day to_terminal peers big_log charts killing
bench: setup-dev
	@set -e; for name in $(BENCH); do $(BIN)/python -m bench.$$name; echo; done

snapshots: setup-dev
	@AML_SNAPSHOTS=write $(BIN)/python -m pytest tests/tui -q

clean:
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
