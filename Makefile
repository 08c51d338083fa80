# `make demo` and `make test` work on a fresh machine: Python 3.11 to 3.13, and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed
ZOO    := $(VENV)/.installed-zoo
# the other torch of test-torches, and its torchvision
OTHER  ?= torch==2.6.0 torchvision==0.21.0
DOCS   := $(VENV)/.installed-docs

.PHONY: demo test test-long test-zoo test-torches test-docs docs links lint zstd bench wheels results cross fuzz clean

# Everything the project and its tests need, in an environment of its own.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(ZOO): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,zoo]'
	touch $@

$(DOCS): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	touch $@

demo: $(READY)
	$(BIN)/pemn compress mlp --data digits --strategy rp --ratio 1e-2 --threads 1 --force -o digits.pemn
	$(BIN)/pemn restore digits.pemn --force
	$(BIN)/pemn evaluate digits.pemn --data digits
	$(BIN)/pemn report digits.pemn

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The reader in C needs libzstd: where there is none, it is built from what a package carries.
zstd: $(READY)
	@PYTHON=$(BIN)/python sh format_spec/c/zstd.sh format_spec/c/build/zstd || true

test: lint zstd
	# a process for each core; a file stays in one, with what its tests share
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# What takes long and changes seldom: ray, a sweep that is killed, Triton's interpreter, C targets; two minutes.
test-long: lint zstd
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m long

# Models of timm, torchvision and transformers through the whole road, and MaskedModel in the loops
# of Lightning, accelerate, transformers and skorch; about a minute of a core.
test-zoo: $(ZOO)
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/zoo

# The site of all pages, in build/site: a link or an anchor that leads nowhere, a docstring that does
# not fit its function and a word that nobody writes are errors. (--quiet would hide them from --strict.)
docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/codespell
	@echo build/site/index.html

# The links that lead out of the site; needs the net.
links: docs
	$(BIN)/linkchecker --check-extern --no-status --ignore-url '/404\.html$$' build/site/index.html

# The notebook in a kernel of its own, the README's commands as they are typed, and what the page of
# `pemn view` does besides what `make test` tries of it (with tsc, the declarations too); a minute.
test-docs: docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/site

# Archives with graphs written under one torch and restored under another, both ways; the other one
# gets an environment of its own (gigabytes): make test-torches OTHER="torch==2.7.1 torchvision==0.22.1"
test-torches: $(ZOO)
	$(PYTHON) -m venv --clear build/other-torch
	build/other-torch/bin/python -m pip install --quiet --disable-pip-version-check \
	  $(OTHER) numpy bitarray zstandard filelock click lazy_loader rich
	OMP_NUM_THREADS=1 PEMN_OTHER_PYTHON=$(CURDIR)/build/other-torch/bin/python \
	  $(BIN)/python -m pytest tests/zoo/test_across_torches.py -s

# Every table of benchmarks/RESULTS.md and the plot; about a quarter of an hour on a quiet machine.
bench: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench.py

# Both wheels of this tree, each installed in an empty environment and tried there: pemn-format, which
# needs no torch, and pemn-compress, which needs it and brings the other one.
wheels:
	rm -rf dist
	$(PYTHON) distributions/build.py dist
	$(PYTHON) distributions/trying.py dist

# The pages of results/ from the records there: nothing in them is typed by hand. Each folder has a
# grid's records, and in `options` what its pages are made with.
results: $(READY)
	for folder in results/*/records; do \
	  place=$${folder%/records}; options=$$(cat $$place/options); \
	  $(BIN)/pemn report $$folder --front --summary --against papers --details $$options \
	    -o $$place/README.md --plot $$place/front.svg --force; \
	  $(BIN)/pemn report $$folder --against papers $$options -o $$place/index.html --force; \
	done

# The reader in C as aarch64 and s390x; format_spec/c/README.md says what to install.
cross:
	$(MAKE) -C format_spec/c cross

# A million mutated archives through the Python reader, and as many through those in C and JavaScript.
fuzz: $(READY) zstd
	$(BIN)/python benchmarks/fuzz_reader.py --count 1000000 --processes 2
	$(MAKE) -C format_spec/c fuzz
	mkdir -p format_spec/c/build/corpus
	cp format_spec/conformance/accept/*.pemn format_spec/c/build/corpus/
	format_spec/c/build/pemn-fuzz -runs=1000000 -max_len=65536 format_spec/c/build/corpus
	$(MAKE) -C format_spec/js fuzz ROUNDS=1000000

clean:
	$(MAKE) -C format_spec/c clean
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info digits.pemn digits.pt2
