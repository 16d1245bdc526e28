# SPDX-License-Identifier: MIT
#
# What a template is made of besides its image: the init that runs one command in each clone (iso/init), and an initramfs with
# it and the modules of Debian 13's cloud kernel. Debian 12's kernel does not hear that it is a clone.

RUNS := $(BUILD)/runs
RUN_MODULES := vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport virtio_blk overlay squashfs
RUN_PACKAGES := squashfs-tools

.PHONY: runs
runs: $(RUNS)/vmlinuz $(RUNS)/initramfs.cpio.gz $(RUNS)/busybox.squashfs ## build kernel, initramfs and a busybox image for runs

$(RUNS)/init: $(wildcard iso/init/*.c iso/init/*.h) iso/init.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) -std=gnu17 -Os -ffreestanding -Wall -Wextra -Wshadow -Wmissing-prototypes -Werror -march=x86-64 -static \
		-nostdlib -fno-pic -no-pie -fno-stack-protector -fcf-protection=none -mgeneral-regs-only \
		-fno-asynchronous-unwind-tables -Wl,--build-id=none -s -I. -o $@ $(filter %.c,$^)

$(RUNS)/vmlinuz: $(NEW_GUESTS)/vmlinuz
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(RUNS)/initramfs.cpio.gz: $(RUNS)/init $(NEW_GUESTS)/packages
	@echo "  CPIO    $@"
	$(Q)rm -rf $(RUNS)/initramfs && mkdir -p $(RUNS)/initramfs/modules
	$(Q)cp $< $(RUNS)/initramfs/init
	$(Q)for module in $(RUN_MODULES); do find $(NEW_GUESTS)/root/ -path '*/lib/modules/*' -name "$$module.ko" \
		-exec cp {} $(RUNS)/initramfs/modules/ \; ; done
	$(Q)chmod -R u=rwX,go=rX $(RUNS)/initramfs && find $(RUNS)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(RUNS)/initramfs && find . | $(newc) | gzip -9n >../initramfs.cpio.gz

$(RUNS)/busybox.squashfs: $(NEW_GUESTS)/packages iso/image.py tests/tools/oci.py
	$(Q)iso/packages.sh $(RUN_PACKAGES)
	@echo "  IMAGE   $@"
	$(Q)rm -rf $(RUNS)/busybox && mkdir -p $(RUNS)
	$(Q)$(PYTHON) tests/tools/oci.py busybox $(NEW_GUESTS)/root/bin/busybox $(RUNS)/busybox
	$(Q)$(PYTHON) iso/image.py $(RUNS)/busybox $@
