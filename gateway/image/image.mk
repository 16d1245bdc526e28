# SPDX-License-Identifier: MIT
#
# The service VM: Debian's cloud kernel and static busybox (those of the demonstration's alpha), and skerryd
# with the shared libraries that this machine would run it with.

include gateway/packages.mk

SERVICE := $(BUILD)/service
# The program inside; a test may give another one. It is built in place if nothing gives it.
SKERRYD ?= $(BUILD)/gateway/skerryd
SERVICE_MODULES := evdev button virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev \
	virtio_pci virtio_blk virtio_console virtio-rng failover net_failover virtio_net
# The UI, where it has been built.
UI_FILES ?= gateway/ui/dist
SERVICE_FILES := gateway/image/inittab gateway/image/start gateway/image/serve

.PHONY: service
service: $(BUILD)/service.cpio ## build the bundle of two guests and the service VM (gateway)

ifeq ($(SKERRYD),$(BUILD)/gateway/skerryd)
$(SKERRYD): FORCE
	$(Q)$(MAKE) --no-print-directory -C gateway BUILD=$(abspath $(BUILD))/gateway
endif

$(SERVICE)/service.cpio.gz: $(GUESTS)/packages $(SERVICE_FILES) $(SKERRYD) gateway/image/libraries.py \
		$(wildcard $(UI_FILES)/*)
	@echo "  CPIO    $@"
	$(Q)rm -rf $(SERVICE)/initramfs
	$(Q)mkdir -p $(addprefix $(SERVICE)/initramfs/,bin dev etc lib/modules proc run state sys tmp usr/bin usr/share)
	$(Q)cp $(GUESTS)/root/bin/busybox $(SERVICE)/initramfs/bin/
	$(Q)ln -s bin/busybox $(SERVICE)/initramfs/init
	$(Q)cp $(SERVICE_FILES) $(SERVICE)/initramfs/etc/
	$(Q)chmod 755 $(SERVICE)/initramfs/etc/start $(SERVICE)/initramfs/etc/serve
	$(Q)printf 'root:x:0:0::/:/bin/false\nskerryd:x:100:100::/state:/bin/false\n' >$(SERVICE)/initramfs/etc/passwd
	$(Q)printf 'root:x:0:\nskerryd:x:100:\n' >$(SERVICE)/initramfs/etc/group
	$(Q)install -m 755 -s $(SKERRYD) $(SERVICE)/initramfs/usr/bin/skerryd
	$(Q)$(PYTHON) gateway/image/libraries.py $(SERVICE)/initramfs usr/bin/skerryd
	$(Q)if [ -d $(UI_FILES) ]; then cp -r $(UI_FILES) $(SERVICE)/initramfs/usr/share/skerry-ui; fi
	$(Q)for module in $(SERVICE_MODULES); do find $(GUESTS)/root/lib/modules/ -name $$module.ko \
		-exec cp {} $(SERVICE)/initramfs/lib/modules/ \; ; done
	$(Q)find $(SERVICE)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(SERVICE)/initramfs && find . | $(newc) | gzip -9n >../service.cpio.gz

# The demonstration's configuration with the service VM, a template for runs, and their router.
$(SERVICE)/skerry.conf: iso/guests/skerry.conf gateway/image/skerry.conf gateway/image/runs.conf gateway/image/router.conf
	@mkdir -p $(@D)
	$(Q)cat $^ >$@

# Firmware for machines of your own, which boot by the boot loader on their disk; QEMU's package needs it as well.
$(SERVICE)/seabios.bin: /usr/share/seabios/bios-256k.bin
	@mkdir -p $(@D)
	$(Q)cp $< $@

RUN_FILES := $(SERVICE)/seabios.bin $(BUILD)/runs/initramfs-run.cpio.gz $(BUILD)/runs/python.squashfs $(BUILD)/router/router.cpio.gz

$(BUILD)/service.cpio: $(GUEST_FILES) $(SERVICE)/service.cpio.gz $(SERVICE)/skerry.conf $(RUN_FILES)
	@echo "  CPIO    $@"
	$(call guest_bundle,$(SERVICE)/bundle,$(SERVICE)/service.cpio.gz $(SERVICE)/skerry.conf $(RUN_FILES))
