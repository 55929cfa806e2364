# Runs in: a checkout. Owns: node_modules/ and build/. Paths are relative throughout, so the checkout may lie anywhere.
arch := $(patsubst x86_64,x64,$(patsubst aarch64,arm64,$(shell uname -m)))
node_package := node_modules/node-linux-$(arch)
node := $(node_package)/bin/node
npm_stamp := node_modules/.package-lock.json
sources := $(shell find packages drivers bench/memory-disk \( -name '*.ts' -o -name driver.json \) -not -name '*.test.ts' -not -path '*/node_modules/*')

probe_source := packages/kernel/native/probe.c
addon_sources := $(filter-out $(probe_source),$(wildcard packages/kernel/native/*.c))
addon_headers := $(wildcard packages/kernel/native/*.h)
addon_flags := -std=c17 -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror -isystem $(node_package)/include/node

.PHONY: recording screenshots setup demo test lab bench fuzz simulate torture clean demo-packages bench-packages recording-packages test-packages
.DELETE_ON_ERROR:
.NOTPARALLEL:

setup: build/kernel.node build/probe/kernel.node build/bundles.stamp build/types.stamp build/console-ui.stamp

demo: demo-packages setup
	./ring3 demo

test: test-packages setup build/kernel-asan.node
	@$(node) setup/test.ts

lab: test-packages setup
	@$(node) --disable-warning=ExperimentalWarning lab/main.ts

bench: bench-packages setup
	@./ring3 bench $(NAME) $(SAVE:1=--save)

fuzz: demo-packages setup
	@$(node) --disable-warning=ExperimentalWarning fuzz/main.ts $(INPUTS:%=--inputs=%) $(SEED:%=--seed=%) $(TARGET)

simulate: demo-packages setup
	@$(node) --disable-warning=ExperimentalWarning simulation/main.ts $(FAULTS:%=--faults=%) $(FROM:%=--from=%) $(SEED:%=--seed=%) $(MUTANTS:1=--mutants)

# Three quarters of an hour (docs/reliability.md has what was measured); SEED, FAULTS, FROM and ONLY as `ring3 torture --help` says.
torture: demo-packages setup
	@./ring3 torture --seed $(or $(SEED),1) --faults $(or $(FAULTS),100000) $(FROM:%=--from=%) $(ONLY:%=--only=%)

# docs/images, from a demo and Debian's Chromium.
screenshots: test-packages setup
	@$(node) --disable-warning=ExperimentalWarning docs/screenshots.ts

# docs/images/recording.svg.
recording: recording-packages setup
	@$(node) --disable-warning=ExperimentalWarning docs/recording/main.ts

clean:
	rm -rf build

demo-packages bench-packages recording-packages test-packages: %-packages:
	@sh setup/packages.sh $*

# Install scripts stay off (.npmrc): esbuild and biome work from their platform packages alone.
$(npm_stamp): package-lock.json
	@echo '== npm packages'
	npm ci
	@touch $@

# Moved into place: processes that have the old one mapped keep it.
build/kernel.node: $(addon_sources) $(addon_headers) | $(npm_stamp)
	@mkdir -p build
	$(CC) -O2 $(addon_flags) $(addon_sources) -o $@.new
	@mv $@.new $@

# What the hostile driver of `ring3 probe` finds in its host: any system call, for JavaScript.
build/probe/kernel.node: $(addon_sources) $(probe_source) $(addon_headers) | $(npm_stamp)
	@mkdir -p build/probe
	$(CC) -O2 $(addon_flags) -DRING3_PROBE $(addon_sources) $(probe_source) -o $@.new
	@mv $@.new $@

build/kernel-asan.node: $(addon_sources) $(addon_headers) | $(npm_stamp)
	@mkdir -p build
	$(CC) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined $(addon_flags) $(addon_sources) -o $@.new
	@mv $@.new $@

build/bundles.stamp: $(wildcard setup/*.ts) $(sources) build/kernel.node $(npm_stamp)
	@echo '== bundles'
	@mkdir -p build
	@$(node) setup/bundle.ts
	@touch $@

# The console's page.
build/console-ui.stamp: $(wildcard packages/console/ui/* packages/console/ui/public/* packages/classes/*/*.tsx) $(sources) $(npm_stamp)
	@echo '== console'
	@mkdir -p build
	@$(node) node_modules/vite/bin/vite.js build --config packages/console/ui/vite.config.ts --logLevel warn
	@touch $@

# What drivers are checked against: the sdk's declarations, without Node's types.
build/types.stamp: setup/tsconfig.types.json $(sources) $(npm_stamp)
	@echo '== declarations'
	@mkdir -p build
	@$(node) node_modules/typescript/bin/tsc -p setup/tsconfig.types.json
	@touch $@
