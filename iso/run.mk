# SPDX-License-Identifier: MIT
#
# make run: boots the image with its console on the terminal.
#   BOOT=iso|kernel|uefi  EMULATOR=qemu|bochs  CPUS=4 MEMORY=2G BUNDLE=my.cpio CMDLINE="words"
#   HTTP_PORT=8080: port of this machine that leads to port 80 of 10.0.2.15, guest alpha
#   WEB=1 HTTPS_PORT=8443: with the service VM; that port leads to port 443 of 10.0.3.15, skerryd there
#   DATA_DISK=my.img: an image that is there, in place of the demonstration's disk
#   UI=no: without a page for browsers, which takes npm

BOOT ?= iso
EMULATOR ?= qemu
CPUS ?= 1
MEMORY ?= 1G
QEMU_CPU ?= EPYC,+svm,+npt
HTTP_PORT ?= 8080
HTTPS_PORT ?= 8443
WEB ?=

BUILD_PACKAGES := gcc binutils make python3 grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools
RUN_PACKAGES_qemu := qemu-system-x86 fdisk e2fsprogs
RUN_PACKAGES_bochs := bochs bochs-term bochsbios vgabios socat fdisk e2fsprogs
RUN_PACKAGES_uefi := ovmf

# With no bundle named, the demonstration is built first.
RUN_BUNDLE := $(or $(filter-out $(BUILD)/guests.cpio,$(BUNDLE)),$(BUILD)/$(if $(WEB),service,guests).cpio)
RUN_ISO := $(BUILD)/run.iso

# The demonstration's disk: what guest alpha has at /data. It outlives `poweroff`; `make clean` asks.
DATA_DISK := $(BUILD)/data.img
DATA_MIB := 64

$(DATA_DISK):
	@mkdir -p $(@D)
	@echo "  DISK    $@"
	$(Q)truncate -s $(DATA_MIB)M $@.new
	$(Q)printf 'label: gpt\nstart=2048, name=data\n' | /sbin/sfdisk -q $@.new
	$(Q)/sbin/mke2fs -q -t ext4 -L data -E offset=1048576 $@.new $$(( $(DATA_MIB) - 2 ))M
	$(Q)mv $@.new $@

# The service VM's disk: its key, tokens and audit.
STATE_DISK := $(BUILD)/state.img
# The disk of the store `pool`, a file that grows with what is in it. It outlives `poweroff` too.
STORE_DISK := $(BUILD)/store.img
STORE_GIB := 32

.PHONY: run run-check run-packages run-image
run-check:
	@$(if $(filter iso kernel uefi,$(BOOT)),,echo "BOOT=$(BOOT) is not possible; use one of iso kernel uefi" >&2; exit 1)
	@$(if $(filter qemu bochs,$(EMULATOR)),,echo "EMULATOR=$(EMULATOR) is not possible; use one of qemu bochs" >&2; exit 1)
	@$(if $(filter bochs-kernel bochs-uefi,$(EMULATOR)-$(BOOT)),echo "EMULATOR=bochs boots by BOOT=iso only" >&2; exit 1)
	@$(if $(WEB),$(if $(filter bochs,$(EMULATOR)),echo "WEB: goes with EMULATOR=qemu only" >&2; exit 1))
	@$(if $(filter command,$(origin DATA_DISK)),$(if $(wildcard $(DATA_DISK)),,echo "DATA_DISK=$(DATA_DISK) is no file; use a disk's image, 'make $(DATA_DISK) DATA_DISK=$(DATA_DISK)' makes a new one" >&2; exit 1))

run-packages: run-check
	$(Q)iso/packages.sh $(BUILD_PACKAGES) $(RUN_PACKAGES_$(EMULATOR)) $(RUN_PACKAGES_$(BOOT)) \
		$(if $(WEB),$(GATEWAY_PACKAGES) nftables)

