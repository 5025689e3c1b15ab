# `make demo` and `make test` need nothing but Python 3.11 or newer; each makes .venv and installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check docs clean

demo: $(VENV)/demo.stamp
	$(BIN)/textmaze train labyrinth
	@echo "Before these commands: source $(BIN)/activate"

# On two processors; torch's own threads would only wait for each other.
test: $(VENV)/test.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/docs.stamp
	$(BIN)/mkdocs build --strict
	@echo "To read it: $(BIN)/mkdocs serve"

clean:
	rm -rf $(VENV) build dist site *.egg-info

$(VENV)/demo.stamp: EXTRA =
$(VENV)/test.stamp: EXTRA = [test]
$(VENV)/dev.stamp: EXTRA = [test,dev]
$(VENV)/docs.stamp: EXTRA = [docs]
$(VENV)/%.stamp: setup.cfg constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(EXTRA)'
	touch $@
