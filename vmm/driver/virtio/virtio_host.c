/* SPDX-License-Identifier: MIT */
/*
 * Brings a virtio device from any state to one that works: virtio 1.2, 3.1 and 4.1.5. Called by the
 * virtio disk, SCSI and network drivers as they start; resets the device, negotiates features and
 * sets up rings in the driver's DMA memory.
 */
#include "vmm/driver/virtio/virtio_host.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define RESET_NS (2 * NS_PER_S) /* time limit for a reset of the device */
/* The number of attempts to read a device configuration that changes during the read. */
#define CONFIG_ATTEMPTS 16u

static bool virtio_host_refuse_device(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/*
 * Writes a 64-bit field of the device's common structure as two of 32 bits (virtio 1.2, 4.1.3.1).
 */
static void virtio_host_write64(const struct virtio_host *host, enum vio_common at, u64 value)
{
	virtio_host_out(host, at, 4, (u32)value);
	virtio_host_out(host, at + 4, 4, (u32)(value >> 32));
}

bool virtio_host_find(struct virtio_host *host)
{
	host->common = process_registers(DRIVER_VIRTIO_COMMON, &host->common_bytes);
	host->notify = process_registers(DRIVER_VIRTIO_NOTIFY, &host->notify_bytes);
	host->isr = process_registers(DRIVER_VIRTIO_ISR, &host->isr_bytes);
	host->device = process_registers(DRIVER_VIRTIO_DEVICE, &host->device_bytes);
	host->multiplier = start_info->parameter[DRIVER_NOTIFY_MULTIPLIER];
	host->interrupts = process_has_interrupt();
	host->line = process_has_line();
	host->memory = driver_dma();
	return host->common != NULL && host->notify != NULL && host->device != NULL;
}

static bool virtio_host_reset_device(const struct virtio_host *host)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(RESET_NS);

	virtio_host_out(host, VIO_STATUS, 1, 0);
	while (virtio_host_in(host, VIO_STATUS, 1) != 0) {
		if (clock_tsc() >= until)
			return false;
		process_pause();
	}
	return true;
}

static u64 virtio_host_offered(const struct virtio_host *host)
{
	u64 low;

	virtio_host_out(host, VIO_DEVICE_FEATURE_SELECT, 4, 0);
	low = virtio_host_in(host, VIO_DEVICE_FEATURE, 4);
	virtio_host_out(host, VIO_DEVICE_FEATURE_SELECT, 4, 1);
	return low | (u64)virtio_host_in(host, VIO_DEVICE_FEATURE, 4) << 32;
}

bool virtio_host_begin(struct virtio_host *host, u64 wanted, char *problem, size_t size)
{
	u64 there;

	if (host->memory.address == NULL)
		return virtio_host_refuse_device(problem, size,
						 "no memory that the device could use");
	if (host->common_bytes < VIO_COMMON_BYTES)
		return virtio_host_refuse_device(problem, size,
						 "the device's registers are missing");
	if (!virtio_host_reset_device(host))
		return virtio_host_refuse_device(problem, size,
						 "the device does not end its reset");
	virtio_host_out(host, VIO_STATUS, 1, VIO_ACKNOWLEDGE);
	virtio_host_out(host, VIO_STATUS, 1, VIO_ACKNOWLEDGE | VIO_DRIVER);
	there = virtio_host_offered(host);
	if ((there & VIO_F_VERSION_1) == 0)
		return virtio_host_refuse_device(problem, size,
						 "the device is older than virtio 1.0");
	host->features =
		there & (wanted | VIO_F_VERSION_1 | VIO_F_ACCESS_PLATFORM | VIO_F_EVENT_IDX);
	virtio_host_out(host, VIO_DRIVER_FEATURE_SELECT, 4, 0);
	virtio_host_out(host, VIO_DRIVER_FEATURE, 4, (u32)host->features);
	virtio_host_out(host, VIO_DRIVER_FEATURE_SELECT, 4, 1);
	virtio_host_out(host, VIO_DRIVER_FEATURE, 4, (u32)(host->features >> 32));
	virtio_host_out(host, VIO_STATUS, 1, VIO_ACKNOWLEDGE | VIO_DRIVER | VIO_FEATURES_OK);
	if ((virtio_host_in(host, VIO_STATUS, 1) & VIO_FEATURES_OK) == 0)
		return virtio_host_refuse_device(problem, size,
						 "the device takes none of its own features");
	virtio_host_out(host, VIO_CONFIG_VECTOR, 2, host->interrupts ? 0 : VIO_NO_VECTOR);
	return true;
}

