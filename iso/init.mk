# SPDX-License-Identifier: MIT
#
# What a template is made of besides its image: the init that runs one command in each clone (iso/init), and an initramfs with
# it and the modules of Debian 13's cloud kernel. Debian 12's kernel does not hear that it is a clone.

RUNS := $(BUILD)/runs
RUN_MODULES := vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport virtio_blk overlay squashfs failover net_failover virtio_net
RUN_PACKAGES := squashfs-tools

# What Debian 13's Python needs, unpacked and never installed.
RUN_PYTHON := python3-minimal python3.13 python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libc6 libgcc-s1 zlib1g \
	libexpat1 libssl3t64 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libcrypt1 libzstd1 netbase media-types busybox-static
# And its Node, which only tests run.
RUN_NODE := nodejs libnode115 node-acorn node-balanced-match node-brace-expansion node-cjs-module-lexer node-minimatch node-undici \
	libbrotli1 libc6 libcares2 libgcc-s1 libicu76 libnghttp2-14 libssl3t64 libstdc++6 libuv1t64 libzstd1 zlib1g busybox-static

.PHONY: runs
runs: $(RUNS)/vmlinuz $(RUNS)/initramfs-run.cpio.gz $(RUNS)/busybox.squashfs $(RUNS)/python.squashfs ## build kernel, initramfs and images (busybox, Python) for runs

$(RUNS)/init: $(wildcard iso/init/*.c iso/init/*.h) iso/init.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) -std=gnu17 -Os -ffreestanding -Wall -Wextra -Wshadow -Wmissing-prototypes -Werror -march=x86-64 -static \
		-nostdlib -fno-pic -no-pie -fno-stack-protector -fcf-protection=none -mgeneral-regs-only \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none -s -I. -o $@ $(filter %.c,$^)

$(RUNS)/vmlinuz: $(NEW_GUESTS)/vmlinuz
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(RUNS)/initramfs-run.cpio.gz: $(RUNS)/init $(NEW_GUESTS)/packages
	@echo "  CPIO    $@"
	$(Q)rm -rf $(RUNS)/initramfs && mkdir -p $(RUNS)/initramfs/modules
	$(Q)cp $< $(RUNS)/initramfs/init
	$(Q)for module in $(RUN_MODULES); do find $(NEW_GUESTS)/root/ -path '*/lib/modules/*' -name "$$module.ko" \
		-exec cp {} $(RUNS)/initramfs/modules/ \; ; done
	$(Q)chmod -R u=rwX,go=rX $(RUNS)/initramfs && find $(RUNS)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(RUNS)/initramfs && find . | $(newc) | gzip -9n >../initramfs-run.cpio.gz

$(RUNS)/busybox.squashfs: $(NEW_GUESTS)/packages iso/image.py iso/oci.py
	$(Q)iso/packages.sh $(RUN_PACKAGES)
	@echo "  IMAGE   $@"
	$(Q)rm -rf $(RUNS)/busybox && mkdir -p $(RUNS)
	$(Q)$(PYTHON) iso/oci.py busybox $(NEW_GUESTS)/root/bin/busybox $(RUNS)/busybox
	$(Q)$(PYTHON) iso/image.py $(RUNS)/busybox $@

# An image of what packages unpack to: its name and the packages.
define package_image
$(RUNS)/$(1).squashfs: iso/fetch.sh iso/sources.sh iso/image.py iso/oci.py iso/init.mk
	$(Q)iso/packages.sh $(GUEST_PACKAGES) $(RUN_PACKAGES)
	@echo "  APT     $(1) ($(NEW_SUITE))"
	$(Q)iso/fetch.sh $(BUILD)/guests-$(1) $(NEW_SUITE) amd64 $(2)
	$(Q)ln -sf busybox $(BUILD)/guests-$(1)/root/usr/bin/sh
	@echo "  IMAGE   $$@"
	$(Q)rm -rf $(RUNS)/$(1)
	$(Q)$(PYTHON) iso/oci.py tree $(BUILD)/guests-$(1)/root $(RUNS)/$(1)
	$(Q)$(PYTHON) iso/image.py $(RUNS)/$(1) $$@
endef

$(eval $(call package_image,python,$(RUN_PYTHON)))
$(eval $(call package_image,node,$(RUN_NODE)))
