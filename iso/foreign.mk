# SPDX-License-Identifier: MIT
#
# Further guests for tests: Debian's i386 kernel with its busybox, memtest86+, Xen, and GRUB.

I386 := $(BUILD)/guests-i386
MEMTEST := $(BUILD)/memtest
XEN := $(BUILD)/xen

.PHONY: guests-foreign
guests-foreign: $(I386)/initramfs.cpio.gz $(MEMTEST)/memtest.bin $(XEN)/xen.elf

$(I386)/vmlinuz: iso/foreign.sh iso/foreign.mk
	@echo "  APT     linux-image-686-pae busybox-static (i386)"
	$(Q)iso/packages.sh $(GUEST_PACKAGES)
	$(Q)iso/foreign.sh $(I386) i386 linux-image-686-pae busybox-static
	$(Q)cp $(I386)/root/boot/vmlinuz-* $@ && touch $@

$(I386)/initramfs.cpio.gz: $(I386)/vmlinuz iso/guests/init
	@echo "  CPIO    $@"
	$(Q)rm -rf $(I386)/initramfs
	$(Q)mkdir -p $(addprefix $(I386)/initramfs/,bin dev etc lib/modules proc sys tmp)
	$(Q)cp iso/guests/init $(I386)/initramfs/init
	$(Q)cp $(I386)/root/bin/busybox $(I386)/initramfs/bin/
	$(Q)for module in $(GUEST_MODULES); do find $(I386)/root/lib/modules -name $$module.ko \
		-exec cp {} $(I386)/initramfs/lib/modules/ \; ; done
	$(Q)find $(I386)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(I386)/initramfs && find . | $(newc) | gzip -9n >../initramfs.cpio.gz

$(MEMTEST)/memtest.bin: iso/foreign.sh iso/foreign.mk
	@echo "  APT     memtest86+"
	$(Q)iso/foreign.sh $(MEMTEST) amd64 memtest86+
	$(Q)cp $(MEMTEST)/root/boot/memtest86+x64.bin $@ && touch $@

$(XEN)/xen.elf: iso/foreign.sh iso/foreign.mk
	@echo "  APT     xen-hypervisor"
	$(Q)iso/foreign.sh $(XEN) amd64 xen-hypervisor-4.17-amd64
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
