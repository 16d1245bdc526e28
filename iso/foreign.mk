# SPDX-License-Identifier: MIT
#
# Further guests for tests: Debian's i386 kernel with its busybox, memtest86+, Xen, GRUB, and the
# kernels of other Debian releases.

I386 := $(BUILD)/guests-i386
MEMTEST := $(BUILD)/memtest
XEN := $(BUILD)/xen

.PHONY: guests-foreign
guests-foreign: $(I386)/initramfs.cpio.gz $(MEMTEST)/memtest.bin $(XEN)/xen.elf

$(I386)/vmlinuz: iso/fetch.sh iso/sources.sh iso/foreign.mk
	@echo "  APT     linux-image-686-pae busybox-static (i386)"
	$(Q)iso/packages.sh $(GUEST_PACKAGES)
	$(Q)iso/fetch.sh $(I386) $(GUEST_SUITE) i386 linux-image-686-pae busybox-static
	$(Q)cp $(I386)/root/boot/vmlinuz-* $@ && touch $@

$(I386)/initramfs.cpio.gz: $(I386)/vmlinuz iso/guests/init
	$(call initramfs,$(I386),$(I386)/root/bin/busybox)

$(MEMTEST)/memtest.bin: iso/fetch.sh iso/sources.sh iso/foreign.mk
	@echo "  APT     memtest86+"
	$(Q)iso/fetch.sh $(MEMTEST) $(GUEST_SUITE) amd64 memtest86+
	$(Q)cp $(MEMTEST)/root/boot/memtest86+x64.bin $@ && touch $@

$(XEN)/xen.elf: iso/fetch.sh iso/sources.sh iso/foreign.mk
	@echo "  APT     xen-hypervisor"
	$(Q)iso/fetch.sh $(XEN) $(GUEST_SUITE) amd64 xen-hypervisor-4.17-amd64
	$(Q)gunzip -c $(XEN)/root/boot/xen-*.gz >$@

# --- GRUB as a kernel: for i386-multiboot, with a script of its own built in ---

GRUB := $(BUILD)/grub
GRUB_PACKAGES := bison flex xz-utils
GRUB_MODULES := serial terminal lspci echo ls lsacpi lsmmap date sleep halt ata pata ahci part_gpt

.PHONY: guests-grub
guests-grub: $(GRUB)/grub.elf

$(GRUB)/out/grub-mkimage: iso/grub.sh
	@echo "  GRUB    $(GRUB)"
	$(Q)iso/packages.sh $(BUILD_PACKAGES) $(GRUB_PACKAGES)
	$(Q)iso/grub.sh $(GRUB)
	$(Q)touch $@

$(GRUB)/grub.elf: $(GRUB)/out/grub-mkimage tests/guest/grub.cfg iso/foreign.mk
	$(Q)$(GRUB)/out/grub-mkimage -d $(GRUB)/out/grub-core -O i386-multiboot -p / \
		-c tests/guest/grub.cfg -o $@ $(GRUB_MODULES)

# --- Debian's kernels since 2020, as SUITE-FLAVOUR ---

LINUX := $(BUILD)/guests-linux
LINUX_KERNELS := bullseye-cloud-amd64 bullseye-686 bookworm-amd64 bookworm-rt-amd64 \
	trixie-cloud-amd64 sid-cloud-amd64

.PHONY: guests-linux
.SECONDARY: $(LINUX_KERNELS:%=$(LINUX)/%/vmlinuz)
guests-linux: $(LINUX_KERNELS:%=$(LINUX)/%/initramfs.cpio.gz)

$(LINUX)/%/vmlinuz: iso/fetch.sh iso/sources.sh iso/foreign.mk
	@echo "  APT     linux-image-$* busybox-static"
	$(Q)iso/packages.sh $(GUEST_PACKAGES)
	$(Q)iso/fetch.sh $(@D) $(firstword $(subst -, ,$*)) \
		$(if $(findstring 686,$*),i386,amd64) \
		linux-image-$(subst $(firstword $(subst -, ,$*))-,,$*) busybox-static
	$(Q)cp $$(find $(@D)/root -name 'vmlinuz*' -type f) $@ && touch $@

$(LINUX)/%/initramfs.cpio.gz: $(LINUX)/%/vmlinuz iso/guests/init
	$(call initramfs,$(@D),$(@D)/root/bin/busybox)
