# `make help` lists the targets.
SHELL := /bin/bash
GO    ?= go
export GOFLAGS := -trimpath

.PHONY: demo build test lint bench load-peers soak soak-pages crash-matrix screens setup help
.DEFAULT_GOAL := help

demo: build ## watch a small shop get hurt, run the incident, leave with a post-mortem
	./sitrep demo

build: ## one static binary, ./sitrep
	CGO_ENABLED=0 $(GO) build -ldflags '-s -w' -o sitrep ./cmd/sitrep

setup: ## install what the tests need (apt)
	.ci/setup

# SQLite is C that was translated to Go: its memory lies outside Go's heap, where
# the race detector sees nothing, and watching it makes the store three times as
# slow. The driver, and all that is ours, is watched.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# vet is lint's
TEST := $(GO) test -vet=off -timeout 24m

# Packages that start no goroutine, nor serve anybody, have nothing that could race: they are
# tested in full without the detector, which takes a tenth of the time.
CONCURRENT := ^[[:space:]]*(defer )?go (func|[a-zA-Z_.]+\()|\.Go\(|"net/http
PACKAGES = $(shell $(GO) list -f '{{.Dir}}' ./... | sed 's,^$(CURDIR),.,')
ALONE = $(shell for d in $(PACKAGES); do grep -qE '$(CONCURRENT)' $$d/*.go || echo $$d; done)

# Tests of the program as a whole start it as `make build` builds it, without the detector:
# with it they would take twice the time, and it would watch the tests alone.
WHOLE = $(shell awk '/^func Test/ { sub(/[^A-Za-z0-9_].*/, "", $$2); print $$2 }' $$(grep -lE '\<(binary|headless|terminal|testscript)\>' cmd/sitrep/*_test.go) | paste -sd '|')

# Those that wait longest, for processes, disks and servers, begin first, so that none is
# left alone at the end; two of them, lab and chaos, start processes by the dozen, and on a
# small machine they do not meet.
FIRST := ./cmd/sitrep/lab ./chaos/fault ./query ./store ./loadtest ./loadtest/knee ./tui ./chaos

# A law (rapid.Check) holds for a hundred random inputs, which takes minutes with the race
# detector and seconds without. A race shows in the first of them: with it laws see RACED
# of them, and all without it, in a second run of those tests and of those that ask
# whether they are raced.
RACED := 20
LAW := rapid\.Check|(if|;) raced \{$$
HAVE_LAWS = $(shell grep -rlE --include='*_test.go' '$(LAW)|$(MARK)' .)
LAWS = $(shell awk '/^func / { sub(/[^A-Za-z0-9_].*/, "", $$2); name = $$2 } /$(LAW)/ { print name }' $(HAVE_LAWS) | sort -u | paste -sd '|')

# A test that measures memory, or counts for long in one goroutine, says "// not raced:" and
# why in its body; screens that are stepped by hand have one goroutine too. Both are run
# without the detector only.
MARK := ^[[:space:]]+.. not raced:
STEPPED = $(shell awk '/^func Test/ { sub(/[^A-Za-z0-9_].*/, "", $$2); print $$2 }' $$(grep -LE '$(CONCURRENT)|tea\.NewProgram' tui/*_test.go) | grep -vx TestMain)
PLAIN = $(shell { awk '/^func / { sub(/[^A-Za-z0-9_].*/, "", $$2); name = $$2 } /$(MARK)/ { print name }' $(HAVE_LAWS); printf '%s\n' $(STEPPED); } | sort -u | paste -sd '|')

test: needs ## all tests, with the race detector; then what does less with it, in full
	@twice=$$(awk '/^func Test/ { sub(/[^A-Za-z0-9_].*/, "", $$2); print $$2 }' $(wildcard $(patsubst %,%/*_test.go,$(filter-out $(ALONE),$(PACKAGES)))) | grep -vx TestMain | sort | uniq -d | grep -xE '$(WHOLE)|$(PLAIN)'); \
		test -z "$$twice" || { echo "two packages have a test of this name, and one would be left out:" $$twice; exit 1; }
	@echo 'what runs beside something else, with the race detector'
	@RAPID_CHECKS=$(RACED) $(TEST) $(RACE) -skip '^($(WHOLE)|$(PLAIN))$$' $(FIRST) $(filter-out $(FIRST) $(ALONE),$(PACKAGES))
	@echo 'the program as a whole, the laws in full, and what starts no goroutine, without the race detector'
	@CGO_ENABLED=0 $(TEST) -run '^($(WHOLE)|$(LAWS)|$(PLAIN))$$' ./cmd/sitrep $(filter-out ./cmd/sitrep $(ALONE),$(patsubst %/,%,$(sort ./tui/ $(dir $(HAVE_LAWS)))))
	@CGO_ENABLED=0 $(TEST) $(ALONE)

soak: needs ## kill writers of the store at random for SOAK (default 1h), and look that nothing was lost
	SITREP_SOAK=$(or $(SOAK),1h) $(GO) test ./store -run TestSoak -v -timeout 0

soak-pages: needs ## SEEDS (default 6) bad nights: processes killed and stopped, sinks that misbehave, and every page accounted for
	SITREP_SEEDS=$(or $(SEEDS),6) $(GO) test ./cmd/sitrep/lab -run TestNightsOfRealProcesses -v -timeout 0

crash-matrix: ## who may die at which moment of a chaos run, and who undoes it
	@set -o pipefail; $(GO) test -vet=off -count=1 ./chaos -run 'TestCrashMatrix$$' -v | sed -n '/gone after/,/^---/p' | grep -v -e '^---'

lint: export CGO_ENABLED := 0 # as the program is built: compiled once for both
lint: ## format, vet, staticcheck, dead code, import table
	@bad=$$($(GO) tool -modfile=tools/go.mod gofumpt -l .); test -z "$$bad" || { echo "gofumpt -w these files:"; echo "$$bad"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	@dead=$$($(GO) tool -modfile=tools/go.mod deadcode -test ./...); test -z "$$dead" || { echo "dead code:"; echo "$$dead"; exit 1; }
	$(GO) test -vet=off -count=1 .

bench: build ## benchmarks, and the program measured from outside
	$(GO) test -run '^$$' -bench . -benchmem ./...

load-peers: ## load sent by sitrep beside wrk, hey and vegeta, on one server in one run
	@for c in wrk hey nginx; do PATH="$$PATH:/usr/sbin" command -v $$c >/dev/null || { echo "$$c is missing: apt-get install nginx-light wrk hey"; exit 1; }; done
	$(GO) test -tags peers -vet=off ./loadtest -run '^$$' -bench Peers -benchtime 1x -timeout 30m
	$(GO) test -tags peers -vet=off ./loadtest/knee -run '^$$' -bench Peers -benchtime 1x -timeout 30m

screens: build ## render the README's pictures from the running program
	docs/screens.sh

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: needs
needs:
	@for c in tmux gcc prometheus prometheus-alertmanager prometheus-node-exporter victoria-metrics redis-server etcd sqlite3 jq curl stress-ng; do \
		command -v $$c >/dev/null || { echo "the tests need $$c, which is missing: run make setup"; exit 1; }; done
