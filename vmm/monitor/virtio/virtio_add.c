/* SPDX-License-Identifier: MIT */
/*
 * Puts a virtio device on the PCI bus: identity, BARs and capabilities (virtio 1.2, 4.1.2, 4.1.4).
 * Called by each virtio device's attach function; changes the PCI function.
 */
#include "lib/checked.h"
#include "vmm/monitor/pci/pci_bus.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/monitor/virtio/virtio_bars.h"

#define SUBSYSTEM_MODERN 0x40u
/* the PCI revision: the device is not transitional (virtio 1.2, 4.1.2.1) */
#define REVISION 1u

enum cap_type { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI = 5 };

/* Offsets in a virtio capability, whose first two bytes are PCI's. */
#define CAP_LENGTH 2u
#define CAP_TYPE   3u
#define CAP_BAR	   4u
#define CAP_OFFSET 8u
#define CAP_AREA   12u /* the size in bytes of the structure in the BAR */
#define CAP_BYTES  16u
/*
 * The multiplier of doorbells is 0: there is one doorbell, to which the queue's number is written.
 */
#define CAP_NOTIFY_BYTES 20u
#define CAP_DATA	 16u
#define CAP_PCI_BYTES	 20u

static u32 virtio_add_cap(struct pci_function *function, enum cap_type type, u32 bar, u32 offset,
			  u32 area)
{
	u32 bytes = type == CAP_NOTIFY ? CAP_NOTIFY_BYTES
		    : type == CAP_PCI  ? CAP_PCI_BYTES
				       : CAP_BYTES;
	u32 at = pci_function_capability(function, PCI_CAP_VENDOR, bytes);
	u8 *cap = function->constant + at;

	cap[CAP_LENGTH] = (u8)bytes;
	cap[CAP_TYPE] = (u8)type;
	cap[CAP_BAR] = (u8)bar;
	memcpy(cap + CAP_OFFSET, &offset, sizeof(offset));
	memcpy(cap + CAP_AREA, &area, sizeof(area));
	return at;
}

/*
 * The capability that is a window from configuration space into the BARs, for software that cannot
 * reach these (virtio 1.2, 4.1.4.9).
 */
struct cfg_window {
	u32 bar;
	u32 offset;
	u32 bytes;
};

static bool virtio_add_cfg_window(const struct pci_function *function, u32 cap,
				  struct cfg_window *window)
{
	window->bar = pci_config_get(function, cap + CAP_BAR, 1);
	window->offset = pci_config_get(function, cap + CAP_OFFSET, 4);
	window->bytes = pci_config_get(function, cap + CAP_AREA, 4);
	return (window->bytes == 1 || window->bytes == 2 || window->bytes == 4) &&
	       window->offset % window->bytes == 0 && window->bar < PCI_BARS &&
	       function->bar[window->bar].kind != PCI_BAR_NONE &&
	       range_within(window->offset, window->bytes, function->bar[window->bar].bytes);
}

static void virtio_add_cfg_reads(struct pci_function *function, u32 offset, u32 size)
{
	u32 cap = CONTAINER_OF(function, struct virtio_device, function)->cfg_at;
	struct cfg_window window;
	u32 value;

	(void)size;
	if (offset != cap + CAP_DATA || !virtio_add_cfg_window(function, cap, &window))
		return;
	value = (u32)virtio_read(&function->device, window.bar, window.offset, window.bytes);
	memcpy(function->state->config + cap + CAP_DATA, &value, sizeof(value));
}

static void virtio_add_cfg_written(struct pci_function *function, u32 offset, u32 size)
{
	u32 cap = CONTAINER_OF(function, struct virtio_device, function)->cfg_at;
	struct cfg_window window;

	(void)size;
	if (offset != cap + CAP_DATA || !virtio_add_cfg_window(function, cap, &window))
		return;
	virtio_write(&function->device, window.bar, window.offset, window.bytes,
		     pci_config_get(function, cap + CAP_DATA, window.bytes));
}

static void virtio_add_cfg_window_range(struct virtio_device *device)
{
	struct pci_function *function = &device->function;
	u32 at = virtio_add_cap(function, CAP_PCI, 0, 0, 0);

	device->cfg_at = at;
	function->writable[at + CAP_BAR] = 0xff;
	memset(function->writable + at + CAP_OFFSET, 0xff, CAP_PCI_BYTES - CAP_OFFSET);
	function->config_reads = virtio_add_cfg_reads;
	function->config_written = virtio_add_cfg_written;
}

/*
 * Returns the device's PCI subsystem ID. For VMs that start by firmware it is 0x40 or higher, as
 * UEFI firmware expects of a device that is not transitional (virtio 1.2, 4.1.2.1); guests that
 * start by a kernel have always found the lower one.
 */
static u16 virtio_add_subsystem(const struct platform *platform,
				const struct virtio_identity *identity)
{
	bool firmware = platform->pci != NULL && platform->pci->windows.wide_ports;

	return firmware ? (u16)(identity->subsystem | SUBSYSTEM_MODERN) : identity->subsystem;
}

enum status virtio_add(struct platform *platform, const struct guest_memory *memory,
		       struct virtio_device *device, const struct virtio_identity *identity,
		       u32 slot)
{
	struct pci_function *function = &device->function;
	const struct pci_identity pci = {
		.vendor = VIRTIO_VENDOR,
		.device = (u16)(VIRTIO_DEVICE_FIRST + identity->type),
		.revision = REVISION,
		.class_code = identity->class_code,
		.subsystem_vendor = identity->subsystem_vendor != 0 ? identity->subsystem_vendor
								    : (u16)VIRTIO_VENDOR,
		.subsystem = virtio_add_subsystem(platform, identity),
	};

	device->memory = memory;
	function->state = &device->state->pci;
	pci_function_begin(function, &pci);
	pci_function_bar(function, BAR_DOORBELL, PCI_BAR_PORTS, DOORBELL_BYTES);
	pci_function_bar(function, BAR_MEMORY, PCI_BAR_MEMORY, BAR_MEMORY_BYTES);
	(void)virtio_add_cap(function, CAP_COMMON, BAR_MEMORY, AT_COMMON, COMMON_BYTES);
	/*
	 * a second doorbell, in memory: drivers that know no ports take a structure that they can
	 * reach (virtio 1.2, 4.1.4)
	 */
	(void)virtio_add_cap(function, CAP_NOTIFY, BAR_MEMORY, AT_DOORBELL, DOORBELL_BYTES);
	(void)virtio_add_cap(function, CAP_NOTIFY, BAR_DOORBELL, 0, DOORBELL_BYTES);
	(void)virtio_add_cap(function, CAP_ISR, BAR_MEMORY, AT_ISR, 1);
	if (device->config_bytes != 0)
		(void)virtio_add_cap(function, CAP_DEVICE, BAR_MEMORY, AT_DEVICE,
				     device->config_bytes);
	virtio_add_cfg_window_range(device);
	pci_function_msix(function, device->queue_count + 1, BAR_MEMORY, AT_MSIX, AT_MSIX_PENDING);
	return pci_function_add(platform, function, slot);
}
