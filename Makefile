# `make help` lists the targets. Everything is installed into .venv in this folder.
# EXTRAS=torch,jax,numba,sklearn, or some of them, installs more frameworks; it works with every target.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# The given PYTHON; else that of .venv if it exists, or python3.
GPU_PYTHON := $(if $(filter file,$(origin PYTHON)),$(firstword $(wildcard $(BIN)/python) python3),$(PYTHON))
COMMA := ,
EXTRAS ?=
WORKERS ?= auto
EDITION ?= full
ALL := torch jax numba sklearn gpu ray slurm tensorboard mlflow wandb notebook
BASE := .venv/installed
INSTALLED := $(BASE)$(if $(EXTRAS),-$(subst $(COMMA),-,$(EXTRAS)))

.DEFAULT_GOAL := help
.PHONY: help bench test notebooks gpu speed chaos floors check format setup browser slurm data lock wheel clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

bench: setup data ## run the default sweep on real Fashion-MNIST, then write its report
	@$(BIN)/bench sweep=default; status=$$?; \
	$(BIN)/bench-report results/default && exit $$status

test: setup data ## run the tests; EXTRAS=torch,jax,numba,sklearn includes these frameworks
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

notebooks: setup data ## execute docs/notebooks and store the outputs: half an hour on two cores
	$(BIN)/python docs/notebooks/execute.py

gpu: ## measure this machine's GPU; needs no network and no installation; DATA=FOLDER of the dataset
	PYTHONPATH=$(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH)) $(GPU_PYTHON) -m bench.gpu \
		$(if $(DATA),dataset.path='$(abspath $(DATA))') $(GPU)

speed: setup data ## time an epoch, the loader and the report; compare with the previous times of this machine
	$(BIN)/python -m pytest tests/speed --benchmark-columns=median,iqr,rounds --benchmark-sort=name \
		--benchmark-autosave --benchmark-compare

chaos: setup data ## kill processes, fill disks, damage files at random; EDITION=short takes two minutes
	CHAOS=$(EDITION) $(BIN)/python -m pytest tests/chaos

floors: setup ## run a short test suite on the lowest versions that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear .floors
	VIRTUAL_ENV=.floors $(BIN)/uv pip install --quiet --resolution lowest-direct \
		--editable '.[jax,numba,sklearn]' 'pytest>=8' 'hypothesis>=6.100' 'psutil>=6'
	PYTEST_ADDOPTS=--override-ini=filterwarnings=default .floors/bin/python -m pytest --quiet \
		tests/training tests/config tests/implementations/test_implementations.py -k 'not torch'

check: setup ## lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(INSTALLED) ## create .venv with the versions of requirements.lock

$(BASE): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BASE)-%: $(BASE) extras.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --constraint extras.lock --editable '.[$(EXTRAS)]'
	@touch $@

browser: ## find or install Chromium; without it the tests of the report's page are skipped
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	{ apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 \
	--yes --no-install-recommends chromium fonts-dejavu-core >/dev/null; }

slurm: ## install SLURM from Debian; without it the tests of launcher=slurm are skipped
	@command -v slurmctld >/dev/null || \
	{ apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 \
	--yes --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null; }

data: setup ## find Fashion-MNIST on this machine, or download it
	@$(BIN)/python -m bench.data

lock: setup ## choose new versions and write requirements.lock and extras.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(foreach extra,$(ALL),--extra $(extra)) --universal \
		--python-version 3.11 --upgrade --constraint requirements.lock --no-emit-index-url \
		--no-header --no-annotate --quiet --output-file extras.lock

wheel: setup ## build the wheel into dist/
	$(BIN)/python -m hatchling build --target wheel

clean: ## remove .venv and the caches of tools; results stay
	rm -rf .venv .floors dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
