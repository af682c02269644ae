# Everything here works in a clean clone with nothing but Go; `make integration` also wants the
# packages of .ci/packages.txt.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# The race detector needs a C compiler. Where there is none the tests run without it.
RACE ?= $(shell command -v $${CC:-gcc} >/dev/null 2>&1 && echo -race)

TOOL := go tool -modfile=.ci/tools/go.mod

.DEFAULT_GOAL := build
.PHONY: run cluster test check integration torture bench build packages release clean

run: build ## the demonstration on http://127.0.0.1:8080
	bin/recordings serve --demo

cluster: build ## the demonstration on three OpenSearch nodes behind two services, http://127.0.0.1:8080 and :8081
	go run ./cmd/cluster bin/recordings

build: ## bin/recordings, with the version of this checkout
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/recordings ./cmd/recordings

# Libraries that compute from what they are given, and share nothing, are not watched by the race detector here: much
# of its work went there. `make integration` watches them, too.
UNWATCHED := github.com/RoaringBitmap/roaring/... github.com/blevesearch/vellum/... github.com/golang/snappy/...

# The longest come first, so that nobody waits for one of them alone in the end. `make check` vets; a
# test collects garbage less often than a service, has no second to wait for when it has ended, and nobody debugs it.
test: ## the tests with the race detector, of which the random ones are short
	GOGC=400 GORACE=atexit_sleep_ms=0 \
		go test $(RACE) $(if $(RACE),$(UNWATCHED:%=-gcflags=%=-race=false)) -gcflags=-dwarf=false \
		-short -vet=off -p 3 -parallel 4 -timeout 20m \
		./index/embedded/... ./api/... ./...

check: ## format, vet, staticcheck, known vulnerabilities, arrows between packages, fuzzing
	@.ci/format
	go mod tidy -diff
	go vet -tags integration ./...
	cd .ci/release && go mod tidy -diff && go vet ./...
	$(TOOL) staticcheck -tags integration ./...
	cd .ci/release && go tool -modfile=../tools/go.mod staticcheck ./...
	@.ci/vulnerabilities
	@.ci/arrows
	@.ci/arrows-test
	@.ci/fuzz

integration: ## the random tests at full length, and tests with the real binary and real servers
	@RACE='$(RACE)' .ci/integration

torture: ## the same, repeated a hundred times as often where chance decides; RECORDINGS_TORTURE=N times
	@RECORDINGS_TORTURE="$${RECORDINGS_TORTURE:-100}" TIMEOUT=48h RACE='$(RACE)' .ci/integration

bench: ## side by side with PostgreSQL, SQLite, plain Bleve and OpenSearch; BENCH="-sizes 1M,3M" and other flags
	cd cmd/bench && go run -tags sqlite_fts5 . $(BENCH)

packages: ## dist/: packages for Debian and Red Hat, for amd64 and arm64
	rm -rf dist
	cd .ci/release && go run . -version '$(VERSION)' deb rpm

release: ## dist/: the same, the image for containers, SBOMs and checksums; the same bytes each time
	rm -rf dist
	cd .ci/release && go run . -version '$(VERSION)'

clean: ## what was built
	rm -rf bin dist
