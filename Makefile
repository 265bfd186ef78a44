# `make help` lists the targets. Everything is installed into .venv in this folder.
# EXTRAS=torch,jax,sklearn, or some of them, installs more frameworks and works with every target.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
COMMA := ,
EXTRAS ?=
ALL := torch jax sklearn gpu joblib submitit tensorboard mlflow wandb
BASE := .venv/installed
INSTALLED := $(BASE)$(if $(EXTRAS),-$(subst $(COMMA),-,$(EXTRAS)))

.DEFAULT_GOAL := help
.PHONY: help bench test speed chaos check format setup browser data lock wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

bench: setup data ## run the default sweep on real Fashion-MNIST, then write its report
	@$(BIN)/bench sweep=default; status=$$?; \
	$(BIN)/bench-report results/default && exit $$status

test: setup data ## run every test; those of other frameworks with EXTRAS=torch,jax,sklearn
	$(BIN)/python -m pytest

speed: setup data ## time an epoch, the loader, the report; compare with the last time on this machine
	$(BIN)/python -m pytest tests/speed --benchmark-columns=median,iqr,rounds --benchmark-sort=name \
		--benchmark-autosave --benchmark-compare

chaos: setup data ## kill, fill and damage at random, a thousand times; `make test` does so a few times
	CHAOS=full $(BIN)/python -m pytest tests/chaos

check: setup ## lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(INSTALLED) ## make .venv, with the versions of requirements.lock

$(BASE): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BASE)-%: $(BASE) extras.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --constraint extras.lock --editable '.[$(EXTRAS)]'
	@touch $@

browser: ## find Chromium, or install Debian's; tests of the report's page are skipped without it
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	{ apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 \
	--yes --no-install-recommends chromium fonts-dejavu-core >/dev/null; }

data: setup ## find Fashion-MNIST on this machine, or fetch it
	@$(BIN)/python -m bench.data

lock: setup ## choose versions anew and write requirements.lock and extras.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(foreach extra,$(ALL),--extra $(extra)) --universal \
		--python-version 3.11 --upgrade --constraint requirements.lock --no-emit-index-url \
		--no-header --no-annotate --quiet --output-file extras.lock

wheel: setup ## build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## remove .venv and what tools left behind; results stay
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
