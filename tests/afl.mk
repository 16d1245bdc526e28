# SPDX-License-Identifier: MIT
#
# afl-fuzz in a Linux guest, and what it drives (tests/guest/afl): the bridge and a stand-in for it, static programs, and a piece
# of initramfs with Debian's afl-fuzz, which is unpacked and never installed.

AFL := $(BUILD)/tests/guest/afl
AFL_GUESTS := $(BUILD)/guests-afl
AFL_PROGRAMS := bridge stand_in target
AFL_PARTS := $(AFL_PROGRAMS:%=$(AFL)/%) $(AFL)/afl.cpio.gz
AFL_TRACED := -O1 -fsanitize-coverage=trace-pc

$(BUILD)/tests/guest/fuzzed.elf: $(AFL)/parser.o

$(AFL)/parser.o: tests/guest/afl/parser.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TINY    $<")
	$(Q)$(CC) $(TINY_CFLAGS) $(AFL_TRACED) -MMD -MP -c -o $@ $<

$(AFL)/linux_parser.o: tests/guest/afl/parser.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -Wall -Wextra -Wshadow -Werror -march=x86-64 $(AFL_TRACED) -I. -MMD -MP -c -o $@ $<
-include $(AFL)/parser.d $(AFL)/linux_parser.d

$(AFL)/target: $(AFL)/linux_parser.o

$(AFL_PROGRAMS:%=$(AFL)/%): $(AFL)/%: tests/guest/afl/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  CC      $@")
	$(Q)$(CC) -std=gnu17 -O2 -Wall -Wextra -Wshadow -Werror -march=x86-64 -static -s -I. -MMD -MP -MF $@.d -o $@ $(filter %.c %.o,$^)
-include $(AFL_PROGRAMS:%=$(AFL)/%.d)

# Debian's afl-fuzz, with the libraries that it needs, and the bridge.
AFL_LIBRARIES := libc.so.6 libm.so.6 libpython3.11.so.1.0 libexpat.so.1 libz.so.1

$(AFL_GUESTS)/packages: iso/fetch.sh iso/sources.sh
	$(Q)iso/packages.sh $(GUEST_PACKAGES)
	@echo "  APT     afl++ ($(GUEST_SUITE))"
	$(Q)rm -rf $(AFL_GUESTS)
	$(Q)iso/fetch.sh $(AFL_GUESTS) $(GUEST_SUITE) amd64 afl++ libpython3.11 libc6 libexpat1 zlib1g
	$(Q)touch $@

$(AFL)/afl.cpio.gz: $(AFL_GUESTS)/packages $(AFL_PROGRAMS:%=$(AFL)/%)
	@echo "  CPIO    $@"
	$(Q)rm -rf $(AFL)/tree && mkdir -p $(addprefix $(AFL)/tree/,sbin lib64 lib/x86_64-linux-gnu)
	$(Q)cp $(AFL_GUESTS)/root/usr/bin/afl-fuzz $(AFL_PROGRAMS:%=$(AFL)/%) $(AFL)/tree/sbin/
	$(Q)cp -L $(AFL_GUESTS)/root/lib64/ld-linux-x86-64.so.2 $(AFL)/tree/lib64/
	$(Q)cd $(AFL_GUESTS)/root && for name in $(AFL_LIBRARIES); do cp -L \
		"$$(find -L lib usr/lib -name $$name | head -n 1)" $(abspath $(AFL))/tree/lib/x86_64-linux-gnu/$$name; done
	$(Q)find $(AFL)/tree -exec touch -h -d @0 {} +
	$(Q)cd $(AFL)/tree && find . | $(newc) | gzip -9n >../afl.cpio.gz
