/* SPDX-License-Identifier: MIT */
/*
 * Writes the order of boot for a VM's firmware: the file bootorder of fw_cfg. Called by firmware.c
 * once, and at each start of the guest; writes into the given buffers.
 */
#include "vmm/monitor/load/boot_order.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/pci/pci.h"
#include "vmm/rt/format.h"

static const struct {
	/*
	 * the parts of a device's OpenFirmware path before and behind its PCI slot, which is
	 * written in hex
	 */
	const char *before;
	const char *behind;
	u32 slot_first;
} boot_order_kinds[FIRMWARE_KIND_COUNT] = {
	[FIRMWARE_KIND_DISK] = {"scsi", "disk@0,0", PCI_SLOT_DISK_FIRST},
	[FIRMWARE_KIND_CDROM] = {"scsi", "channel@0/disk@0,0", PCI_SLOT_DISK_FIRST},
	[FIRMWARE_KIND_NET] = {"ethernet", "ethernet-phy@0", PCI_SLOT_NET_FIRST},
};

static u32 boot_order_devices(const struct boot_devices *devices, u32 kind)
{
	switch (kind) {
	case FIRMWARE_KIND_DISK:
		return devices->disks;
	case FIRMWARE_KIND_CDROM:
		return devices->drives;
	default:
		return devices->cards;
	}
}

/* Writes the path of a device; returns its length, which may be more than there is room for. */
static size_t boot_order_write_path(char *text, size_t size, const struct boot_devices *devices,
				    u32 kind, u32 number)
{
	if (kind == FIRMWARE_KIND_DISK && (devices->units >> number & 1) != 0)
		return format(text, size, "/pci@i0cf8/scsi@%x/channel@0/disk@%x,0", PCI_SLOT_SCSI,
			      number);
	return format(text, size, "/pci@i0cf8/%s@%x/%s", boot_order_kinds[kind].before,
		      boot_order_kinds[kind].slot_first + number, boot_order_kinds[kind].behind);
}

/* Writes the paths of all devices of these kinds, one a line; returns the number of bytes. */
static u32 boot_order_write_kinds(char text[BOOT_ORDER_BYTES],
				  const u8 kinds[FIRMWARE_KIND_COUNT - 1],
				  const struct boot_devices *devices)
{
	size_t length = 0;

	for (u32 i = 0; i < FIRMWARE_KIND_COUNT - 1; i++) {
		u32 kind = kinds[i];
		u32 left;

		if (kind == FIRMWARE_KIND_NONE || kind >= FIRMWARE_KIND_COUNT)
			break;
		left = boot_order_devices(devices, kind);
		for (u32 number = 0; left >> number != 0 && length < BOOT_ORDER_BYTES; number++) {
			if ((left >> number & 1) == 0)
				continue;
			if (length != 0)
				text[length++] = '\n';
			length += boot_order_write_path(text + length, BOOT_ORDER_BYTES - length,
							devices, kind, number);
		}
	}
	return length != 0 && length < BOOT_ORDER_BYTES ? (u32)length + 1 : 0;
}

void boot_order_write(struct boot_order *order, const struct firmware_settings *settings,
		      const struct boot_devices *devices)
{
	const u8 *first =
		settings->once[0] != FIRMWARE_KIND_NONE ? settings->once : settings->order;
	u32 then_bytes;

	memset(order, 0, sizeof(*order));
	order->bytes = boot_order_write_kinds(order->text, first, devices);
	then_bytes = boot_order_write_kinds(order->then, settings->order, devices);
	order->bytes = MAX(order->bytes, then_bytes);
}

void boot_order_start(struct boot_order *order)
{
	if (order->started)
		memcpy(order->text, order->then, sizeof(order->text));
	order->started = true;
}
