# SPDX-License-Identifier: MIT
#
# make fuzz: each tests/fuzz/NAME.c is a target, built from the very files that ship. TARGET=NAME
# narrows it, SECONDS= says how long each runs; coverage of what each is for is reported at the end.

FUZZ := $(BUILD)/fuzz
FUZZ_CC ?= clang
FUZZ_PACKAGES := clang llvm libclang-rt-dev libcmocka-dev
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_CFLAGS := -std=gnu17 -D_GNU_SOURCE -g1 -O1 -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -I.
FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_COVERAGE := -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
TARGET ?=
SECONDS ?= 30

# Its tries are long ones, on stacks of its own, and mm/'s memory is none that ASan knows.
$(FUZZ)/mm: FUZZ_SANITIZE := -O2 -fsanitize=fuzzer,undefined -fno-sanitize-coverage=trace-cmp -fno-sanitize-recover=all

$(FUZZ)/%: tests/fuzz/%.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  FUZZ    $<")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_SANITIZE) -MMD -MP -MF $@.d -o $@ $< -lcmocka

$(FUZZ)/%.coverage: tests/fuzz/%.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  FUZZ    $< (coverage)")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_COVERAGE) -MMD -MP -MF $@.d -o $@ $< -lcmocka
-include $(wildcard $(FUZZ)/*.d)

.PHONY: fuzz fuzz-programs fuzz-coverage-programs
fuzz-programs: $(FUZZ_TARGETS:%=$(FUZZ)/%)
fuzz-coverage-programs: $(patsubst %,$(FUZZ)/%.coverage,$(or $(TARGET),$(FUZZ_TARGETS)))

fuzz: ## fuzz the parsers, emulator and devices: TARGET=name SECONDS=30
	@$(if $(filter $(FUZZ_TARGETS),$(or $(TARGET),$(firstword $(FUZZ_TARGETS)))),,echo "TARGET=$(TARGET) is not possible; use one of $(FUZZ_TARGETS)" >&2; exit 1)
	$(Q)iso/packages.sh $(FUZZ_PACKAGES)
	$(Q)$(MAKE) --no-print-directory $(patsubst %,$(FUZZ)/%,$(or $(TARGET),$(FUZZ_TARGETS))) \
		fuzz-coverage-programs
	$(Q)$(PYTHON) tests/fuzz/fuzz.py --build $(FUZZ) --seconds $(SECONDS) --coverage $(TARGET)
