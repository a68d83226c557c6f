# The README's commands. Everything runs in .venv; PYTHON chooses the interpreter that makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
export OMP_NUM_THREADS := 1
export PYTHONUNBUFFERED := 1

.PHONY: help install course test check audit faults clean

help:           ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

install: $(VENV)/installed      ## make .venv with the pinned requirements

# The sample class has no GPU: what it trains on small data earns all points.
course: export COURSE_COUNTS := mini
course: install ## build the book, make the labs, grade the sample class, write its feedback
	$(BIN)/course build
	$(BIN)/course release --all
	$(BIN)/course sample --all
	$(BIN)/course grade --all
	$(BIN)/course feedback --all
	$(BIN)/course gradebook
	@echo "The book:     _build/html/index.html"
	@echo "The labs:     labs/"
	@echo "The feedback: classroom/feedback/"

test: install   ## run the tests
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile $(ARGS)

check: install  ## lint, types, links and leaks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/course release --all --check

audit: install  ## every lab's checks against generated mutants; rewrites tests/mutation_scores.json
	$(BIN)/course audit --all --mutants

faults: install ## kill the grader twenty times at random moments
	COURSE_FAULTS=20 $(BIN)/python -m pytest tests/grading/test_faults.py

clean:          ## remove what was made, keep the classroom
	rm -rf _build $(VENV) .pytest_cache .mypy_cache .ruff_cache
