# SPDX-License-Identifier: MIT
#
# make test: the CI set. ONLY=lint|proofs|unit|fuzz|guest|system|gateway|bed and NAME=pattern narrow it. The last of
# these is what differs in the other release of Debian, in a chroot of it (iso/bed.mk); BEDS= leaves it out.

include gateway/packages.mk
TEST_PACKAGES := curl debootstrap mmdebstrap tcpdump tshark e2fsprogs libc6-dev libcmocka-dev python3-pytest python3-pytest-xdist python3-pexpect binutils lz4 busybox-static gdb acpica-tools \
	$(RUN_PACKAGES_qemu) $(RUN_PACKAGES_uefi) $(RUN_PACKAGES_bochs) $(BUILD_PACKAGES) \
	$(GUEST_PACKAGES) $(FUZZ_PACKAGES) $(DISK_TOOL_PACKAGES) $(GATEWAY_TEST_PACKAGES)

.PHONY: cluster-packages test test-long test-bed test-bed-parts test-check test-packages test-parts
test-check:
	@$(if $(filter lint proofs unit fuzz guest system gateway bed,$(or $(ONLY),unit)),,echo "ONLY=$(ONLY) is not possible; use one of lint proofs unit fuzz guest system gateway bed" >&2; exit 1)
	$(if $(NAME),$(Q)$(PYTHON) tests/named.py '$(ONLY)' '$(NAME)')

cluster-packages: ## install Debian's Pacemaker and Corosync, for test_pacemaker.py
	$(Q)iso/packages.sh $(CLUSTER_PACKAGES)
test-packages:
	$(Q)iso/packages.sh $(TEST_PACKAGES)

# --- unit tests: host programs, each includes the sources it tests; their folders are the product's ---

# Sources of which several tests need the functions, but not what is inside, are compiled once; a test includes their
# headers, and the linker takes what the test has no fake of. LIBRARY_SOURCES is in tests/fuzz/fuzz.mk.
UNIT_LIBRARY := $(BUILD)/tests/unit/library.a
UNIT_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/tests/unit/objects/%.o)

UNIT_SOURCES := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/tests/unit/%,$(notdir $(UNIT_SOURCES)))
# Optimising a test takes longer than it runs. But some compute for seconds; and what cpus, log and net_card test
# calls what they have no fake of, where no test gets to: the optimiser takes those calls out.
UNIT_LEVEL ?= -g1 -O0
UNIT_OPTIMISED := cpus driver_turns emulate log net_card object_lock rtc run_queue run_queue_chaos run_queue_thief
$(UNIT_OPTIMISED:%=$(BUILD)/tests/unit/%_test): private UNIT_LEVEL := -g1 -O1
UNIT_CFLAGS = -std=gnu17 $(UNIT_LEVEL) -Wall -Wextra -Wno-unused-parameter \
	-Werror=unused-function -fsanitize=address,undefined -fno-sanitize-recover=all -I.

vpath %_test.c $(sort $(dir $(UNIT_SOURCES)))
$(UNIT_TESTS): $(BUILD)/tests/unit/%: %.c $(UNIT_LIBRARY) $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TEST    $<")
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(UNIT_LIBRARY) -lcmocka
-include $(addsuffix .d,$(UNIT_TESTS))

$(UNIT_LIBRARY): $(UNIT_OBJECTS)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(UNIT_OBJECTS): $(BUILD)/tests/unit/objects/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<
-include $(UNIT_OBJECTS:.o=.d)

# --- tiny guests: NAME.c with rt/ and, where there is one, NAME_code.S; flat Multiboot 1 images ---

