# Peerpods: `make help` lists what there is to make. scripts/setup installs or names what this machine lacks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# Looked up when a recipe runs: scripts/setup comes first and may install it.
export JAVA_HOME = $(shell scripts/jdk25 2>/dev/null)
# The programs that scripts/setup brought; those of the super-user, which some PATHs leave out.
export PATH := $(CURDIR)/target/tools:$(PATH):/usr/sbin:/sbin
# A JDK 25 warns of what Maven's own libraries do (guava: sun.misc.Unsafe; jansi: native code). Maven itself may run on an older
# JDK, which does not know the options: so they are not in .mvn/jvm.config. Without jansi.noreset, some versions print control
# characters at their end, even into a file.
export MAVEN_OPTS := --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED -Djansi.noreset=true $(MAVEN_OPTS)
MVN ?= mvn
MAVEN := $(MVN) -B -ntp -Dstyle.color=never
SOURCES := $(shell find . -path ./dist -prune -o -name target -prune -o \( -name '*.java' -o -name '*.proto' -o -name pom.xml \) -print)

.PHONY: help setup dist demo demo-aws test bench bench-aws fmt clean
.DEFAULT_GOAL := help

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "  Each target first installs what it needs (root on Debian or Ubuntu) or lists it; with SETUP=check it only prints that."

setup:
	@scripts/setup $(MAKECMDGOALS)

ifeq ($(SETUP),check)
dist demo demo-aws test bench bench-aws fmt: setup
else
dist: dist/.made ## the two distributions, dist/adaptor and dist/podvm-agent

# The linters take more than half of a build, so only `make test` runs them (without -q, which hides their warnings). What was
# compiled without them is compiled again for it.
LINT = -Dlint=off
test: LINT =
UNLINTED = $(if $(LINT),mkdir -p target && touch target/.unlinted)

dist/.made: $(SOURCES) scripts/dist scripts/launcher | setup
	@echo "Building (the first time it takes some minutes)"
	@$(UNLINTED)
	@$(MAVEN) $(if $(LINT),-q) package -DskipTests $(LINT) -Dspotless.check.skip=true
	@scripts/dist
	@touch $@

demo: dist/.made ## the main job on this machine: a pod on its own VM, every path checked (root)
	@scripts/demo

demo-aws: dist/.made ## the same through the provider aws, on an emulated EC2 (root)
	@scripts/demo --aws

test: dist/.made ## every test; what was skipped, and why, is listed at the end (root)
	@if [ -e target/.unlinted ]; then \
	  rm dist/.made; find . -path ./target -prune -o -path '*/target/*classes' -prune -exec rm -rf {} +; \
	  $(MAVEN) test-compile; \
	  touch dist/.made; rm target/.unlinted; \
	fi
	$(MAVEN) verify
	@"$(JAVA_HOME)/bin/java" scripts/Skipped.java

bench: dist/.made ## the figures, each as a ratio to a reference of the same run (root)
	@scripts/bench

bench-aws: setup ## 200 pods at once on an emulated EC2, the existing system beside it (a quarter of an hour)
	@$(UNLINTED)
	@scripts/bench-aws

fmt: setup ## formats every source file
	$(MAVEN) -q spotless:apply
endif

clean: ## removes everything that was built
	$(MAVEN) -q clean
	rm -rf dist
