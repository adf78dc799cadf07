# `make` lists the targets. Each makes the environment that it needs where it is missing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RECIPE ?= digits
DATA ?= auto
RUN ?= runs/$(RECIPE)
MODEL ?= models/digits
READER ?= models/paper
# what demo, run and read take: a MODEL that was given, else the bundle that reads pages
TAKEN = $(if $(filter command environment,$(origin MODEL)),$(MODEL),$(READER))

# The one setting that says where the data lies.
ifneq ($(wildcard ../shared/data),)
export DIGITS_DATA ?= $(abspath ../shared/data)
endif
export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP_INSTALL = install --quiet --constraint requirements.lock

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help setup demo run read train convert verify test test-edge test-pi check lint types bench compare report form-figures day-figures figures deploy install deb test-deploy lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo; echo "settings: RECIPE=$(RECIPE) DATA=$(DATA) MODEL=$(MODEL) DIGITS_DATA=$(DIGITS_DATA) PYTHON=$(PYTHON)"

setup: $(VENV)/.dev ## make the whole environment in .venv

demo: $(VENV)/.edge ## read the shipped pictures and a clip, and show where the annotated pictures lie
	@$(BIN)/python -m edge read edge/samples tests/fixtures/hyp5.jpg --annotate annotated --model $(TAKEN)
	@echo; echo "a rendered meter that runs (demo:), a line for each new reading:"
	@$(BIN)/python -m edge run --source 'demo:?frames=60' --model $(TAKEN)
	@echo; echo "The pictures with what was read drawn on them lie in $(CURDIR)/annotated"

run: $(VENV)/.edge ## read the camera until Ctrl-C (SOURCE=camera by default)
	@$(BIN)/python -m edge run --source $(or $(SOURCE),camera) --model $(TAKEN)

read: $(VENV)/.edge ## read pictures, folders or video files: make read SOURCE=page.png
	@$(BIN)/python -m edge read $(or $(SOURCE),edge/samples) --model $(TAKEN)

train: $(VENV)/.train ## train RECIPE on DATA into RUN
	$(BIN)/python -m train fit $(RECIPE) --data $(DATA) --out $(RUN)

convert: $(VENV)/.train ## quantize RUN to an int8 bundle, if it passes the gates
	$(BIN)/python -m convert build $(RUN)

verify: $(VENV)/.train ## run the gates on MODEL again
	$(BIN)/python -m convert verify $(MODEL) --run $(RUN)

test: $(VENV)/.dev ## run all tests
	$(BIN)/python -m pytest tests/edge  # on its own: tflite-runtime refuses every model once TensorFlow is imported
	$(BIN)/python -m pytest tests --ignore tests/edge

test-edge: .venv-edge/.edge ## run the device's tests with the device's packages alone
	@if .venv-edge/bin/python -c 'import tensorflow' 2>/dev/null; then echo 'TensorFlow is in .venv-edge: the proof is void'; exit 1; fi
	.venv-edge/bin/python -m pytest tests/edge

test-pi: $(VENV)/.dev ## run picamera2 on the processors of a Zero 2 W, Pi 4 and Pi 5 (as root; mmdebstrap, qemu-user-static)
	TEST_PI=1 $(BIN)/python -m pytest tests/pi

check: lint types test-edge test ## all that CI does

lint: $(VENV)/.dev ## formatter and linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev ## type checker on edge/
	$(BIN)/mypy edge

bench: $(VENV)/.edge ## latency of each stage on this machine
	@$(BIN)/python -m edge bench --model $(READER)

compare: $(VENV)/.dev .venv-compare/.compare ## Tesseract and RapidOCR on the same scenes, in an environment of their own
	@command -v tesseract >/dev/null || { echo 'Tesseract is missing: sudo apt-get install tesseract-ocr' >&2; exit 1; }
	$(BIN)/python -m tests.compare.run --model $(READER) --count $(or $(COUNT),20) --out tests/compare/report.json

