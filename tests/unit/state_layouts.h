/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/state/section_types.h"

/*
 * The layout of each kind of section, and the version that has it: a change of a saved struct needs
 * a new version, and a new line here. state_fields_test.c computes the hashes.
 */
static const struct state_layout {
	u32 version;
	u32 hash;
} state_layouts[STATE_KIND_COUNT] = {
	[STATE_LAPIC] = {1, 0x43946098},
	[STATE_IRQCHIP] = {1, 0x77da4c45},
	[STATE_BUS] = {1, 0x3ff80931},
	[STATE_IOAPIC] = {1, 0xc2ca6c32},
	[STATE_PIC] = {1, 0x283dc9ac},
	[STATE_HPET] = {1, 0xcb4441fd},
	[STATE_PIT] = {2, 0x609836cf},
	[STATE_RTC] = {1, 0x2472d87d},
	[STATE_SERIAL] = {1, 0x5b8dbc20},
	[STATE_ACPI_PM] = {1, 0x06b78f92},
	[STATE_RESET] = {1, 0x850ec7b0},
	[STATE_DEBUG] = {1, 0xfc0bbf52},
	[STATE_CRTC] = {1, 0xd876fe28},
	[STATE_FW_CFG] = {1, 0x376c4577},
	[STATE_TEST_DEVICE] = {1, 0x3a612009},
	[STATE_PVPANIC] = {1, 0xfc0bbf52},
	[STATE_WATCHDOG] = {1, 0xddfae1a9},
	[STATE_PCI_BUS] = {1, 0x258d2504},
	[STATE_VIRTIO_RNG] = {1, 0x2621d110},
	[STATE_VIRTIO_CONSOLE] = {2, 0x125b053d},
	[STATE_VIRTIO_BLK] = {1, 0xa722289d},
	[STATE_VIRTIO_NET] = {2, 0xdefdc4c4},
	[STATE_POLICY] = {1, 0x6a6b1855},
	[STATE_TIME] = {1, 0x3ff80931},
	[STATE_VCPU] = {1, 0x8ee8f43a},
	[STATE_XSAVE] = {1, 0}, /* the CPU's own layout */
	[STATE_VIRTIO_BALLOON] = {1, 0x4b6bf38f},
	[STATE_WALL] = {1, 0xfc0bbf52},
	[STATE_VIRTIO_VSOCK] = {1, 0x4a4c935a},
	[STATE_FW_CFG_DMA] = {1, 0x33ee0266},
	[STATE_FIRMWARE_LOG] = {1, 0x631990df},
	[STATE_VIRTIO_SCSI] = {2, 0x6148331d},
	[STATE_FLASH] = {1, 0xd87620d8},
	[STATE_FLASH_CONTENT] = {1, 0}, /* the firmware's own layout */
	[STATE_VIRTIO_SCSI_HOST] = {1, 0x2621d110},
	[STATE_VIRTIO_SCSI_DISK] = {1, 0x6148331d},
	[STATE_WINDOW] = {1, 0x5a53a4cc},
};
