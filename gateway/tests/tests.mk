# SPDX-License-Identifier: MIT
#
# make -C gateway test: unit tests and short fuzz runs with sanitizers, pytest beside a fake Skerry, the UI in
# Chromium. make -C gateway bench: its figures.

TESTS := $(BUILD)/tests
UNIT_SOURCES := $(sort $(shell find $(ROOT)/gateway/tests/unit -name '*_test.c'))
UNIT := $(patsubst %.c,$(TESTS)/%,$(notdir $(UNIT_SOURCES)))
FUZZ := $(patsubst $(ROOT)/gateway/tests/fuzz/%.c,$(TESTS)/fuzz-%,$(wildcard $(ROOT)/gateway/tests/fuzz/*.c))
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 1
TEST_CFLAGS := -std=gnu17 -g -O1 -Wall -Wextra -fno-sanitize-recover=all

vpath %_test.c $(sort $(dir $(UNIT_SOURCES)))
$(UNIT): $(TESTS)/%: %.c
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TEST    $(<:$(ROOT)/%=%)")
	$(Q)$(CC) $(CPPFLAGS) $(TEST_CFLAGS) -fsanitize=address,undefined -MMD -MP -MF $@.d -o $@ $< \
		$$(pkg-config --libs $(LIBRARIES)) -lcmocka -lm

$(TESTS)/fuzz-%: $(ROOT)/gateway/tests/fuzz/%.c
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  FUZZ    gateway/tests/fuzz/$*.c")
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(TEST_CFLAGS) -Wno-unused-function -fsanitize=fuzzer,address,undefined \
		-MMD -MP -MF $@.d -o $@ $< $$(pkg-config --libs $(LIBRARIES))

-include $(wildcard $(TESTS)/*.d)

$(TESTS)/counted.so: $(ROOT)/gateway/tests/bench/counted.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O1 -Wall -Wextra -fno-builtin -fPIC -shared -o $@ $<

# E2B's client, unmodified, and the script that drives a gateway by it.
E2B := $(ROOT)/gateway/tests/e2b
$(BUILD)/e2b/node_modules/.package-lock.json: $(wildcard $(E2B)/*)
	@mkdir -p $(BUILD)/e2b
	@echo "  NPM     e2b"
	$(Q)cp $(E2B)/* $(BUILD)/e2b
	$(Q)cd $(BUILD)/e2b && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: bench test test-parts
test-parts: $(BUILD)/e2b/node_modules/.package-lock.json $(BUILD)/skerryd $(BUILD)/skerryctl $(BUILD)/skerry-proxy $(TESTS)/counted.so $(UNIT) $(FUZZ)

# The UI's tests come last: they need packages of npm, and are no part of the whole tree's make test.
test: packages
	$(Q)$(MAKE) --no-print-directory test-parts
	$(Q)$(PYTHON) $(ROOT)/gateway/tests/run.py --gateway $(BUILD) --seconds $(FUZZ_SECONDS)
	$(Q)$(MAKE) --no-print-directory -C $(ROOT)/gateway/ui test-packages test

# BENCH="get kills": these alone.
bench: $(BUILD)/skerryd $(TESTS)/counted.so
	$(Q)$(ROOT)/iso/packages.sh $(GATEWAY_BENCH_PACKAGES)
	$(Q)$(PYTHON) $(ROOT)/gateway/tests/bench/bench.py --gateway $(BUILD) $(BENCH)
