# SPDX-License-Identifier: MIT
#
# Tools for Debian guests: fio, blkdiscard, ext4's, xfs's and btrfs's programs and modules, iperf3, socat, sshd and qemu-ga,
# as pieces of initramfs that tests put behind the guests' own (tests/system/bundle.py).

DISK_TOOLS := $(BUILD)/tests/disk_tools
DISK_TOOL_PACKAGES := fio util-linux e2fsprogs xfsprogs btrfs-progs iperf3 socat openssh-server qemu-guest-agent

$(DISK_TOOLS)/made: tests/tools/disk_tools.py tests/system/bundle.py tests/disk_tools.mk $(GUESTS)/packages
	$(Q)iso/packages.sh $(DISK_TOOL_PACKAGES)
	@echo "  CPIO    $(DISK_TOOLS)"
	$(Q)$(PYTHON) tests/tools/disk_tools.py $(GUESTS) $(DISK_TOOLS)
	$(Q)touch $@
