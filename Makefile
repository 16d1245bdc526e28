# SPDX-License-Identifier: MIT
#
# Sources are found by folder; a new file needs no entry here. Everything made goes to build/.
# Switches: DEBUG=1 (assertions), TEST=1 (fault injection, live audit), VERBOSE=1, CC=clang.
# BED=trixie, or bookworm: the same goals in a chroot of that Debian, which iso/bed.mk makes.

ifneq ($(BED),)

GOALS := $(or $(MAKECMDGOALS),all)
.PHONY: $(GOALS) in-bed
$(GOALS): in-bed
	@:
in-bed:
	@$(MAKE) --no-print-directory BED= BUILD=build SUITE=$(BED) bed
	@iso/bed.sh run build/beds/$(BED) make --no-print-directory BED= BEDS= $(GOALS)

else

BUILD := build
VERSION := $(shell sed -n 's/.*SKERRY_VERSION "\(.*\)"/\1/p' kernel/abi/version.h)
PREFIX ?= /usr/local

ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
NM ?= nm
READELF ?= readelf
PYTHON ?= /usr/bin/python3
Q := $(if $(VERBOSE),,@)

find_sources = $(sort $(foreach d,$(1),$(wildcard $(d)/*.[cS])))
find_tree = $(sort $(if $(wildcard $(1)),$(shell find $(1) -name '*.[cS]')))
# A .c and a .S file may share a name: x.c makes x.o, x.S makes x.S.o.
objects = $(patsubst %,$(BUILD)/obj/%.o,$(patsubst %.c,%,$(1)))

# --- flags: one set for ring 0 and ring 3, so that lib/ is compiled once ---

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wvla -Werror
MACHINE := -m64 -march=x86-64 -mno-red-zone -mgeneral-regs-only -ffreestanding -fPIE \
	-include lib/hidden.h -fcf-protection=none -fno-asynchronous-unwind-tables
SAFETY := -fstack-protector-strong -mstack-protector-guard=global -fno-omit-frame-pointer \
	-fno-strict-aliasing -fno-delete-null-pointer-checks
# The call graph with the frames' sizes, for tests/lint/stack.py; it changes no code.
STACK_USAGE := $(if $(findstring clang,$(CC)),,-fcallgraph-info=su)
DEFINES := $(if $(DEBUG),-DDEBUG) $(if $(TEST),-DTEST)
INCLUDES := -I. -I$(BUILD)
CFLAGS := -std=gnu17 -O2 -g -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. \
	$(WARNINGS) $(MACHINE) $(SAFETY) $(STACK_USAGE) $(DEFINES) $(INCLUDES)
ASFLAGS := -g -m64 -ffile-prefix-map=$(CURDIR)=. $(DEFINES) $(INCLUDES)
LDFLAGS := -pie --no-dynamic-linker -z max-page-size=4096 -z noexecstack --build-id=none \
	--hash-style=gnu --gc-sections --no-warn-rwx-segments --orphan-handling=error

# --- sources ---

LIB := $(call find_sources,lib)
KERNEL := $(filter-out boot/symbols.S,$(call find_sources,boot boot/init arch/x86_64/cpu \
	arch/x86_64/iommu arch/x86_64/virt arch/x86_64/virt/vmx arch/x86_64/virt/svm mm $(wildcard kernel/*))) $(LIB)
MANAGER := $(call find_sources,vmm/rt vmm/rt/crypto vmm/io) $(call find_tree,vmm/manager) $(LIB)
MONITOR := $(call find_sources,vmm/rt vmm/rt/crypto vmm/io) $(call find_tree,vmm/monitor) $(LIB)
# One program for each folder in vmm/driver/CLASS, with what those of its class have in common (in
# CLASS itself, core and layers), and what drivers of all classes have.
DRIVER_FOLDERS := $(patsubst %/,%,$(filter-out %/core/ %/layers/,$(wildcard vmm/driver/*/*/)))
DRIVERS := $(notdir $(DRIVER_FOLDERS))
DRIVER := $(call find_sources,vmm/rt vmm/io) $(LIB)
SWITCH := $(DRIVER) $(call find_tree,vmm/switch)
# What the image has besides the manager, the monitor and the built-in guest.
PROGRAMS := $(sort $(DRIVERS) $(if $(wildcard vmm/switch),switch))
class_sources = $(call find_sources,$(1) $(1)/core $(1)/layers $(1)/layers/store)
driver_sources = $(DRIVER) $(call find_sources,vmm/driver vmm/driver/virtio) \
	$(call class_sources,$(patsubst %/,%,$(dir $(1)))) $(call find_tree,$(1))
