arch := $(patsubst x86_64,x64,$(patsubst aarch64,arm64,$(shell uname -m)))
node_package := node_modules/node-linux-$(arch)

addon_sources := $(wildcard packages/kernel/native/*.c)
addon_headers := $(wildcard packages/kernel/native/*.h)
addon_flags := -std=c17 -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror -isystem $(node_package)/include/node

# Moved into place: processes that have the old one mapped keep it.
build/kernel.node: $(addon_sources) $(addon_headers)
	@mkdir -p build
	$(CC) -O2 $(addon_flags) $(addon_sources) -o $@.new
	@mv $@.new $@

build/kernel-asan.node: $(addon_sources) $(addon_headers)
	@mkdir -p build
	$(CC) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined $(addon_flags) $(addon_sources) -o $@.new
	@mv $@.new $@
