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
LIBRARY_SOURCES := $(shell cat tests/unit/library.txt)
TARGET ?=
SECONDS ?= 30

# Its tries are long ones, on stacks of its own, and mm/'s memory is none that ASan knows.
$(FUZZ)/mm: private FUZZ_SANITIZE := -O2 -fsanitize=fuzzer,undefined -fno-sanitize-coverage=trace-cmp -fno-sanitize-recover=all

$(FUZZ)/%: tests/fuzz/%.c tests/fuzz/fuzz.mk $(FUZZ)/library.a
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  FUZZ    $<")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_SANITIZE) -MMD -MP -MF $@.d -o $@ $< $(FUZZ)/library.a -lcmocka

$(FUZZ)/%.coverage: tests/fuzz/%.c tests/fuzz/fuzz.mk $(FUZZ)/library.coverage.a
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  FUZZ    $< (coverage)")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_COVERAGE) -MMD -MP -MF $@.d -o $@ $< $(FUZZ)/library.coverage.a -lcmocka

# What the fixtures of unit tests need and do not include (tests/unit/library.txt), once for all targets.
FUZZ_OBJECTS := $(LIBRARY_SOURCES:%.c=$(FUZZ)/objects/%.o)
FUZZ_COVERAGE_OBJECTS := $(LIBRARY_SOURCES:%.c=$(FUZZ)/coverage/%.o)
$(FUZZ_OBJECTS): FUZZ_KIND = $(FUZZ_SANITIZE)
$(FUZZ_COVERAGE_OBJECTS): FUZZ_KIND = $(FUZZ_COVERAGE)
$(FUZZ_OBJECTS): $(FUZZ)/objects/%.o: %.c tests/fuzz/fuzz.mk
$(FUZZ_COVERAGE_OBJECTS): $(FUZZ)/coverage/%.o: %.c tests/fuzz/fuzz.mk
$(FUZZ_OBJECTS) $(FUZZ_COVERAGE_OBJECTS):
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(subst =fuzzer,=fuzzer-no-link,$(FUZZ_KIND)) -MMD -MP -c -o $@ $<

$(FUZZ)/library.a: $(FUZZ_OBJECTS)
$(FUZZ)/library.coverage.a: $(FUZZ_COVERAGE_OBJECTS)
$(FUZZ)/library.a $(FUZZ)/library.coverage.a:
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_COVERAGE_OBJECTS:.o=.d)
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