DEMO := $(call find_sources,vmm/demo)
# Programs for bundles: [service NAME]. One for each folder, with what disk drivers have in common.
SERVICES := $(notdir $(patsubst %/,%,$(wildcard vmm/service/*/)))
service_sources = $(DRIVER) $(call find_sources,vmm/driver) $(call class_sources,vmm/driver/disk) $(call find_tree,$(1))

# What a TEST=1 image adds: by --wrap the linker calls it in place of the functions named below.
FAULT_KERNEL := $(call find_sources,tests/faults/kernel)
FAULT_MANAGER := $(call find_sources,tests/faults/manager)
FAULT_WRAPS := $(foreach f,syscall_dispatch page_alloc page_alloc_cleared page_alloc_reserved \
	page_reserve cache_alloc cache_alloc_object quota_charge space_fault trap_nmi lapic_send lapic_timer_set,--wrap=$(f))
FAULT_MANAGER_WRAPS := --wrap=command_run --wrap=vm_operations_step --wrap=pci_quiet --wrap=process_build_map
ifdef TEST
$(BUILD)/manager.elf: PROGRAM_WRAPS := $(FAULT_MANAGER_WRAPS)
KERNEL += $(FAULT_KERNEL)
MANAGER += $(FAULT_MANAGER)
WRAPS := $(FAULT_WRAPS)
endif
SOURCES := $(sort $(KERNEL) $(MANAGER) $(MONITOR) $(DRIVER) \
	$(call find_tree,vmm/driver) $(call find_tree,vmm/switch) $(call find_tree,vmm/service) $(DEMO) $(FAULT_KERNEL) $(FAULT_MANAGER))

.PHONY: all services
all: $(BUILD)/skerry.elf $(BUILD)/skerry.iso $(BUILD)/skerry.spdx.json services ## build the image, its ISO and what went into that

# --- objects ---

# Rewritten only when the compiler or the flags change, so that this rebuilds everything.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  CC      $<")
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.S.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  AS      $<")
	$(Q)$(CC) $(ASFLAGS) -MMD -MP -c -o $@ $<

# The command `version` shows which source it is; only that file is compiled again for another.
COMMIT := $(if $(wildcard .git),$(shell git describe --always --dirty --abbrev=10 2>/dev/null))
$(BUILD)/obj/vmm/manager/commands/version.o: CFLAGS += -DCOMMIT='"$(COMMIT)"'
$(BUILD)/obj/vmm/manager/commands/version.o: $(BUILD)/commit
$(BUILD)/commit: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@

# Only ring 0 shows backtraces; in ring 3 a frame pointer would cost each call three instructions.
$(BUILD)/obj/vmm/%.o: private CFLAGS += -fomit-frame-pointer

# What sets the canary cannot be guarded by it. Private: boot/blobs.S.o needs all of ring 3.
$(call objects,$(call find_sources,boot) vmm/rt/start.c): private CFLAGS += -fno-stack-protector

# Offsets of C structures for assembly: kernel/offsets.c writes lines "->NAME value".
$(call objects,$(filter-out boot/%,$(filter %.S,$(KERNEL)))): $(BUILD)/offsets.h
$(BUILD)/offsets.h: $(wildcard kernel/offsets.c) $(BUILD)/flags
	@mkdir -p $(@D)
	@$(if $(VERBOSE),,echo "  GEN     $@")
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MT $@ -MF $(BUILD)/offsets.d -S -o $(BUILD)/offsets.s kernel/offsets.c
	$(Q)sed -n 's/^.*"->\([A-Z0-9_]*\) [$$]*\(-*[0-9]*\)".*/#define \1 \2/p' $(BUILD)/offsets.s >$@

-include $(patsubst %.o,%.d,$(call objects,$(SOURCES))) $(BUILD)/offsets.d

# --- ring-3 programs: PIE, flattened ---

$(BUILD)/%.ld: vmm/rt/image.ld kernel/abi/image.h boot/debug.ld $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp $(INCLUDES) -o $@ $<

# $(1): its name; $(2): its sources; $(3): objects besides
define program
$(BUILD)/$(1).elf: $(call objects,$(2)) $(3) $(BUILD)/$(1).ld
	@$(if $(VERBOSE),,echo "  LD      $$@")
	$(Q)$(LD) $(LDFLAGS) $$(PROGRAM_WRAPS) -z text -T $(BUILD)/$(1).ld -o $$@ $(call objects,$(2)) $(3)

$(BUILD)/$(1).bin: $(BUILD)/$(1).elf
	$(Q)$(OBJCOPY) -O binary $$< $$@

$(BUILD)/$(1).symbols: $(BUILD)/$(1).elf boot/symbols.py
	$(Q)$(NM) -n $$< >$$@.txt
	$(if $(DEBUG),$(Q)$(READELF) --wide --debug-dump=decodedline $$< >$$@.lines)
	$(Q)$(PYTHON) boot/symbols.py $$@.txt $$@ $(if $(DEBUG),$$@.lines)
endef
$(eval $(call program,manager,$(MANAGER)))
$(eval $(call program,monitor,$(MONITOR)))
$(foreach d,$(DRIVER_FOLDERS),$(eval $(call program,$(notdir $(d)),$(call driver_sources,$(d)))))
$(if $(wildcard vmm/switch),$(eval $(call program,switch,$(SWITCH))))

$(foreach s,$(SERVICES),$(eval $(call program,services/$(s),$(call service_sources,vmm/service/$(s)))))
services: $(SERVICES:%=$(BUILD)/services/%.bin) ## build the example programs of [service NAME]: build/services

# The monitor's image ends at a page boundary; its symbols and then the manager's follow it.
$(BUILD)/monitor.image: $(BUILD)/monitor.bin $(BUILD)/monitor.symbols $(BUILD)/manager.symbols
	$(Q)cat $^ >$@

$(BUILD)/programs.image: $(PROGRAMS:%=$(BUILD)/%.bin) boot/programs.py
	$(Q)$(PYTHON) boot/programs.py $@ $(filter %.bin,$^)

# The built-in guest: flat, starts in real mode at the first byte of demo.S.
$(BUILD)/demo.bin: $(call objects,$(DEMO))
	@$(if $(VERBOSE),,echo "  LD      $@")
ifneq ($(DEMO),)
	$(Q)$(LD) -Ttext=0x7c00 -e 0x7c00 --build-id=none -z noexecstack -o $(BUILD)/demo.elf $^
	$(Q)$(OBJCOPY) -O binary -j .text $(BUILD)/demo.elf $@
else
	$(Q): >$@
endif

# --- the image: linked three times, so that its symbol table is inside ---

KERNEL_OBJECTS := $(call objects,$(KERNEL))

$(BUILD)/linker.ld: linker.ld boot/layout.h boot/debug.ld $(BUILD)/flags
	$(Q)$(CC) -E -P -x assembler-with-cpp $(INCLUDES) -o $@ $<

$(BUILD)/obj/boot/blobs.S.o: $(BUILD)/manager.bin $(BUILD)/monitor.image $(BUILD)/demo.bin \
	$(BUILD)/programs.image
$(BUILD)/obj/boot/blobs.S.o: ASFLAGS += -Wa,-I$(BUILD)

# $(1): number of the pass, $(2): where its symbols come from, $(3): its lines
define link
	$(Q)mkdir -p $(BUILD)/pass$(1)
	$(Q)$(PYTHON) boot/symbols.py $(2) $(BUILD)/pass$(1)/symbols.bin $(if $(DEBUG),$(3))
	$(Q)$(CC) $(ASFLAGS) -Wa,-I$(BUILD)/pass$(1) -c -o $(BUILD)/pass$(1)/symbols.o boot/symbols.S
	$(Q)$(LD) $(LDFLAGS) $(WRAPS) -z notext -T $(BUILD)/linker.ld -o $(BUILD)/pass$(1)/skerry.elf \
		$(KERNEL_OBJECTS) $(BUILD)/pass$(1)/symbols.o
	$(Q)$(NM) -n $(BUILD)/pass$(1)/skerry.elf >$(BUILD)/pass$(1)/symbols.txt
	$(if $(DEBUG),$(Q)$(READELF) --wide --debug-dump=decodedline $(BUILD)/pass$(1)/skerry.elf \
		>$(BUILD)/pass$(1)/lines.txt)
endef

# Pass 1 finds the names, pass 2 the addresses; pass 3 must not move anything.
$(BUILD)/skerry.elf: $(KERNEL_OBJECTS) $(BUILD)/linker.ld boot/symbols.py boot/symbols.S
	@$(if $(VERBOSE),,echo "  LD      $@")
	$(call link,1,/dev/null)
	$(call link,2,$(BUILD)/pass1/symbols.txt,$(BUILD)/pass1/lines.txt)
	$(call link,3,$(BUILD)/pass2/symbols.txt,$(BUILD)/pass2/lines.txt)
	$(Q)cmp $(BUILD)/pass2/symbols.txt $(BUILD)/pass3/symbols.txt
	$(Q)elfedit --output-type=dyn $(BUILD)/pass3/skerry.elf
	$(Q)mv $(BUILD)/pass3/skerry.elf $@

# --- ISO: make iso OUT=file BUNDLE=file.cpio CMDLINE="words" makes another one ---

OUT ?= $(BUILD)/skerry.iso
BUNDLE ?= $(wildcard $(BUILD)/guests.cpio)
# Looked for once: `make all guests` makes it while an ISO is made.
BUNDLE := $(BUNDLE)
CMDLINE ?=
export CMDLINE # the shell reads it from the environment, quotes and all

ISO_ARGS := $(BUILD)/iso/$(subst /,-,$(OUT)).args
ISO_TREE := $(ISO_ARGS:.args=.tree)

.PHONY: iso
iso: $(OUT) ## build the ISO (BIOS and UEFI): OUT=, BUNDLE=, CMDLINE=

$(ISO_ARGS): FORCE
	@mkdir -p $(@D)
	@echo "$(BUNDLE) $$CMDLINE" | cmp -s - $@ || echo "$(BUNDLE) $$CMDLINE" >$@

# A bundle of one's own, not made here, is there or it is not.
ifneq ($(filter-out $(BUILD)/guests.cpio $(BUILD)/service.cpio,$(BUNDLE)),)
$(BUNDLE):
	@echo "BUNDLE: $@ is no file" >&2; exit 1
endif

$(OUT): $(BUILD)/skerry.elf iso/grub.cfg iso/iso.sh $(ISO_ARGS) $(BUNDLE)
	@$(if $(VERBOSE),,echo "  ISO     $@")
	$(Q)rm -rf $(ISO_TREE) && mkdir -p $(ISO_TREE)/boot/grub
	$(Q)$(OBJCOPY) --strip-debug $(BUILD)/skerry.elf $(ISO_TREE)/boot/skerry.elf
	$(Q)$(if $(BUNDLE),cp $(BUNDLE) $(ISO_TREE)/boot/guests.cpio)
	$(Q)cp iso/grub.cfg $(ISO_TREE)/boot/grub/grub.cfg
	$(Q)echo "set cmdline='$$CMDLINE'" >$(ISO_TREE)/boot/grub/cmdline.cfg
	$(Q)iso/iso.sh $(ISO_TREE) $@ $(ISO_ARGS:.args=.list) >$(ISO_TREE).log 2>&1 || { cat $(ISO_TREE).log; exit 1; }
	$(Q)rm -rf $(ISO_TREE)

# What went into build/skerry.iso (SPDX 2.3).
SBOM_LIST := $(BUILD)/iso/$(subst /,-,$(BUILD)/skerry.iso).list
$(BUILD)/skerry.spdx.json: $(BUILD)/skerry.iso iso/sbom.py $(BUILD)/commit
	@$(if $(VERBOSE),,echo "  SPDX    $@")
	$(Q)$(PYTHON) iso/sbom.py --version $(VERSION) --commit "$(COMMIT)" --compiler $(CC) --iso $< \
		--list $(SBOM_LIST) --guests $(GUESTS) $(NEW_GUESTS) $(if $(filter $(BUILD)/guests.cpio,$(BUNDLE)),--demonstration) >$@.new
	$(Q)mv $@.new $@

# --- the rest ---

.PHONY: lint clean version help install FORCE
lint: lint-packages $(BUILD)/skerry.elf ## layering, names, messages, W^X, sizes, stack depth, format, clang-tidy, gcc -fanalyzer
	$(Q)$(PYTHON) tests/lint/layers.py
	$(Q)$(PYTHON) tests/lint/files.py
	$(Q)$(PYTHON) tests/lint/names.py
	$(Q)$(PYTHON) tests/lint/messages.py
	$(Q)$(PYTHON) tests/lint/commands.py
	$(Q)$(PYTHON) tests/lint/image.py $(BUILD)/skerry.elf
	$(Q)$(PYTHON) tests/lint/calls.py $(BUILD)
	$(Q)$(PYTHON) tests/lint/boot.py $(BUILD)/obj
	$(Q)$(PYTHON) tests/lint/masks.py $(BUILD)/skerry.elf
	$(Q)$(PYTHON) tests/lint/stack.py $(BUILD)/obj
	$(Q)$(MAKE) --no-print-directory lint-format lint-files

# Image, ISO and a sample configuration in share/skerry, the pages in share/doc/skerry.
SHARE := $(DESTDIR)$(PREFIX)/share
install: $(BUILD)/skerry.elf $(BUILD)/skerry.iso $(BUILD)/skerry.spdx.json ## install image, ISO, docs and a sample configuration: PREFIX=
	install -d $(SHARE)/skerry
	install -m 644 $^ $(SHARE)/skerry
	install -m 644 iso/guests/skerry.conf $(SHARE)/skerry/skerry.conf.sample
	for page in README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE docs/guides/*.py \
			$$(find docs -name '*.md' -o -name '*.svg' -o -name '*.png'); do \
		install -D -m 644 $$page $(SHARE)/doc/skerry/$$page || exit 1; \
	done

clean: ## remove build/, but for the disk of make run, which it asks about
	@if [ -e $(DATA_DISK) ]; then \
		printf 'delete $(DATA_DISK), which guests have written to? [y/N] '; \
		read answer || echo; case "$$answer" in y|Y|yes) rm $(DATA_DISK);; esac; fi
	@if [ -e $(DATA_DISK) ]; then \
		find $(BUILD) -mindepth 1 -maxdepth 1 ! -path $(DATA_DISK) -exec rm -rf {} +; \
	else rm -rf $(BUILD); fi

version: ## print the version
	@echo 'skerry $(VERSION)'

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 31
	@echo '  DEBUG=1 TEST=1 VERBOSE=1 CC=clang go with each of them'

-include iso/guests.mk
-include iso/init.mk
-include iso/foreign.mk
-include gateway/image/image.mk
-include gateway/image/router.mk
-include iso/run.mk
-include tests/fuzz/fuzz.mk
-include tests/lint/lint.mk
-include tests/verify/verify.mk
-include tests/disk_tools.mk
-include tests/afl.mk
-include tests/tests.mk
-include docs/docs.mk
-include tests/bench/bench.mk
-include iso/container.mk
-include iso/bed.mk

endif
