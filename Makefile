# Peerpods: `make help` lists what there is to make. Needs Maven 3.8.7 or later; finds a JDK 25 by itself.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export JAVA_HOME := $(shell scripts/jdk25)
ifeq ($(JAVA_HOME),)
$(error no JDK 25)
endif
MVN ?= mvn
MAVEN := $(MVN) -B -ntp
SOURCES := $(shell find . -path ./dist -prune -o -name target -prune -o \( -name '*.java' -o -name '*.proto' -o -name pom.xml \) -print)

.PHONY: help dist demo demo-aws test bench bench-aws fmt clean
.DEFAULT_GOAL := help

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

dist: dist/.made ## the two distributions, dist/adaptor and dist/podvm-agent

dist/.made: $(SOURCES) scripts/dist scripts/launcher
	$(MAVEN) -q package -DskipTests -Dlint=off -Dspotless.check.skip=true
	scripts/dist
	@touch $@

demo: dist/.made ## the main job on this machine: a pod on its own VM, every path checked (root)
	@scripts/demo

demo-aws: dist/.made ## the same through the provider aws, on an emulated EC2 (root; needs moto_server)
	@scripts/demo --aws

test: dist/.made ## every test; what was skipped, and why, is listed at the end (root for most of them)
	$(MAVEN) verify
	@$(JAVA_HOME)/bin/java scripts/Skipped.java

bench: dist/.made ## the figures, each as a ratio to a reference of the same run (root)
	@scripts/bench

bench-aws: ## 200 pods at once on an emulated EC2, the existing system beside it (needs moto_server; a quarter of an hour)
	@scripts/bench-aws

fmt: ## formats every source file
	$(MAVEN) -q spotless:apply

clean: ## removes everything that was built
	$(MAVEN) -q clean
	rm -rf dist
