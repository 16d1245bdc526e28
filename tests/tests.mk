# SPDX-License-Identifier: MIT
#
# make test: the CI set. ONLY=unit|guest|system and NAME=pattern narrow it.

TEST_PACKAGES := libcmocka-dev python3-pytest python3-pexpect binutils busybox-static acpica-tools \
	qemu-system-x86 ovmf bochs bochsbios vgabios $(BUILD_PACKAGES) $(GUEST_PACKAGES)

UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c))
UNIT_CFLAGS := -std=gnu17 -g -O1 -Wall -Wextra -fsanitize=address,undefined \
	-fno-sanitize-recover=all -I.

.PHONY: test test-long test-packages unit-tests
test-packages:
	$(Q)iso/packages.sh $(TEST_PACKAGES)

$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TEST    $<")
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< -lcmocka
-include $(addsuffix .d,$(UNIT_TESTS))

unit-tests: $(UNIT_TESTS)

test: test-packages ## run the CI set: ONLY=unit|guest|system NAME=pattern
	$(Q)$(MAKE) --no-print-directory unit-tests all guests
	$(Q)$(PYTHON) tests/run.py --build $(BUILD) --only '$(ONLY)' --name '$(NAME)'

test-long: test-packages ## run every test in every cell, and longer
	$(Q)$(MAKE) --no-print-directory unit-tests all guests
	$(Q)$(PYTHON) tests/run.py --build $(BUILD) --only '$(ONLY)' --name '$(NAME)' --long
