# `make quickstart` and `make test` work on a bare machine with python3 only:
# they create .venv, install the package there, and reuse it the next time.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# TensorFlow of another version lies in an environment of its own.
VENV_IO ?= .venv-io
# Where trainings are followed.
VENV_LOG ?= .venv-log
# What else pytest is told: `make test-tensorflow TESTS=tests/layers`.
TESTS ?=
# Two processes on two cores: with more threads each they would wait for one
# another, a fifth of the time.
ONE_THREAD := TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
	OMP_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal
# Tests run what XLA compiles once or twice: compiling it well would take
# longer than it saves.
JAX := KERAS_BACKEND=jax XLA_FLAGS=--xla_backend_optimization_level=0

# What computes by the backend: every layer, each network built, trained for a
# step, saved and loaded, and values that are moved between variables.
BACKEND_TESTS := tests/applications/backends_test.py \
	tests/applications/parts/torch_run_test.py tests/layers \
	tests/flow/tvl1 tests/weights/copying_test.py \
	tests/evaluation/scorers/replicas_test.py \
	tests/reporting/measuring/multiply_adds_test.py
# All that may be built without TensorFlow; tf.data, tf.distribute and
# SavedModel are TensorFlow's.
NETWORK_TESTS := tests/layers tests/backbones tests/applications \
	tests/weights tests/flow/tvl1 tests/imports_test.py

.PHONY: quickstart test test-tensorflow test-jax test-torch test-all test-io \
	test-log docs tutorials dist lint format clean

quickstart: $(VENV)/.installed
	$(BIN)/vidrec quickstart

test: test-tensorflow test-jax

test-tensorflow: $(VENV)/.installed-test
	$(PYTEST) $(TESTS)

test-jax: $(VENV)/.installed-test
	$(JAX) $(PYTEST) $(or $(TESTS),$(BACKEND_TESTS))

# The networks, what is PyTorch's own, and a training that is interrupted.
TORCH_TESTS := tests/applications/backends_test.py \
	tests/applications/parts/torch_run_test.py \
	tests/export/other_backend_test.py \
	tests/layers/batch_normalization_test.py \
	tests/layers/batch_normalization_groups_test.py \
	tests/training/environment_test.py \
	tests/training/optimizers/mean_gradient_test.py \
	tests/training/trainer_test.py::test_a_terminated_run_goes_on \
	tests/visualization/gradients_test.py
test-torch: $(VENV)/.installed-test
	KERAS_BACKEND=torch $(PYTEST) $(or $(TESTS),$(TORCH_TESTS))

# Hours: the large ones too, networks trained until they tell the order of
# events among them.
test-all: $(VENV)/.installed-test
	$(PYTEST) --run-large
	$(JAX) $(PYTEST) --run-large $(NETWORK_TESTS)
	$(MAKE) test-torch test-io test-log

# Object stores by way of tensorflow-io, and the oldest TensorFlow.
test-io: $(VENV_IO)/.installed
	$(VENV_IO)/bin/python -m pytest --run-large \
		tests/cli/object_store_test.py tests/data/prepared/storage_test.py \
		tests/data/sources/records_test.py tests/data/sources/features_test.py \
		tests/data/pipeline_test.py tests/training/dataset_test.py

# Weights & Biases and MLflow, offline, and a study by Optuna.
test-log: $(VENV_LOG)/.installed
	$(VENV_LOG)/bin/python -m pytest \
		tests/training/callbacks/trackers_test.py \
		tests/training/study_test.py

# The site, into build/site; a link that leads nowhere is an error. Tutorials are
# executed where build/tutorials has none of the same code.
docs: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

# All tutorials, executed with the package as it is now, into build/tutorials.
tutorials: $(VENV)/.installed-dev
	$(BIN)/python docs/hooks/notebooks.py

# What is published: the wheel and the source, checked.
dist: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV_IO) $(VENV_LOG) build dist *.egg-info \
		.pytest_cache .ruff_cache quickstart
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV_IO)/bin/python:
	$(PYTHON) -m venv $(VENV_IO)

$(VENV_LOG)/bin/python:
	$(PYTHON) -m venv $(VENV_LOG)

# Installed again when the dependencies change.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# PyTorch is what imported weights are checked against.
$(VENV)/.installed-test: setup.cfg pyproject.toml requirements/torch-cpu.txt \
		| $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[test]" \
		--requirement requirements/torch-cpu.txt
	touch $@ $(VENV)/.installed

$(VENV_IO)/.installed: setup.cfg pyproject.toml | $(VENV_IO)/bin/python
	$(VENV_IO)/bin/python -m pip install --quiet --editable ".[io,test-io]"
	touch $@

$(VENV_LOG)/.installed: setup.cfg pyproject.toml | $(VENV_LOG)/bin/python
	$(VENV_LOG)/bin/python -m pip install --quiet --editable ".[test-log]"
	touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml requirements/torch-cpu.txt \
		| $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]" \
		--requirement requirements/torch-cpu.txt
	touch $@ $(VENV)/.installed-test $(VENV)/.installed
