/* SPDX-License-Identifier: MIT */
/*
 * Gives a driver the register structures of a virtio PCI device. Called by the virtio disks and
 * cards. Reads configuration space, and refuses a device that bypasses its IOMMU.
 */
#include "vmm/manager/driver/device_virtio.h"

#include "lib/bits.h"
#include "vmm/hw/virtio.h"
#include "vmm/io/driver_channel.h"
#include "vmm/manager/pci/pci_access.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* virtio 1.2, 4.1.4: offsets of fields from the beginning of the capability */
enum virtio_capability {
	VIRTIO_CAP_LENGTH = 2,
	VIRTIO_CAP_TYPE = 3,
	VIRTIO_CAP_BAR = 4,
	VIRTIO_CAP_OFFSET = 8,
	VIRTIO_CAP_BYTES = 12,
	/* offset of the multiplier of notify offsets, which only the notify capability has */
	VIRTIO_CAP_MULTIPLIER = 16,
	VIRTIO_CAP_END = 16,
};

/* Names of the virtio register structures by capability type, from 1 on. */
static const char *const names[] = {
	DRIVER_VIRTIO_COMMON,
	DRIVER_VIRTIO_NOTIFY,
	DRIVER_VIRTIO_ISR,
	DRIVER_VIRTIO_DEVICE,
};
#define COMMON_TYPE 1u
#define NOTIFY_TYPE 2u

/*
 * Returns the offset of the first virtio capability of that type whose BAR is memory, or 0 if there
 * is none.
 */
static u32 device_virtio_find(const struct pci_function *function, u32 type)
{
	for (u32 i = 0; i < function->capability_count; i++) {
		u32 at = function->capability[i].offset;
		u32 bar;

		if (function->capability[i].id != PCI_CAP_VENDOR || at >= PCI_EXTENDED ||
		    at + VIRTIO_CAP_MULTIPLIER + 4 > PCI_CONFIG_BYTES)
			continue;
		bar = pci_read(function->address, at + VIRTIO_CAP_BAR, 1);
		if (pci_read(function->address, at + VIRTIO_CAP_TYPE, 1) == type &&
		    pci_read(function->address, at + VIRTIO_CAP_LENGTH, 1) >= VIRTIO_CAP_END &&
		    bar < PCI_BARS && function->bar[bar].kind > PCI_BAR_PORTS)
			return at;
	}
	return 0;
}

/*
 * Returns whether the device uses the IOMMU. A virtual device may bypass a virtual IOMMU: one that
 * does not offer VIRTIO_F_ACCESS_PLATFORM uses physical addresses (virtio 1.2, 6.1), and would take
 * its driver's addresses for such.
 */
static bool device_virtio_keeps_to_iommu(const struct pci_function *function, handle_t registers,
					 u64 offset)
{
	u64 at = 0;
	volatile u32 *common;
	u32 features;

	if (function->iommu == 0)
		return true;
	pci_write(function->address, PCI_COMMAND, 2,
		  pci_read(function->address, PCI_COMMAND, 2) | (u32)PCI_COMMAND_MEMORY);
	if (sys_space_map(start_handle(START_SPACE), 0, registers, offset, PAGE_SIZE,
			  RIGHT_READ | RIGHT_WRITE, &at) != STATUS_OK)
		return false;
	common = (volatile u32 *)(uintptr_t)at;
	common[VIO_DEVICE_FEATURE_SELECT / sizeof(u32)] = 1;
	features = common[VIO_DEVICE_FEATURE / sizeof(u32)];
	sys_space_unmap(start_handle(START_SPACE), at, PAGE_SIZE);
	return (features & (VIO_F_ACCESS_PLATFORM >> 32)) != 0;
}

static void device_virtio_give_part(struct process_build *build,
				    const struct pci_function *function, u32 at, u32 type)
{
	u64 offset = pci_read(function->address, at + VIRTIO_CAP_OFFSET, 4);
	u64 wanted = pci_read(function->address, at + VIRTIO_CAP_BYTES, 4);
	handle_t registers = HANDLE_NONE;
	u64 bytes = 0;

	process_build_note(build, "handing it its registers",
			   pci_bar_memory(function,
					  pci_read(function->address, at + VIRTIO_CAP_BAR, 1),
					  &registers, &bytes));
	if (process_build_failed(build))
		return;
	if (wanted == 0 || wanted > bytes || offset > bytes - wanted)
		process_build_note(build, "looking for its registers", STATUS_BAD_FORMAT);
	if (type == COMMON_TYPE && !device_virtio_keeps_to_iommu(function, registers, offset))
		process_build_note(build, "asking whether it keeps to the IOMMU",
				   STATUS_NOT_SUPPORTED);
	process_build_map(build, START_REGISTERS, registers, offset, wanted,
			  RIGHT_READ | RIGHT_WRITE);
	process_build_name(build, names[type - 1]);
	sys_handle_close(registers);
}

void device_virtio_give(struct process_build *build, const struct pci_function *function)
{
	for (u32 i = 0; i < ARRAY_COUNT(names) && !process_build_failed(build); i++) {
		u32 at = device_virtio_find(function, i + 1);

		if (at == 0) {
			process_build_note(build, "looking for its registers", STATUS_NOT_FOUND);
			return;
		}
		device_virtio_give_part(build, function, at, i + 1);
		if (i + 1 == NOTIFY_TYPE && !process_build_failed(build))
			build->info->parameter[DRIVER_NOTIFY_MULTIPLIER] =
				pci_read(function->address, at + VIRTIO_CAP_MULTIPLIER, 4);
	}
}
