# The README's commands. Everything runs in .venv; PYTHON chooses the interpreter that makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
MUTANTS ?= --mutants
export OMP_NUM_THREADS := 1
export PYTHONUNBUFFERED := 1

.PHONY: help install course book class test runs check format audit drawn faults clean

help:           ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

install: $(VENV)/installed      ## make .venv with the pinned requirements

# Whose sample class `make course` marks, side by side with the book's build; LABS=--all takes every lab's.
LABS ?= neurons convolution
course: install ## build the book, make the labs, grade the sample class, write its feedback
	@$(MAKE) --no-print-directory --jobs 2 book class
	$(BIN)/course gradebook
	@echo "The book:     _build/html/index.html"
	@echo "The labs:     labs/"
	@echo "The feedback: classroom/feedback/"

book: install
	$(BIN)/course build

# The sample class has no GPU: what it trains on small data earns all points. It leaves half the cores to the book.
class: export COURSE_COUNTS := mini
class: install
	$(BIN)/course release --all
	$(BIN)/course sample $(LABS)
	$(BIN)/course grade $(LABS) --workers $$(( ($(CORES) + 1) / 2 ))
	$(BIN)/course feedback $(LABS)

# A worker that dies is a failure, said at once: where pytest-xdist replaces it, a run by files never ends.
test: install   ## run the tests
	$(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

# What passed is kept by content in solutions/<key>/runs.json; AGAIN=--again runs all the same.
runs: install   ## run every lab, solved, in one kernel as a student does, and on an emulated GPU with its reference
	$(BIN)/python -m tests.runs --jobs $(CORES) $(AGAIN)

check: install  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## bring all Python into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: install  ## every lab's checks against generated mutants; rewrites solutions/<key>/mutation_score.json
	$(BIN)/course audit --all $(MUTANTS)

drawn: install  ## run and audit again two topics and some mutants, drawn by the date: as they passed, they must pass
	$(BIN)/python -m tests.runs --jobs $(CORES) --drawn
	$(BIN)/course audit --all --drawn

faults: install ## kill the grader twenty times at random moments
	COURSE_FAULTS=20 $(BIN)/python -m pytest tests/grading/classroom/test_faults.py

clean:          ## remove what was made, keep the classroom
	rm -rf _build $(VENV) .pytest_cache .mypy_cache .ruff_cache
