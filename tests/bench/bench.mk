# SPDX-License-Identifier: MIT
#
# make bench: what exits and a boot cost, in instructions. EMULATOR=qemu|bochs selects one of them,
# ONLY=exits omits the boots, UPDATE=1 writes the baseline that CI compares with.

BENCH := $(BUILD)/tests/bench

# --- guests: NAME.c with report.c and the runtime of tests/guest ---

BENCH_GUESTS := $(BENCH)/exits.bin $(BENCH)/switch.bin $(BENCH)/ipi.bin $(BENCH)/asleep.bin
BENCH_RT := $(BENCH)/report.o $(TINY_RT:tests/guest/%=$(TINY)/64/%.o)

$(BENCH)/%.o: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -m64 $(TINY_CFLAGS) -MMD -MP -c -o $@ $<
-include $(wildcard $(BENCH)/*.d)

$(BENCH)/switch.elf $(BENCH)/ipi.elf: $(BENCH)/second.o $(TINY)/64/smp_code.S.o
$(BENCH)/%.elf: $(BENCH)/%.o $(BENCH_RT) tests/guest/rt/guest.ld
	$(Q)$(LD) -m elf_x86_64 --build-id=none -z noexecstack --no-warn-rwx-segments \
		-T tests/guest/rt/guest.ld -o $@ $(filter %.o,$^)

# anatomy.py reads it
.SECONDARY: $(BENCH)/exits.elf
$(BENCH)/%.bin: $(BENCH)/%.elf
	$(Q)$(OBJCOPY) -O binary $< $@

$(BENCH)/init $(BENCH)/disk_load: $(BENCH)/%: tests/bench/%.c tests/guest/linux/call.h tests/bench/bench.mk
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -Wall -Wextra -static -nostdlib -mgeneral-regs-only -fno-stack-protector -fno-pic -no-pie \
		-I. -o $@ $<

.PHONY: bench
bench: test-packages ## instructions of exits and of a Debian boot, in both emulators
	$(Q)$(MAKE) --no-print-directory all guests $(BENCH_GUESTS) $(BENCH)/init
	$(Q)$(PYTHON) tests/bench/run.py --build $(BUILD) \
		--emulator '$(if $(filter command line,$(origin EMULATOR)),$(EMULATOR))' $(if $(UPDATE),--update) \
		$(if $(filter exits,$(ONLY)),--exits)

.PHONY: bench-kvm
bench-kvm: test-packages ## the same counts under KVM (Debian's kernel and QEMU) in both emulators
	$(Q)$(MAKE) --no-print-directory guests $(BENCH)/exits.bin $(BENCH)/init
	$(Q)$(PYTHON) tests/bench/peer.py --build $(BUILD) \
		--emulator '$(if $(filter command line,$(origin EMULATOR)),$(EMULATOR))' $(if $(UPDATE),--update)

.PHONY: bench-disks
bench-disks: test-packages ## what a disk's requests cost, under Skerry and KVM; ONLY=executed: by process
	$(Q)$(MAKE) --no-print-directory all guests $(BENCH)/disk_load $(BENCH)/asleep.bin
	$(Q)$(if $(filter executed,$(ONLY)),$(PYTHON) tests/bench/disk_anatomy.py --build $(BUILD),\
		$(PYTHON) tests/bench/disks.py --build $(BUILD) \
		--emulator '$(if $(filter command line,$(origin EMULATOR)),$(EMULATOR))')

.PHONY: bench-volumes
bench-volumes: test-packages ## what a request to a volume makes Skerry execute, beside the disk itself, and a first write to a shared chunk
	$(Q)$(MAKE) --no-print-directory all guests $(BENCH)/disk_load
	$(Q)$(PYTHON) tests/bench/disk_anatomy.py --build $(BUILD) --volumes

$(BENCH)/store_scale: tests/bench/store_scale.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -O2 -Wall -Wextra -Wno-stringop-overread -mgeneral-regs-only -I. -MMD -MP -MF $@.d -o $@ $<
-include $(BENCH)/store_scale.d

.PHONY: bench-store
bench-store: ## what a store of 16 TiB costs its driver, by simulation: memory, load, check, commit, clones
	$(Q)iso/packages.sh valgrind
	$(Q)$(MAKE) --no-print-directory $(BENCH)/store_scale
	$(Q)$(PYTHON) tests/bench/store.py --build $(BUILD)

.PHONY: bench-net
bench-net: test-packages ## what a frame from guest to guest costs, under Skerry and under KVM
	$(Q)$(MAKE) --no-print-directory all guests $(BENCH)/net.bin
	$(Q)$(PYTHON) tests/bench/nets.py --build $(BUILD) $(if $(ONLY),--only $(ONLY))