TINY := $(BUILD)/tests/guest
TINY_NAMES := $(patsubst tests/guest/%.c,%,$(wildcard tests/guest/*.c))
TINY_32 := paging32 realmode hostile_32 v8086
TINY_RT := $(wildcard tests/guest/rt/*.c tests/guest/rt/*.S)
TINY_CFLAGS := -std=gnu17 -O2 -march=x86-64 -mno-red-zone -mgeneral-regs-only -ffreestanding \
	-fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
	-Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -Werror -I.

# $(1): NAME, $(2): 32 or 64, $(3): the linker's emulation
define tiny
$(TINY)/$(1).bin: $(TINY)/$(1).elf
	$(Q)$(OBJCOPY) -O binary $$< $$@

$(TINY)/$(1).elf: $(patsubst tests/guest/%,$(TINY)/$(2)/%.o,tests/guest/$(1).c \
		$(wildcard tests/guest/$(1)_code.S) $(TINY_RT)) tests/guest/rt/guest.ld
	@$(if $(VERBOSE),,echo "  LD      $$@")
	$(Q)$(LD) -m $(3) --build-id=none -z noexecstack --no-warn-rwx-segments \
		-T tests/guest/rt/guest.ld -o $$@ $$(filter %.o,$$^)
endef
$(foreach n,$(TINY_NAMES),$(eval $(call tiny,$(n),$(if $(filter $(n),$(TINY_32)),32,64),$(if \
	$(filter $(n),$(TINY_32)),elf_i386,elf_x86_64))))

define tiny_object
$(TINY)/$(1)/%.o: tests/guest/% $(BUILD)/flags
	@mkdir -p $$(@D)
	@$(if $(VERBOSE),,echo "  TINY    $$<")
	$(Q)$(CC) -m$(1) $(TINY_CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(eval $(call tiny_object,32))
$(eval $(call tiny_object,64))
-include $(wildcard $(TINY)/*/*.d $(TINY)/*/rt/*.d)

TINY_GUESTS := $(TINY_NAMES:%=$(TINY)/%.bin)

# --- first processes of Linux guests, without a C library ---

LINUX_PROGRAMS := $(patsubst tests/guest/linux/%.c,$(TINY)/linux/%,$(wildcard tests/guest/linux/*.c))

$(TINY)/linux/%: tests/guest/linux/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TINY    $<")
	$(Q)$(CC) -O2 -ffreestanding -Wall -Wextra -Werror -static -nostdlib -mgeneral-regs-only -fno-stack-protector \
		-fno-pic -no-pie -I. -MMD -MP -MF $@.d -o $@ $<
-include $(addsuffix .d,$(LINUX_PROGRAMS))

# --- tools: host programs that tests use ---

TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))

$(BUILD)/tests/tools/%: tests/tools/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  TOOL    $<")
	$(Q)$(CC) -std=gnu17 -O2 -Wall -Wextra -Werror -I. -MMD -MP -MF $@.d -o $@ $<
-include $(addsuffix .d,$(TEST_TOOLS))

# --- images: the product's kernel with other programs built in ---

# $(1): a folder with the programs of boot/blobs.S under blobs; $(2): flags and objects for the linker besides
# the kernel's own, if not the product's. The product's programs are not in blobs.S's include path: if one is
# missing in the folder the build fails.
define test_image
	@$(if $(VERBOSE),,echo "  LD      $(1)/skerry.elf")
	$(Q)$(PYTHON) boot/programs.py $(1)/blobs/programs.image $(PROGRAMS:%=$(1)/blobs/%.bin)
	$(Q)$(CC) $(filter-out -I$(BUILD),$(ASFLAGS)) -I$(1)/blobs -c -o $(1)/blobs.o boot/blobs.S
	$(Q)$(LD) $(LDFLAGS) -z notext -T $(BUILD)/linker.ld -o $(1)/skerry.elf $(1)/blobs.o \
		$(filter-out $(BUILD)/obj/boot/blobs.S.o $(FAULT_OBJECTS),$(KERNEL_OBJECTS)) \
		$(BUILD)/pass3/symbols.o $(or $(2),$(WRAPS) $(if $(TEST),$(FAULT_OBJECTS)))
	$(Q)elfedit --output-type=dyn $(1)/skerry.elf
endef

# $(1): a folder; $(2): its program, which takes the place of each of the product's
define lone_image
	$(Q)mkdir -p $(1)/blobs
	$(Q)for file in manager.bin monitor.image demo.bin $(PROGRAMS:%=%.bin); do \
		cp $(1)/$(2).bin $(1)/blobs/$$file || exit 1; done
	$(call test_image,$(1))
endef

# $(1): a folder; $(2): its programs, each in the place of the product's of that name, or NAME=PLACE; $(3): as
# test_image's $(2)
define product_image
	$(Q)mkdir -p $(1)/blobs
	$(Q)cp $(BUILD)/manager.bin $(BUILD)/monitor.image $(BUILD)/demo.bin $(PROGRAMS:%=$(BUILD)/%.bin) $(1)/blobs
	$(Q)$(foreach own,$(2),cp $(1)/$(firstword $(subst =, ,$(own))).bin \
		$(1)/blobs/$(lastword $(subst =, ,$(own))).bin || exit 1;)
	$(if $(filter monitor,$(2)),$(Q)cat $(1)/monitor.bin $(1)/monitor.symbols $(BUILD)/manager.symbols \
		>$(1)/blobs/monitor.image)
	$(call test_image,$(1),$(3))
endef

IMAGE_PARTS := $(BUILD)/skerry.elf boot/blobs.S tests/tests.mk
FAULT_OBJECTS := $(call objects,$(FAULT_KERNEL))

# The hostile process.
HOSTILE := $(BUILD)/tests/hostile
HOSTILE_RT := $(call find_sources,vmm/rt) $(LIB) vmm/manager/inspect/audit.c vmm/manager/inspect/page_names.c
$(eval $(call program,tests/hostile/hostile,$(call find_sources,tests/hostile) $(HOSTILE_RT)))

$(BUILD)/obj/tests/hostile/%.o: CFLAGS += -Wno-unused-result

$(HOSTILE)/skerry.elf: $(HOSTILE)/hostile.bin $(IMAGE_PARTS)
	$(call lone_image,$(HOSTILE),hostile)

# The time thieves.
THIEF := $(BUILD)/tests/thief
$(eval $(call program,tests/thief/thief,$(call find_sources,tests/thief vmm/rt) $(LIB)))

$(BUILD)/obj/tests/thief/%.o: CFLAGS += -Wno-unused-result

$(THIEF)/skerry.elf: $(THIEF)/thief.bin $(IMAGE_PARTS)
	$(call lone_image,$(THIEF),thief)

# A guest whose RAM is frozen, copied and reset.
LAYERS := $(BUILD)/tests/layers
$(eval $(call program,tests/layers/layers,tests/layers/main.c tests/hostile/audit.c $(HOSTILE_RT)))

$(LAYERS)/skerry.elf: $(LAYERS)/layers.bin $(IMAGE_PARTS)
	$(call lone_image,$(LAYERS),layers)

# A monitor and a RAM disk's driver that lie on their links, and an NVMe driver that lies to its controller, or
# is late.
LIARS := $(BUILD)/tests/liars
$(eval $(call program,tests/liars/monitor,$(MONITOR) tests/liars/monitor_liar.c \
	tests/liars/memory_liar.c tests/liars/pool_watcher.c tests/liars/saver_liar.c))
$(eval $(call program,tests/liars/ramdisk,$(call driver_sources,vmm/driver/disk/ramdisk) tests/liars/driver_liar.c))
$(eval $(call program,tests/liars/nvme,$(call driver_sources,vmm/driver/disk/nvme) tests/liars/nvme_liar.c))

$(LIARS)/monitor.elf: PROGRAM_WRAPS := --wrap=disk_client_flush --wrap=disk_client_wake --wrap=virtio_net_poll_link \
	--wrap=handover_save --wrap=handover_continue --wrap=handover_start --wrap=sys_handle_close \
	--wrap=loop_run
$(LIARS)/ramdisk.elf: PROGRAM_WRAPS := --wrap=client_publish
$(LIARS)/nvme.elf: PROGRAM_WRAPS := --wrap=driver_ops --wrap=nvme_queue_init --wrap=request_finish

$(LIARS)/skerry.elf: $(LIARS)/monitor.bin $(LIARS)/monitor.symbols $(LIARS)/ramdisk.bin $(LIARS)/nvme.bin \
		$(IMAGE_PARTS)
	$(call product_image,$(LIARS),monitor ramdisk nvme)

# A program in place of the IDE driver that tries what no driver may.
RIGHTS := $(BUILD)/tests/rights
$(eval $(call program,tests/rights/driver,$(call find_sources,tests/rights vmm/rt) $(LIB)))

$(RIGHTS)/skerry.elf: $(RIGHTS)/driver.bin $(IMAGE_PARTS)
	$(call product_image,$(RIGHTS),driver=ide)

# A program in place of the RAM disk's driver that looks at the registers.
REGISTERS := $(BUILD)/tests/registers
$(eval $(call program,tests/registers/driver,$(call find_sources,tests/registers vmm/rt) $(LIB)))

$(REGISTERS)/skerry.elf: $(REGISTERS)/driver.bin $(IMAGE_PARTS)
	$(call product_image,$(REGISTERS),driver=ramdisk)

# What only a TEST=1 image has: tests/faults.
FAULTS := $(BUILD)/tests/faults
$(eval $(call program,tests/faults/manager,$(filter-out $(FAULT_MANAGER),$(MANAGER)) $(FAULT_MANAGER)))

$(FAULTS)/manager.elf: PROGRAM_WRAPS := $(FAULT_MANAGER_WRAPS)

$(FAULTS)/skerry.elf: $(FAULTS)/manager.bin $(FAULT_OBJECTS) $(IMAGE_PARTS)
	$(call product_image,$(FAULTS),manager,$(FAULT_OBJECTS) $(FAULT_WRAPS))

# An NVMe driver that flushes nothing.
NO_FLUSH := $(BUILD)/tests/no-flush
$(eval $(call program,tests/no-flush/nvme,$(call driver_sources,vmm/driver/disk/nvme) $(call find_sources,tests/faults/nvme)))

$(NO_FLUSH)/nvme.elf: PROGRAM_WRAPS := --wrap=nvme_submit

$(NO_FLUSH)/skerry.elf: $(NO_FLUSH)/nvme.bin $(IMAGE_PARTS)
	$(call product_image,$(NO_FLUSH),nvme)

# Disks in memory that take their time.
SLOW := $(BUILD)/tests/slow
$(eval $(call program,tests/slow/ramdisk,$(call driver_sources,vmm/driver/disk/ramdisk) tests/slow/driver_slow.c))

$(SLOW)/ramdisk.elf: PROGRAM_WRAPS := --wrap=request_finish --wrap=client_publish --wrap=process_wait

$(SLOW)/skerry.elf: $(SLOW)/ramdisk.bin $(IMAGE_PARTS)
	$(call product_image,$(SLOW),ramdisk)

# A monitor that rebuilds its machine all the time, as that of TEST=1 does.
REBUILT := $(BUILD)/tests/rebuilt
# What knows when it is due: vmm/monitor/machine/vcpu_check.h.
REBUILT_SOURCES := vmm/monitor/life/loop.c vmm/monitor/life/rebuild.c vmm/monitor/exits/fast_path.c
REBUILT_OBJECTS := $(REBUILT_SOURCES:%.c=$(REBUILT)/obj/%.o)

$(REBUILT)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  CC      $< (TEST)")
	$(Q)$(CC) $(CFLAGS) -DTEST -MMD -MP -c -o $@ $<

$(eval $(call program,tests/rebuilt/monitor,$(filter-out $(REBUILT_SOURCES),$(MONITOR)),$(REBUILT_OBJECTS)))

$(REBUILT)/skerry.elf: $(REBUILT)/monitor.bin $(REBUILT)/monitor.symbols $(IMAGE_PARTS)
	$(call product_image,$(REBUILT),monitor)

-include $(REBUILT_OBJECTS:.o=.d) $(patsubst %.o,%.d,$(call objects,$(call find_sources, \
	$(addprefix tests/,hostile thief layers liars rights registers faults/nvme slow services))))

# --- the example of a service, with sectors that end it ---

FAULTY := $(BUILD)/tests/services
$(eval $(call program,tests/services/numbers,$(call service_sources,vmm/service/numbers) tests/services/faults.c))

$(FAULTY)/numbers.elf: PROGRAM_WRAPS := --wrap=numbers_fill

# --- the set ---

# Of host programs only those that ONLY= and NAME= choose; images for whatever boots one.
named = $(if $(NAME),$(foreach each,$(1),$(if $(findstring $(NAME),$(notdir $(each))),$(each))),$(1))
PARTS_unit = $(call named,$(UNIT_TESTS))
PARTS_fuzz = $(call named,$(FUZZ_TARGETS:%=$(FUZZ)/%))
PARTS_guest = $(TEST_TOOLS) $(TINY_GUESTS) $(LINUX_PROGRAMS) $(HOSTILE)/skerry.elf \
	$(THIEF)/skerry.elf $(LAYERS)/skerry.elf $(FAULTS)/skerry.elf $(LIARS)/skerry.elf \
	$(BUILD)/tests/bench/exits.bin $(BUILD)/tests/bench/switch.bin $(RIGHTS)/skerry.elf \
	$(REGISTERS)/skerry.elf $(NO_FLUSH)/skerry.elf $(SLOW)/skerry.elf $(REBUILT)/skerry.elf $(FAULTY)/numbers.bin $(DISK_TOOLS)/made all guests service runs
PARTS_system = $(PARTS_guest) $(RUNS)/node.squashfs gateway-parts $(DATA_DISK) $(AFL_PARTS) $(ROUTER)/router.cpio.gz
PARTS_gateway = gateway-parts

.PHONY: gateway-parts
gateway-parts:
	$(Q)$(MAKE) --no-print-directory -C gateway test-parts

test-parts: $(sort $(foreach shelf,$(or $(ONLY),unit fuzz guest system gateway),$(PARTS_$(shelf))))

# What another release of Debian is tried with: all is built by its gcc, and with LONG=1 by its clang the image and
# the unit tests, as fast as can be. Nothing is optimised away there, such as calls that no test gets to.
BED_CLANG := $(BUILD)/clang
BED_LEVEL := -g0 -O0 -w -fno-pie -no-pie -Wl,--unresolved-symbols=ignore-all
test-bed-parts: $(sort $(PARTS_guest))
	$(Q)$(MAKE) --no-print-directory -C gateway BUILD=$(CURDIR)/gateway/build all
	$(if $(LONG),$(Q)$(MAKE) --no-print-directory CC=clang BUILD=$(BED_CLANG) BUNDLE= UNIT_LEVEL="$(BED_LEVEL)" all $(UNIT_TESTS:$(BUILD)/%=$(BED_CLANG)/%))

# All CPUs build, unless -j says how many shall.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

test: test-check test-packages ## run the CI set: ONLY=lint|proofs|unit|fuzz|guest|system|gateway|bed NAME=pattern
	$(Q)$(MAKE) $(JOBS) --no-print-directory test-parts
	$(Q)$(PYTHON) tests/run.py --build $(BUILD) --only '$(ONLY)' --name '$(NAME)' --beds '$(BEDS)' --beds-asked '$(BEDS_ASKED)'

# For a bed's chroot: make test-bed BED=trixie is what make test does there, LONG=1 what make test-long does.
test-bed: test-check test-packages
	$(Q)$(MAKE) $(JOBS) --no-print-directory test-bed-parts
	$(Q)$(PYTHON) tests/bed.py --build $(BUILD) --clang $(BED_CLANG) --name '$(NAME)' $(if $(LONG),--long)

test-long: test-check test-packages ## run every test in every cell, and longer
	$(Q)$(MAKE) $(JOBS) --no-print-directory test-parts
	$(Q)$(PYTHON) tests/run.py --build $(BUILD) --only '$(ONLY)' --name '$(NAME)' --long --beds '$(BEDS)' --beds-asked '$(BEDS_ASKED)'
