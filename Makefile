# StripSight: `make` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --disable-pip-version-check -q -c constraints.txt
DEMO := var/demo
DEMO_BUNDLE := deploy/bundles/demo
REAL_DATA := $(or $(STRIPSIGHT_DATA),../shared/data)
REAL_FRAMES := $(wildcard $(REAL_DATA)/gc10_frames)
ARGS ?=
FOLD ?= 0
TEACHER ?= 0
DISTILLED := $(filter-out 0 no,$(TEACHER))
RUN_OPTIONS := --fold $(FOLD) $(if $(DISTILLED),--teacher)
RUN_NAME := fold$(FOLD)$(if $(DISTILLED),-distilled)
XSDD := $(or $(DATA),$(REAL_DATA)/x_sdd)
XSDD_OUT := var/train-xsdd/$(RUN_NAME)
# Branch coverage of contract and edge, in per cent; asked for where no test may be skipped.
FLOOR := $(if $(findstring --no-skips,$(ARGS)),94,0)

# Every process that a test starts would compile the modules anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test check format lint types imports unit bench soak demo-score real-line train-xsdd train-neu docs clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@deploy/setup/venv.sh $(PYTHON) $(VENV)

$(VENV)/.line: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing the line's packages into $(VENV) (about a minute)"
	$(PIP) -e '.[edge,broker,opcua,camera,cpu,console]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing all packages into $(VENV) (torch included: some minutes)"
	$(PIP) -e '.[edge,broker,opcua,camera,cpu,console,training,export,dev]'
	@touch $@ $(VENV)/.line

$(DEMO)/truth.json: | $(VENV)/.line
	@echo "drawing the demo's strip"
	@rm -rf $(DEMO)/frames $(DEMO)/masks
	@$(BIN)/stripsight-edge simulate --out $(DEMO) --tiles 0 --strip-mm 940 --coil-m 20.48

run: $(VENV)/.line $(DEMO)/truth.json ## run the daemon on the demo line (ARGS="--for 20" stops by itself)
	@$(BIN)/stripsight-edge run --config deploy/config/demo.yaml --report $(DEMO)/report.html $(ARGS)

test: $(VENV)/.dev ## install what the tests need, then check and run all that CI runs
	@deploy/setup/programs.sh
	@deploy/setup/node.sh
	@deploy/setup/nodeset.sh
	@$(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/integration tests/deploy -m 'not alone and not soak' \
	  -n auto --dist loadfile --cov --cov-append --cov-report= $(ARGS)
	$(BIN)/pytest tests/integration tests/deploy -m 'alone and not soak' \
	  --cov --cov-append --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=$(FLOOR)

check: $(VENV)/.dev format lint types imports unit ## format, lint, types, imports, unit tests

format: $(VENV)/.dev ## is the code formatted?
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff check .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

imports: $(VENV)/.dev ## which package may import which
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/.dev ## unit tests
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/unit -n auto --dist loadfile --cov --cov-report= $(ARGS)

bench: $(VENV)/.dev ## the performance contract, two hours (ARGS="--quick": minutes)
	@deploy/setup/programs.sh
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.dev ## failure drills for hours (ARGS="--hours 8 --only stops_and_kills")
	@deploy/setup/programs.sh
	$(BIN)/python -m tests.drills $(ARGS)

demo-score: $(VENV)/.line ## recall and false alarms of the demo bundle on strips it never saw
	$(BIN)/stripsight-edge score --bundle $(DEMO_BUNDLE) $(addprefix --real-frames ,$(REAL_FRAMES)) $(ARGS)

train-xsdd: $(VENV)/.dev ## X-SDD's pictures to an int8 bundle (DATA=folder FOLD=0; TEACHER=1: distilled)
	PATH="$(abspath $(BIN)):$$PATH" BUNDLE_NAME=x-sdd deploy/training/bundle.sh $(XSDD) \
	  deploy/training/xsdd.yaml $(XSDD_OUT) $(RUN_OPTIONS)

real-line: train-xsdd ## the same, then the daemon over its held-out pictures, tile by tile
	@deploy/setup/programs.sh
	$(BIN)/python -m tests.real_line --data $(XSDD) --trained $(XSDD_OUT)

train-neu: $(VENV)/.dev ## the same for NEU-CLS
	PATH="$(abspath $(BIN)):$$PATH" BUNDLE_NAME=neu-cls \
	  deploy/training/bundle.sh $(or $(DATA),$(REAL_DATA)/neu_cls) \
	  deploy/training/neu.yaml var/train-neu/$(RUN_NAME) $(RUN_OPTIONS)

docs: $(VENV)/.dev ## write what in docs/ comes from the code and from measured figures (list: docs/generate.py)
	$(BIN)/python docs/generate.py

clean: ## remove what was built here (not the virtual environment)
	rm -rf var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
