# The few things a person types. Each sets up what it needs on a Debian machine
# that has Go.
export CGO_ENABLED = 0

DEMO = vigie-demo
fleet: DEMO = vigie-fleet
DATA ?= $(HOME)/.local/share/$(DEMO)
LISTEN ?= 127.0.0.1:8080

.PHONY: help run fleet test lint generate bench soak deb

help:
	@echo 'make run       open the product on this machine: $(LISTEN), data in $(DATA)'
	@echo 'make fleet     the same with three servers to deploy to; needs root'
	@echo 'make test      every test, with a real PostgreSQL and a real browser'
	@echo 'make lint      format, vet, generated files, linters'
	@echo 'make generate  write the generated files again'
	@echo 'make bench     the figures of docs/performance.md'
	@echo 'make soak      the long tests'
	@echo 'make deb       Debian packages, into dist/'

run:
	@scripts/setup run
	go build -o bin/vigie ./cmd/vigie
	PATH="$$PATH:/usr/sbin:$${XDG_CACHE_HOME:-$$HOME/.cache}/vigie/nginx/usr/sbin" bin/vigie demo --listen $(LISTEN) --data $(DATA)

fleet:
	@scripts/setup fleet
	go build -o bin/vigie ./cmd/vigie
	go build -o bin/fleet ./e2e/testfleet/cmd/fleet
	PATH="$$PATH:/usr/sbin:$${XDG_CACHE_HOME:-$$HOME/.cache}/vigie/nginx/usr/sbin" bin/fleet --vigie bin/vigie --listen $(LISTEN) --data $(DATA)

test:
	@scripts/test

lint:
	@scripts/lint

generate:
	@scripts/generate

bench:
	@scripts/bench

soak:
	@scripts/soak

deb:
	@scripts/deb
