# Each target does all its set-up: a virtual environment beside the sources, dependencies from PyPI.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test harder coverage lint types dist site real predictions osinfo clean

demo: .venv/package
	@$(BIN)/python examples/demo.py

test: .venv/installed
	$(BIN)/python -m pytest -q -n auto -m "not real"

# Tests that draw much less by default; HYPOTHESIS_PROFILE=ci makes any test draw more.
DRAWING := tests/picture tests/schema/test_memory_need.py $(addprefix tests/property/test_,\
    $(addsuffix .py,generator io memory own_reserves open_bridges ovmf_gaps reference))

harder: .venv/installed
	HYPOTHESIS_PROFILE=ci $(BIN)/python -m pytest -q -n auto -m "not real" $(DRAWING)

# Branches of the checker and of the encoder that their own tests take. A tracer makes tests take 1.8 times as long, so it
# is these that run once more, and not all of them.
COVERING := tests/schema/test_verify.py tests/schema/test_environment.py tests/solver/rules $(addprefix tests/solver/test_,\
    $(addsuffix .py,optimum wrong_proofs windows window_steps padding too_little_room model_page describe previous order \
    open_bridges bus_classes full_ports many_nics host_cards libvirt_viommu decode limits cli_advise))

coverage: .venv/installed
	$(BIN)/python -m pytest -q -n auto --cov --cov-report=term-missing --cov-fail-under=98 $(COVERING)

# With QEMU=trixie or QEMU=sid: the QEMU, firmware and libvirt of that Debian, unpacked beside the sources. TESTS are
# files of tests, all by default.
TESTS ?= tests
FETCHED := $(if $(QEMU),.qemu/$(QEMU)/fetched)
WITH_QEMU := $(if $(QEMU),PATH="$(CURDIR)/.qemu/$(QEMU)/bin:$$PATH")

real: .venv/installed $(FETCHED)
	$(WITH_QEMU) $(BIN)/python -m pytest -q -n 2 --dist worksteal -m real $(TESTS)

# the firmware predictions over hundreds of random layouts: about an hour
predictions: .venv/installed $(FETCHED)
	$(WITH_QEMU) $(BIN)/python -m tests.real.campaign

# the table of guest operating systems, from an osinfo-db: Debian's package osinfo-db, or OSINFO=DIR
OSINFO ?= /usr/share/osinfo
osinfo: .venv/installed
	$(BIN)/python -m qslot.schema.environment.osinfo.generate --osinfo-dir $(OSINFO)

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

# A wheel and an sdist, and whether they are whole.
dist: .venv/installed
	rm -rf build/lib build/bdist.* dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m tests.distributions dist

# The documentation as a site, in build/site; a warning, such as a link that leads nowhere, is an error.
site: .venv/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# the package alone, with what talks to a QEMU
.venv/package: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[probe]' --config-settings editable_mode=compat
	@touch $@

# and the developers' tools
.venv/installed: .venv/package
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# Kernel, busybox and udev of the guest in tests/real/test_linux.py, from Debian's packages. Needs apt, but not root.
.linux/fetched: tests/real/linux/fetch.sh
	tests/real/linux/fetch.sh .linux
	@touch $@

# QEMU, SeaBIOS, OVMF, libvirt of another Debian. Needs apt, but not root.
.qemu/%/fetched: tests/real/debian/fetch.sh tests/real/debian/python3-libvirt
	tests/real/debian/fetch.sh $* .qemu/$*
	@touch $@

clean:
	rm -rf build dist .venv .linux .qemu .libvirt