# CMDLINE reaches the inner make through the environment, whatever quotes it has.
run-image: run-packages
	$(Q)$(PYTHON) iso/port_free.py HTTP_PORT $(HTTP_PORT)
	$(if $(WEB),$(Q)$(PYTHON) iso/port_free.py HTTPS_PORT $(HTTPS_PORT))
	$(if $(WEB),$(Q)$(MAKE) --no-print-directory run-ui)
	$(Q)$(MAKE) --no-print-directory $(RUN_BUNDLE) $(BUILD)/skerry.elf $(DATA_DISK)
	$(Q)$(if $(filter kernel,$(BOOT)),,$(MAKE) --no-print-directory iso OUT=$(RUN_ISO) \
		BUNDLE=$(RUN_BUNDLE))
	$(if $(WEB),$(Q)$(MAKE) --no-print-directory run-state)

# The page for browsers, where npm can get what it is made of; all else goes without it.
.PHONY: run-ui
run-ui:
ifneq ($(UI),no)
	$(Q)mkdir -p $(BUILD)
	$(Q)timeout 300 $(MAKE) -s -C gateway/ui >$(BUILD)/ui.log 2>&1 || echo \
		"No page for browsers: it takes npm (\`apt install nodejs npm\`) and its registry, see $(BUILD)/ui.log"
endif

.PHONY: run-state
run-state: $(SKERRYD)
	$(Q)$(PYTHON) gateway/image/state.py $(SKERRYD) $(STATE_DISK) $(HTTPS_PORT)
	$(Q)[ -e $(STORE_DISK) ] || truncate -s $(STORE_GIB)G $(STORE_DISK)

comma := ,
# The service VM's own way out, which is one way: it is asked and answers.
MANAGEMENT_CARD := -nic user,model=e1000e,net=10.0.3.0/24,restrict=on,hostfwd=tcp:127.0.0.1:$(HTTPS_PORT)-10.0.3.15:443
QEMU := qemu-system-x86_64 -M q35 -accel tcg -cpu $(QEMU_CPU) -smp $(CPUS) -m $(MEMORY) \
	-device intel-iommu,intremap=on,aw-bits=48 -device nvme,drive=data,serial=data \
	-drive if=none,id=data,file=$(DATA_DISK),format=raw \
	-nic user,model=e1000e,hostfwd=tcp:127.0.0.1:$(HTTP_PORT)-10.0.2.15:80 \
	$(if $(WEB),$(MANAGEMENT_CARD)) \
	$(if $(WEB),-device virtio-blk-pci$(comma)disable-legacy=on$(comma)iommu_platform=on$(comma)drive=state -drive \
		if=none$(comma)id=state$(comma)file=$(STATE_DISK)$(comma)format=raw) \
	$(if $(WEB),-device virtio-blk-pci$(comma)disable-legacy=on$(comma)iommu_platform=on$(comma)drive=store -drive \
		if=none$(comma)id=store$(comma)file=$(STORE_DISK)$(comma)format=raw$(comma)discard=unmap) \
	-display none -serial mon:stdio
QEMU_BOOT_iso = -boot d -cdrom $(RUN_ISO)
QEMU_BOOT_uefi = -bios /usr/share/ovmf/OVMF.fd -cdrom $(RUN_ISO)
QEMU_BOOT_kernel = -kernel $(BUILD)/skerry.elf -initrd $(RUN_BUNDLE) -append "$$CMDLINE"

run: run-image ## boot it on this terminal: BOOT=iso|kernel|uefi EMULATOR=bochs CPUS= MEMORY= BUNDLE= CMDLINE= HTTP_PORT= WEB= HTTPS_PORT=
ifeq ($(EMULATOR),bochs)
	$(Q)$(PYTHON) tests/system/bochs.py --iso $(RUN_ISO) --memory $(MEMORY) --cpus $(CPUS) \
		--disk $(DATA_DISK) --card
else
	@echo "  QEMU    Ctrl-A X ends the emulator; poweroff at the prompt does it properly"
	$(Q)$(QEMU) $(QEMU_BOOT_$(BOOT)) 2>$(BUILD)/qemu.log || { cat $(BUILD)/qemu.log; exit 1; }
endif