report: $(VENV)/.dev ## measure again and write the tables of README.md
	$(BIN)/python -m tests.scenes.measure --model $(READER) --out tests/scenes/report.json
	$(BIN)/python -m tests.scenes.touching --model $(READER) --out tests/scenes/touching.json
	$(BIN)/python -m tests.scenes.elsewhere --model $(READER) --out tests/scenes/elsewhere.json
	$(BIN)/python -m tests.scenes.photographs --model $(READER) --out tests/scenes/photographs.json
	$(BIN)/python -m tests.scenes.speed --model $(READER) --out tests/scenes/speed.json
	$(BIN)/python -m tests.forms.measure --model $(READER) --split test --count 6 --jobs 2 --out tests/forms/report.json
	$(BIN)/python -m tests.meters.measure --model models/meter --out tests/meters/report.json
	$(BIN)/python -m edge bench --model $(READER) --json > tests/bench.json
	$(BIN)/python -m tests.readme_tables --write

form-figures: $(VENV)/.dev ## memory over a stack of 1,000 forms, and wrong numbers of 10,000 with a check digit, an hour
	$(BIN)/python -m tests.forms.measure --model $(READER) --stack 1000 --table --out tests/forms/stack.json
	$(BIN)/python -m tests.forms.measure --model $(READER) --fields 10000 --jobs 2 --out tests/forms/fields.json

day-figures: $(VENV)/.dev ## what is published of ten simulated meters over DAYS (1 by default), three minutes a day and meter
	$(BIN)/python -m tests.meters.months --days $(or $(DAYS),1) --again 0.2 --jobs 2 --out tests/meters/months.json
	$(BIN)/python -m tests.readme_tables --write

figures: $(VENV)/.dev ## what sources and service cost, half an hour (root, mmdebstrap and qemu-user for a Pi's rows)
	$(BIN)/python -m tests.sources.figures --out tests/sources/report.json
	$(BIN)/python -m tests.sources.memory --out tests/sources/memory.json
	$(BIN)/python -m tests.sources.memory --unread --out tests/sources/memory_unread.json
	$(BIN)/python -m tests.pi.instructions --out tests/pi/instructions.json
	$(BIN)/python -m tests.readme_tables --write

deb: $(VENV)/.edge ## build Debian packages for ARCH (arm64 and amd64 by default) in dist/
	@for arch in $(or $(ARCH),arm64 amd64); do PYTHON=$(BIN)/python edge/deploy/build_deb.sh $$arch dist || exit 1; done

deploy: $(VENV)/bin/python ## install on the device PI=user@host over ssh, or leave it as it was
	@PYTHON=$(BIN)/python edge/deploy/deploy.sh $(PI)

install: $(VENV)/bin/python ## install on this machine, a Pi, as a service (asks for sudo)
	@fits=$$(/usr/bin/python3 edge/deploy/probe.py) && folder=$$(PYTHON=$(BIN)/python edge/deploy/bundle.sh $$fits) \
		&& $$([ $$(id -u) = 0 ] || echo sudo) sh $$folder/install.sh

test-deploy: $(VENV)/.dev ## deploy and dist/*.deb in emulated userlands of Bookworm and Trixie (root; mmdebstrap, qemu-user-static)
	TEST_DEPLOY=1 $(BIN)/python -m pytest tests/deploy --timeout 3600

lock: $(VENV)/.dev ## pin the versions of all packages in requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links pyproject.toml --output-file requirements.lock

clean: ## remove environments, runs and caches; models/ stays
	rm -rf .venv .venv-edge .venv-compare runs build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.edge: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing the device's packages into $(VENV)"
	@$(BIN)/pip $(PIP_INSTALL) --editable '.[edge]'
	@touch $@

$(VENV)/.train: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing TensorFlow and the workstation's packages into $(VENV): a few minutes"
	@$(BIN)/pip $(PIP_INSTALL) --editable '.[train,tflite]'
	@touch $@ $(VENV)/.edge

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing all packages into $(VENV): a few minutes"
	@$(BIN)/pip $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.train $(VENV)/.edge

.venv-compare/.compare: tests/compare/requirements.txt requirements.lock
	@echo "installing RapidOCR and pytesseract into .venv-compare"
	@$(PYTHON) -m venv .venv-compare
	@.venv-compare/bin/pip $(PIP_INSTALL) --requirement tests/compare/requirements.txt
	@touch $@

.venv-edge/.edge: pyproject.toml requirements.lock
	@echo "installing the device's packages and pytest into .venv-edge"
	@$(PYTHON) -m venv .venv-edge
	@.venv-edge/bin/pip $(PIP_INSTALL) --editable '.[edge,forms,tflite]' pytest pytest-timeout hypothesis gpiozero
	@touch $@
