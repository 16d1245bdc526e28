# SPDX-License-Identifier: MIT
#
# The demonstration bundle: Debian's cloud kernels and static busyboxes, extracted from packages that are
# downloaded by name and never installed. What a guest is does not depend on what this machine is: alpha is
# Debian 12, as are most guests of the tests, and beta is Debian 13.

GUEST_SUITE := bookworm
GUESTS := $(BUILD)/guests
NEW_SUITE := trixie
NEW_GUESTS := $(BUILD)/guests-$(NEW_SUITE)
GUEST_PACKAGES := cpio gzip xz-utils util-linux debian-archive-keyring
# What iso/guests/init loads.
GUEST_MODULES := evdev button pvpanic pvpanic-mmio watchdog wdat_wdt virtio virtio_ring \
	virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_console virtio-rng \
	failover net_failover virtio_net virtio_balloon

.PHONY: guests
guests: $(BUILD)/guests.cpio ## build the demonstration bundle (Debian kernels and busybox)

# $(1): folder, $(2): release
define guest_packages
$(1)/packages: iso/guests.mk iso/fetch.sh iso/sources.sh
	$$(Q)iso/packages.sh $$(GUEST_PACKAGES)
	@echo "  APT     linux-image-cloud-amd64 busybox-static ($(2))"
	$$(Q)rm -rf $(1)
	$$(Q)iso/fetch.sh $(1) $(2) amd64 linux-image-cloud-amd64 busybox-static
	$$(Q)touch $$@

$(1)/vmlinuz: $(1)/packages
	$$(Q)cp $(1)/root/boot/vmlinuz-* $$@ && touch $$@
endef
$(eval $(call guest_packages,$(GUESTS),$(GUEST_SUITE)))
$(eval $(call guest_packages,$(NEW_GUESTS),$(NEW_SUITE)))

# Names, times and modes are fixed, so that the same packages give the same bytes.
newc = LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet

# A program that gives all of a guest's CPUs work: static, without a C library.
$(GUESTS)/work: iso/guests/work.c $(GUESTS)/packages
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu17 -O2 -Wall -Wextra -march=x86-64 -static -nostdlib -ffreestanding \
		-fno-pie -fno-stack-protector -fcf-protection=none \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none -s -o $@ $<

# $(call initramfs,FOLDER): of the packages in FOLDER/root, with the programs named after them. A kernel
# has each module as a file or built in.
define initramfs
	@echo "  CPIO    $(1)/initramfs.cpio.gz"
	$(Q)rm -rf $(1)/initramfs
	$(Q)mkdir -p $(addprefix $(1)/initramfs/,bin data dev etc lib/modules proc sys tmp)
	$(Q)cp iso/guests/init $(1)/initramfs/init
	$(Q)cp $(2) $(1)/initramfs/bin/
	$(Q)for module in $(GUEST_MODULES); do find $(1)/root/ -path '*/lib/modules/*' \
		-name "$$module.ko" -exec cp {} $(1)/initramfs/lib/modules/ \; ; done
	$(Q)chmod -R u=rwX,go=rX $(1)/initramfs && find $(1)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(1)/initramfs && find . | $(newc) | gzip -9n >../initramfs.cpio.gz
endef

$(GUESTS)/initramfs.cpio.gz: $(GUESTS)/packages $(GUESTS)/work iso/guests/init
	$(call initramfs,$(GUESTS),$(GUESTS)/root/bin/busybox $(GUESTS)/work)

$(NEW_GUESTS)/initramfs.cpio.gz: $(NEW_GUESTS)/packages $(GUESTS)/work iso/guests/init
	$(call initramfs,$(NEW_GUESTS),$(NEW_GUESTS)/root/bin/busybox $(GUESTS)/work)

# What is in a bundle of both.
GUEST_FILES := $(addprefix $(GUESTS)/,vmlinuz initramfs.cpio.gz) $(addprefix $(NEW_GUESTS)/,vmlinuz initramfs.cpio.gz)
# $(1): folder to put them in, with further files
define guest_bundle
	$(Q)rm -rf $(1) && mkdir -p $(1)
	$(Q)cp $(GUESTS)/vmlinuz $(GUESTS)/initramfs.cpio.gz $(2) $(1)
	$(Q)cp $(NEW_GUESTS)/vmlinuz $(1)/vmlinuz-$(NEW_SUITE)
	$(Q)cp $(NEW_GUESTS)/initramfs.cpio.gz $(1)/initramfs-$(NEW_SUITE).cpio.gz
	$(Q)chmod 644 $(1)/* && touch -d @0 $(1)/*
	$(Q)cd $(1) && ls | $(newc) >../../$(@F)
endef

$(BUILD)/guests.cpio: $(GUEST_FILES) iso/guests/skerry.conf
	@echo "  CPIO    $@"
	$(call guest_bundle,$(GUESTS)/bundle,iso/guests/skerry.conf)