/* Initializes an empty ring with all descriptors free, none owned by the device. */
static void virtio_host_init_ring(const struct virtio_host *host, struct virtio_ring *ring,
				  u16 index, u64 page, u16 ring_size)
{
	u8 *pages = host->memory.memory + page * PAGE_SIZE;
	u8 *used = pages + PAGE_SIZE + PAGE_SIZE / 4;

	memset(pages, 0, VIRTIO_HOST_RING_PAGES * PAGE_SIZE);
	*ring = (struct virtio_ring){
		.size = ring_size,
		.event_idx = (host->features & VIO_F_EVENT_IDX) != 0,
		.descriptors = (struct vio_descriptor *)(uintptr_t)pages,
		.available = (volatile struct vio_ring *)(uintptr_t)(pages + PAGE_SIZE),
		.used = (volatile struct vio_ring *)(uintptr_t)used,
		.index = index,
		.free_count = ring_size,
	};
	for (u16 i = 0; i < ring_size; i++)
		ring->next[i] = (u16)(i + 1);
}
_Static_assert(6 + 2 * VIRTIO_HOST_RING_MAX <= PAGE_SIZE / 4, "what the driver writes");
_Static_assert(6 + 8 * VIRTIO_HOST_RING_MAX <= PAGE_SIZE * 3 / 4, "what the device writes");

bool virtio_host_open(struct virtio_host *host, struct virtio_ring *ring, u16 index, u64 page,
		      char *problem, size_t size)
{
	u64 at = page * PAGE_SIZE;
	u16 ring_size;
	u64 doorbell;

	if (page > host->memory.pages || host->memory.pages - page < VIRTIO_HOST_RING_PAGES)
		return virtio_host_refuse_device(problem, size,
						 "no memory that the device could use");
	virtio_host_out(host, VIO_QUEUE_SELECT, 2, index);
	ring_size = (u16)virtio_host_in(host, VIO_QUEUE_SIZE, 2);
	if (ring_size < 4 || !is_power_of_two(ring_size))
		return virtio_host_refuse_device(problem, size,
						 "the device has no queue of a size that works");
	ring_size = (u16)MIN(ring_size, VIRTIO_HOST_RING_MAX);
	doorbell = (u16)virtio_host_in(host, VIO_QUEUE_NOTIFY_OFFSET, 2) *
		   (host->multiplier & 0xffffffff);
	if (host->notify_bytes < 2 || doorbell > host->notify_bytes - 2 || doorbell % 2 != 0)
		return virtio_host_refuse_device(problem, size,
						 "the device's doorbells are out of reach");
	virtio_host_init_ring(host, ring, index, page, ring_size);
	ring->doorbell = (volatile u16 *)(host->notify + doorbell);
	virtio_host_out(host, VIO_QUEUE_SIZE, 2, ring_size);
	virtio_host_out(host, VIO_QUEUE_VECTOR, 2, host->interrupts ? 0 : VIO_NO_VECTOR);
	virtio_host_write64(host, VIO_QUEUE_DESCRIPTORS, virtio_host_address(host, at));
	virtio_host_write64(host, VIO_QUEUE_DRIVER, virtio_host_address(host, at + PAGE_SIZE));
	virtio_host_write64(host, VIO_QUEUE_DEVICE,
			    virtio_host_address(host, at + PAGE_SIZE + PAGE_SIZE / 4));
	virtio_host_out(host, VIO_QUEUE_ENABLE, 2, 1);
	return true;
}

void virtio_host_go(const struct virtio_host *host)
{
	virtio_host_out(host, VIO_STATUS, 1,
			VIO_ACKNOWLEDGE | VIO_DRIVER | VIO_FEATURES_OK | VIO_DRIVER_OK);
}

void virtio_host_acknowledge(const struct virtio_host *host)
{
	if (host->line && host->isr != NULL && host->isr_bytes != 0)
		(void)*host->isr;
}

const char *virtio_host_failure(const struct virtio_host *host)
{
	u32 status = virtio_host_in(host, VIO_STATUS, 1);

	if (status == 0xff)
		return "the device does not answer any more";
	if ((status & VIO_NEEDS_RESET) != 0)
		return "the device has an error and asks to be reset";
	return (status & VIO_DRIVER_OK) == 0 ? "the device has stopped" : NULL;
}

/*
 * Reads the device's configuration (virtio 1.2, 2.5.1). If config_generation has changed, the copy
 * may mix two states.
 */
bool virtio_host_config(const struct virtio_host *host, u32 offset, void *to, u32 count)
{
	u8 *bytes = to;

	if (count > host->device_bytes || offset > host->device_bytes - count)
		return false;
	for (u32 i = 0; i < CONFIG_ATTEMPTS; i++) {
		u32 before = virtio_host_in(host, VIO_GENERATION, 1);

		for (u32 j = 0; j < count; j++)
			bytes[j] = host->device[offset + j];
		if (virtio_host_in(host, VIO_GENERATION, 1) == before)
			return true;
	}
	return false;
}
