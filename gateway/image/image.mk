# SPDX-License-Identifier: MIT
#
# The service VM: Debian's cloud kernel (that of the demonstration), a static busybox as init, skerryd
# with the shared libraries it names, all from packages that are downloaded by name and never installed.

include gateway/packages.mk

SERVICE := $(BUILD)/service
# The program inside; a test may give another one. It is built in place if nothing gives it.
SKERRYD ?= $(BUILD)/gateway/skerryd
SERVICE_LIBRARIES := gcc-12-base libc6 libcrypt1 libffi8 libgcc-s1 libgmp10 libgnutls30 libhogweed6 libidn2-0 \
	libjansson4 libmicrohttpd12 libnettle8 libp11-kit0 libseccomp2 libtasn1-6 libunistring2
SERVICE_MODULES := evdev button virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev \
	virtio_pci virtio_blk virtio_console virtio-rng failover net_failover virtio_net
# The UI, where it has been built.
UI_FILES ?= gateway/ui/dist
SERVICE_FILES := gateway/image/inittab gateway/image/start gateway/image/serve

.PHONY: service
service: $(BUILD)/service.cpio ## build the bundle of two guests and the service VM (gateway)

$(SERVICE)/packages: gateway/image/image.mk $(GUESTS)/packages
	@echo "  APT     $(SERVICE_LIBRARIES)"
	$(Q)rm -rf $(SERVICE) && mkdir -p $(SERVICE)/debs
	$(Q)cd $(SERVICE)/debs && apt-get -q download $(SERVICE_LIBRARIES) \
		>../download.log 2>&1 || { cat ../download.log; exit 1; }
	$(Q)for deb in $(SERVICE)/debs/*.deb; do dpkg-deb -x $$deb $(SERVICE)/root || exit 1; done
	$(Q)touch $@

ifeq ($(SKERRYD),$(BUILD)/gateway/skerryd)
$(SKERRYD): FORCE
	$(Q)$(MAKE) --no-print-directory -C gateway BUILD=$(abspath $(BUILD))/gateway
endif

$(SERVICE)/service.cpio.gz: $(SERVICE)/packages $(SERVICE_FILES) $(SKERRYD) gateway/image/libraries.py \
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
	$(Q)$(PYTHON) gateway/image/libraries.py $(SERVICE)/root $(SERVICE)/initramfs usr/bin/skerryd
	$(Q)if [ -d $(UI_FILES) ]; then cp -r $(UI_FILES) $(SERVICE)/initramfs/usr/share/skerry-ui; fi
	$(Q)for module in $(SERVICE_MODULES); do find $(GUESTS)/root/lib/modules -name $$module.ko \
		-exec cp {} $(SERVICE)/initramfs/lib/modules/ \; ; done
	$(Q)find $(SERVICE)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(SERVICE)/initramfs && find . | $(newc) | gzip -9n >../service.cpio.gz

# The demonstration's configuration with one more VM.
$(SERVICE)/skerry.conf: iso/guests/skerry.conf gateway/image/skerry.conf
	@mkdir -p $(@D)
	$(Q)cat $^ >$@

$(BUILD)/service.cpio: $(GUESTS)/vmlinuz $(GUESTS)/initramfs.cpio.gz $(SERVICE)/service.cpio.gz \
		$(SERVICE)/skerry.conf
	@echo "  CPIO    $@"
	$(Q)rm -rf $(SERVICE)/bundle && mkdir -p $(SERVICE)/bundle
	$(Q)cp $^ $(SERVICE)/bundle
	$(Q)touch -d @0 $(SERVICE)/bundle/*
	$(Q)cd $(SERVICE)/bundle && ls | $(newc) >../../service.cpio
