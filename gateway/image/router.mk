# SPDX-License-Identifier: MIT
#
# make router: the initramfs of a VM that stands between runs and the world, with skerry-proxy and nftables. It is none
# of the service VM's: it has no channel, and no card on the management network.

ROUTER := $(BUILD)/router
# The program inside; a test may give another one. It is built in place if nothing gives it.
SKERRY_PROXY ?= $(BUILD)/gateway/skerry-proxy
# In the order in which each needs the one before.
ROUTER_MODULES := virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio-rng failover net_failover \
	virtio_net libcrc32c nfnetlink nf_tables nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nf_nat nft_chain_nat nft_ct nft_masq \
	nft_limit nf_conncount nft_connlimit
ROUTER_FILES := $(addprefix gateway/image/router/,inittab start serve rules.nft)
ROUTER_PACKAGES := $(GATEWAY_PACKAGES) nftables

.PHONY: router
router: ## build the initramfs of a router for runs, build/router (gateway)
	$(Q)iso/packages.sh $(ROUTER_PACKAGES)
	$(Q)$(MAKE) --no-print-directory $(ROUTER)/router.cpio.gz

# Whoever makes skerryd there makes this as well: two at a time would write the same files.
ifeq ($(SKERRY_PROXY),$(BUILD)/gateway/skerry-proxy)
$(SKERRY_PROXY): $(SKERRYD)
	@:
endif

$(ROUTER)/router.cpio.gz: $(GUESTS)/packages $(ROUTER_FILES) $(SKERRY_PROXY) gateway/image/libraries.py
	@echo "  CPIO    $@"
	$(Q)rm -rf $(ROUTER)/initramfs
	$(Q)mkdir -p $(addprefix $(ROUTER)/initramfs/,bin dev etc lib/modules proc run sys usr/bin)
	$(Q)cp $(GUESTS)/root/bin/busybox $(ROUTER)/initramfs/bin/
	$(Q)ln -s bin/busybox $(ROUTER)/initramfs/init
	$(Q)cp $(ROUTER_FILES) $(ROUTER)/initramfs/etc/
	$(Q)chmod 755 $(ROUTER)/initramfs/etc/start $(ROUTER)/initramfs/etc/serve
	$(Q)printf '%s\n' $(ROUTER_MODULES) >$(ROUTER)/initramfs/etc/modules
	$(Q)printf 'root:x:0:0::/:/bin/false\n' >$(ROUTER)/initramfs/etc/passwd
	$(Q)install -m 755 -s $(SKERRY_PROXY) $(ROUTER)/initramfs/usr/bin/skerry-proxy
	$(Q)install -m 755 /usr/sbin/nft $(ROUTER)/initramfs/usr/bin/nft
	$(Q)for program in skerry-proxy nft; do $(PYTHON) gateway/image/libraries.py $(ROUTER)/initramfs usr/bin/$$program || exit 1; done
	$(Q)for module in $(ROUTER_MODULES); do find $(GUESTS)/root/lib/modules/ -name $$module.ko \
		-exec cp {} $(ROUTER)/initramfs/lib/modules/ \; ; done
	$(Q)find $(ROUTER)/initramfs -exec touch -h -d @0 {} +
	$(Q)cd $(ROUTER)/initramfs && find . | $(newc) | gzip -9n >../router.cpio.gz
