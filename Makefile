# make demo | demo-board | test | lint | format. Everything is installed into .venv on first use.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/installed
DEMO := build/demo
FAILURES := 1000
TARGET_KB := 1.6

.PHONY: demo demo-board test lint format clean

demo: $(READY)
	@$(BIN)/python -m sparsecomp_tools.demo --out $(DEMO)
	@$(BIN)/sparsecomp compress $(DEMO)/model.pt --data $(DEMO)/train.npz --target-kb $(TARGET_KB) -o $(DEMO)/small.pt
	@$(BIN)/sparsecomp-deploy --board host $(DEMO)/small.pt -o $(DEMO)/fashion --failures $(FAILURES)
	@$(BIN)/sparsecomp simulate $(DEMO)/small.pt --failures $(FAILURES) --seed 1
	@$(BIN)/python -m sparsecomp_tools.demo.compressed $(DEMO)/model.pt $(DEMO)/small.pt

# The same network on a board, or on a virtual one where none is plugged in; then on a capacitor.
demo-board: $(READY)
	@$(BIN)/python -m sparsecomp_tools.demo --out $(DEMO)
	@$(BIN)/sparsecomp-deploy --board msp430fr5994 $(DEMO)/model.pt --data $(DEMO)/test.npz -o $(DEMO)/msp430fr5994
	@$(BIN)/python -m sparsecomp_tools.demo.supply $(DEMO)/model.pt --data $(DEMO)/test.npz

test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/python -m pytest -q -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(shell git ls-files '*.c' '*.h')

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf build

# What pip says goes to a log, which is shown where a step fails. The default torch wheel brings gigabytes of GPU
# libraries, so one for the CPU alone is tried first: from PIP_FIND_LINKS, then from PyTorch's own index.
$(READY): pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: python3 is too old"; echo "hint: Python 3.11 or newer is needed"; exit 1; }
	@echo "setting up $(VENV) ..."
	@python3 -m venv $(VENV) > .venv.log 2>&1 || \
	    { cat .venv.log; rm -f .venv.log; echo "hint: apt install python3-venv gcc make"; exit 1; }
	@mv .venv.log $(VENV)/install.log
	@echo "installing torch for the CPU (about 200 MB, the longest step) ..."
	@$(BIN)/pip install -q --no-index --no-deps 'torch>=2.10' >> $(VENV)/install.log 2>&1 || \
	    $(BIN)/pip install -q --no-deps --retries 0 --timeout 20 --index-url https://download.pytorch.org/whl/cpu \
	        'torch>=2.10' >> $(VENV)/install.log 2>&1 || \
	    echo "no torch for the CPU alone was found: taking the default one (several GB) ..."
	@echo "installing sparsecomp and what its tests need ..."
	@$(BIN)/pip install -q -e '.[dev]' >> $(VENV)/install.log 2>&1 || { cat $(VENV)/install.log; exit 1; }
	@touch $(READY)
