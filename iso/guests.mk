# SPDX-License-Identifier: MIT
#
# The demonstration bundle: Debian's cloud kernel and a static busybox, extracted from packages that
# are downloaded by name and never installed.

GUESTS := $(BUILD)/guests
GUEST_PACKAGES := cpio gzip xz-utils
# What iso/guests/init loads.
GUEST_MODULES := evdev button pvpanic pvpanic-mmio watchdog wdat_wdt virtio virtio_ring \
	virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_console virtio-rng \
	failover net_failover virtio_net virtio_balloon

.PHONY: guests
guests: $(BUILD)/guests.cpio ## build the demonstration bundle (Debian kernel and busybox)

# The cloud kernel's name is a metapackage: its first dependency is the kernel itself.
$(GUESTS)/packages: iso/guests.mk
	$(Q)iso/packages.sh $(GUEST_PACKAGES)
	@echo "  APT     linux-image-cloud-amd64 busybox-static"
	$(Q)rm -rf $(GUESTS) && mkdir -p $(GUESTS)/debs
	$(Q)apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || iso/packages.sh --update
	$(Q)cd $(GUESTS)/debs && apt-get -q download busybox-static \
		$$(apt-cache depends linux-image-cloud-amd64 | \
			sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1) \
		>../download.log 2>&1 || { cat ../download.log; exit 1; }
	$(Q)for deb in $(GUESTS)/debs/*.deb; do dpkg-deb -x $$deb $(GUESTS)/root || exit 1; done
	$(Q)basename $$(echo $(GUESTS)/debs/linux-image-*.deb) .deb >$(GUESTS)/kernel-version
	$(Q)touch $@

$(GUESTS)/vmlinuz: $(GUESTS)/packages
	$(Q)cp $(GUESTS)/root/boot/vmlinuz-* $@ && touch $@

# Names, times and modes are fixed, so that the same packages give the same bytes.
newc = LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet

# A program that gives all of a guest's CPUs work: static, without a C library.
$(GUESTS)/work: iso/guests/work.c $(GUESTS)/packages
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu17 -O2 -Wall -Wextra -march=x86-64 -static -nostdlib -ffreestanding \
		-fno-pie -fno-stack-protector -fcf-protection=none \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none -s -o $@ $<

# $(call initramfs,FOLDER): of the packages in FOLDER/root, with the programs named after them. A kernel
# has each module as a file, compressed or not, or built in.
define initramfs
	@echo "  CPIO    $(1)/initramfs.cpio.gz"
	$(Q)rm -rf $(1)/initramfs
	$(Q)mkdir -p $(addprefix $(1)/initramfs/,bin data dev etc lib/modules proc sys tmp)
	$(Q)cp iso/guests/init $(1)/initramfs/init
	$(Q)cp $(2) $(1)/initramfs/bin/
	$(Q)for module in $(GUEST_MODULES); do find $(1)/root/ -path '*/lib/modules/*' \
		-name "$$module.ko*" -exec cp {} $(1)/initramfs/lib/modules/ \; ; done
	$(Q)find $(1)/initramfs -name '*.ko.xz' -exec xz -d {} +
	$(Q)chmod -R u=rwX,go=rX $(1)/initramfs && find $(1)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(1)/initramfs && find . | $(newc) | gzip -9n >../initramfs.cpio.gz
endef

$(GUESTS)/initramfs.cpio.gz: $(GUESTS)/packages $(GUESTS)/work iso/guests/init
	$(call initramfs,$(GUESTS),$(GUESTS)/root/bin/busybox $(GUESTS)/work)

$(BUILD)/guests.cpio: $(GUESTS)/vmlinuz $(GUESTS)/initramfs.cpio.gz iso/guests/skerry.conf
	@echo "  CPIO    $@"
	$(Q)rm -rf $(GUESTS)/bundle && mkdir -p $(GUESTS)/bundle
	$(Q)cp $^ $(GUESTS)/bundle
	$(Q)chmod 644 $(GUESTS)/bundle/* && touch -d @0 $(GUESTS)/bundle/*
	$(Q)cd $(GUESTS)/bundle && ls | $(newc) >../../guests.cpio
