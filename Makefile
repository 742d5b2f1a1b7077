# bss-gateway. `make run` shows it at work, `make test` checks everything, `make help` lists the rest.
# Needs CPython 3.11, 3.12 or 3.13; everything else is installed into .venv here.

.DEFAULT_GOAL := help
.PRECIOUS: .venv-%/installed
.PHONY: help venv run test test-whole test-crash test-others coverage lint bench interop clean
.SECONDEXPANSION:

FOUND := $(shell sh .ci/find-python | tr ' ' =)
PYTHONS := $(subst =, ,$(FOUND))
MINOR := $(word 1,$(PYTHONS))
PYTHON := $(word 2,$(PYTHONS))
# The newest runs all tests, measured; the others the fast ones. From 3.12 on sys.monitoring measures lines at no cost,
# tracing doubles what the suite takes.
WHOLE := $(lastword $(filter 3.%,$(PYTHONS)))
OTHERS := $(filter-out $(WHOLE),$(filter 3.%,$(PYTHONS)))
TRACE := $(if $(filter 3.11,$(WHOLE)),,COVERAGE_CORE=sysmon)
interpreter = $(patsubst $(1)=%,%,$(filter $(1)=%,$(FOUND)))
home = $(if $(filter $(MINOR),$(1)),.venv,.venv-$(1))
BIN := .venv/bin
PIP := -m pip --disable-pip-version-check --quiet install
ARGS ?=
# Tests run side by side, one process a core, files as whole as can be: what a file prepares is prepared once; JOBS= runs
# them in one.
JOBS ?= -n auto --dist worksteal
# The fast suite; worlds in virtual time, real processes killed, pages walked and what one interpreter answers for all run on the
# newest one only.
FAST := not simulation and not once and not crash and not interop and not browser and not pages
export PYTHONUTF8 := 1
# Many tests start processes; without compiled modules each would compile the whole program anew.
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo 'make run    网关、模拟器、20 张演示定单 / gateway, simulators, 20 demo orders (ARGS="--once" ends by itself)'
	@echo 'make test   静态检查与测试 / linters, all tests on the newest CPython; the fast ones on every CPython 3.11-3.13 present'
	@echo 'make coverage 覆盖率，含分支 / all tests on the oldest CPython, branches measured too (slow)'
	@echo 'make lint   只做静态检查 / linters and types only'
	@echo 'make bench  性能测量 / measurements (ARGS="intake --seconds 10")'
	@echo 'make interop 与其他 SOAP 工具互通，打印结果表 / other SOAP toolkits as clients and servers, and a table of results'
	@echo 'make venv   只装环境 / only install into .venv'
	@echo 'make clean  删去安装与演示数据 / remove what make made: environments, caches, demo data'

venv: .venv/installed

.venv/installed: requirements/runtime.txt requirements/test.txt requirements/dev.txt
	@test -n '$(PYTHON)' || { \
	  echo '找不到 Python 3.11、3.12 或 3.13（含 venv 模块）：请安装其一后重试。' \
	       '/ no Python 3.11, 3.12 or 3.13 (with venv) found: install one and try again.' >&2; exit 2; }
	@echo '== .venv: CPython $(MINOR)'
	@test -x $(BIN)/python || '$(PYTHON)' -m venv .venv
	@$(BIN)/python $(PIP) -r requirements/dev.txt
	@$(BIN)/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv-%/installed: requirements/runtime.txt requirements/test.txt
	@echo '== .venv-$*: CPython $*'
	@test -x .venv-$*/bin/python || '$(call interpreter,$*)' -m venv .venv-$*
	@.venv-$*/bin/python $(PIP) -r requirements/test.txt
	@.venv-$*/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

run: venv
	@$(BIN)/bssgw run --with-simulators --demo 20 $(ARGS)

lint: venv
	@echo '== ruff'
	@$(BIN)/ruff check .
	@echo '== mypy'
	@$(BIN)/mypy
	@echo '== lint-imports'
	@$(BIN)/lint-imports --no-cache

test: lint test-whole test-crash test-others

ifneq ($(filter test,$(MAKECMDGOALS)),)
# Two at a time: linters run while other interpreters' environments are installed; suites run one after another, each on
# all processors.
MAKEFLAGS += --jobs=2
test-whole: | lint
test-crash: | test-whole
$(OTHERS:%=test-on-%): | test-crash
ifneq ($(word 2,$(OTHERS)),)
test-on-$(word 2,$(OTHERS)): | test-on-$(firstword $(OTHERS))
endif
endif

test-whole: $$(call home,$(WHOLE))/installed
	@echo '== all tests on CPython $(WHOLE)'
	@rm -f .coverage .coverage.*
	@$(TRACE) $(call home,$(WHOLE))/bin/python -m coverage run -m pytest $(JOBS) $(ARGS)
	@$(call home,$(WHOLE))/bin/python -m coverage combine --quiet
	@$(call home,$(WHOLE))/bin/python -m coverage report

test-crash: $$(call home,$(WHOLE))/installed
	@echo '== real processes killed, pages walked, CPython $(WHOLE)'
	@$(call home,$(WHOLE))/bin/python -m pytest -p no:cacheprovider $(JOBS) -m 'crash or pages' tests/crash tests/reference

test-others: $(OTHERS:%=test-on-%)

test-on-%: $$(call home,$$*)/installed
	@echo '== fast tests on CPython $*'
	@$(call home,$*)/bin/python -m pytest -p no:cacheprovider $(JOBS) -m '$(FAST)' $(ARGS)

coverage: venv
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run --branch -m pytest $(JOBS) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

bench: venv
ifeq ($(strip $(ARGS)),)
	@for what in intake lifecycle start; do $(BIN)/bssgw bench $$what --ledger docs/ledger/bench.jsonl || exit 1; done
else
	@$(BIN)/bssgw bench $(ARGS) --ledger docs/ledger/bench.jsonl
endif

# Other toolkits: gSOAP, PHP, curl from Debian, node-soap from npm, zeep and spyne from PyPI (spyne needs CPython 3.11).
INTEROP := build/interop
NODE_SOAP := 1.13.0

.venv-interop/installed: requirements/interop.txt requirements/runtime.txt requirements/test.txt
	@echo '== .venv-interop: CPython 3.11'
	@test -x .venv-interop/bin/python || '$(call interpreter,3.11)' -m venv .venv-interop
	@.venv-interop/bin/python $(PIP) -r requirements/interop.txt
	@.venv-interop/bin/python $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(INTEROP)/installed:
	@for program in wsdl2h soapcpp2 gcc php curl node npm; do command -v $$program >/dev/null || missing=1; done; \
	  php -m 2>/dev/null | grep -qi '^soap$$' || missing=1; \
	  test -z "$$missing" || { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
	    gsoap libgsoap-dev gcc libc6-dev php-cli php-soap curl $$(command -v npm >/dev/null || echo nodejs npm); }
	@mkdir -p $(INTEROP)
	@npm install --silent --no-audit --no-fund --prefix $(INTEROP) soap@$(NODE_SOAP)
	@touch $@

interop: .venv-interop/installed $(INTEROP)/installed
	@.venv-interop/bin/python -m pytest -p no:cacheprovider -m interop tests/interop $(ARGS)

clean:
	rm -rf .venv .venv-3.* .venv-interop .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.* data build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
