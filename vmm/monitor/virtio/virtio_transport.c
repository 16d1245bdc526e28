/* SPDX-License-Identifier: MIT */
/*
 * Virtio over PCI (virtio 1.2, 4.1): common registers, status and interrupts. Called by the PCI bus
 * for accesses and by the virtio devices; owns the state common to all of them.
 */
#include "lib/bits.h"
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/monitor/virtio/virtio_bars.h"

/* The offsets of the common registers (virtio 1.2, 4.1.4.3). */
enum common_register {
	COMMON_DEVICE_SELECT = 0x00,
	COMMON_DEVICE_FEATURE = 0x04,
	COMMON_DRIVER_SELECT = 0x08,
	COMMON_DRIVER_FEATURE = 0x0c,
	/* the MSI-X vector for changes of the configuration; the number of queues follows */
	COMMON_CONFIG_VECTOR = 0x10,
	/* the device status; the configuration's generation and the selected queue follow */
	COMMON_STATUS = 0x14,
	COMMON_QUEUE_SELECT = 0x16,
	COMMON_QUEUE_SIZE = 0x18,
	COMMON_QUEUE_VECTOR = 0x1a,
	/* whether the queue is enabled; the number of the queue's doorbell follows, 0 */
	COMMON_QUEUE_ENABLE = 0x1c,
	COMMON_QUEUE_DESCRIPTORS = 0x20,
	COMMON_QUEUE_AVAILABLE = 0x28,
	COMMON_QUEUE_USED = 0x30,
};

#define FEATURES_ALWAYS                                                                            \
	(BIT(VIRTIO_F_INDIRECT_DESC) | BIT(VIRTIO_F_EVENT_IDX) | BIT(VIRTIO_F_VERSION_1))

static void virtio_show_isr(struct virtio_device *device)
{
	pci_intx_set(&device->function, device->state->isr != 0);
}

/*
 * Raises an interrupt by its MSI-X vector or, for drivers without MSI-X, by `cause` in the ISR
 * status (virtio 1.2, 4.1.5.3).
 */
static void virtio_interrupt(struct virtio_device *device, u16 vector, u8 cause)
{
	if (pci_msix_enabled(&device->function)) {
		pci_msix_raise(&device->function, vector);
		return;
	}
	device->state->isr |= cause;
	virtio_show_isr(device);
}

void virtio_interrupt_queue(struct virtio_device *device, u32 queue)
{
	virtio_interrupt(device, device->state->queue[queue].vector, VIRTIO_ISR_QUEUE);
}

void virtio_config_changed(struct virtio_device *device)
{
	device->state->config_generation++;
	if ((device->state->status & VIRTIO_DRIVER_OK) != 0)
		virtio_interrupt(device, device->state->config_vector, VIRTIO_ISR_CONFIG);
}

void virtio_needs_reset(struct virtio_device *device)
{
	if ((device->state->status & VIRTIO_NEEDS_RESET) != 0)
		return;
	device->state->status |= VIRTIO_NEEDS_RESET;
	virtio_config_changed(device);
}

/*
 * Resets the driver's settings, as at power-on, except for those that belong to PCI (virtio 1.2,
 * 2.4).
 */
static void virtio_reset_driver_side(struct virtio_device *device)
{
	struct virtio_state *state = device->state;
	const struct pci_function_state pci = state->pci;

	virtqueue_forget_places(device);
	*state = (struct virtio_state){.pci = pci, .config_vector = VIRTIO_NO_VECTOR};
	for (u32 i = 0; i < device->queue_count; i++)
		virtqueue_reset(&state->queue[i], device->queue_size[i]);
	if (device->ops->reset != NULL)
		device->ops->reset(device);
	virtio_show_isr(device);
}

/*
 * Returns whether the driver may go from device status `from` to `to` (virtio 1.2, 3.1.1). These
 * are the only ways forward, apart from FAILED, which may be added at any time, and 0, which
 * resets. A bit is never taken back: one that is left out stays.
 */
static bool virtio_status_step_is_legal(u8 from, u8 to)
{
	static const u8 legal[][2] = {
		{0, VIRTIO_ACKNOWLEDGE},
		{0, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER},
		{VIRTIO_ACKNOWLEDGE, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER},
		{VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER,
		 VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK},
		{VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK,
		 VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK},
	};

	for (u32 i = 0; i < ARRAY_COUNT(legal); i++)
		if (legal[i][0] == from && legal[i][1] == to)
			return true;
	return to == (from | VIRTIO_FAILED);
}

static u64 virtio_features_offered(const struct virtio_device *device)
{
	return device->features | FEATURES_ALWAYS;
}

/*
 * Returns whether the driver's features are acceptable (virtio 1.2, 2.2.2). A driver that does not
 * take the feature VERSION_1 could be refused (6.1), but those of NuttX and Little Kernel do not
 * take it, although they follow version 1.
 */
static bool virtio_features_are_good(const struct virtio_device *device)
{
	return (device->state->driver_features & ~virtio_features_offered(device)) == 0;
}

static void virtio_write_status(struct virtio_device *device, u8 status)
{
	/* only the device sets and clears NEEDS_RESET */
	u8 now = device->state->status & (u8)~VIRTIO_NEEDS_RESET;

	if (status == 0) {
		virtio_reset_driver_side(device);
		return;
	}
	/* some drivers write the new bit of the status without the bits set before */
	status = (status & (u8)~VIRTIO_NEEDS_RESET) | now;
	if (!virtio_status_step_is_legal(now, status) ||
	    ((status & ~now & VIRTIO_FEATURES_OK) != 0 && !virtio_features_are_good(device)))
		return;
	device->state->status |= status;
	if ((status & ~now & VIRTIO_DRIVER_OK) == 0)
		return;
	/*
	 * a driver may have put requests into queues before DRIVER_OK, and will not notify of these
	 * again
	 */
	for (u32 i = 0; i < device->queue_count; i++)
		if (virtio_queue_is_live(device, i))
			device->ops->notify(device, i);
}

static bool virtio_may_set_features(const struct virtio_state *state)
{
	return (state->status & (VIRTIO_DRIVER | VIRTIO_FEATURES_OK)) == VIRTIO_DRIVER;
}

static void virtio_write_feature(struct virtio_state *state, u32 value)
{
	u32 shift = state->driver_feature_select * 32;

	if (state->driver_feature_select > 1 || !virtio_may_set_features(state))
		return;
	state->driver_features &= ~((u64)0xffffffff << shift);
	state->driver_features |= (u64)value << shift;
}

/* Returns the selected queue; NULL if it does not exist. */
static struct virtqueue_state *virtio_selected(const struct virtio_device *device)
{
	u32 queue = device->state->queue_select;

	return queue < device->queue_count ? &device->state->queue[queue] : NULL;
}

/*
 * Returns the selected queue if its registers may be set: once, before the queue is enabled and the
 * driver is up. By virtio 1.2, 3.1.1 drivers set them after FEATURES_OK, but Little Kernel sets
 * FEATURES_OK together with DRIVER_OK.
 */
static struct virtqueue_state *virtio_configurable(const struct virtio_device *device)
{
	u8 status = device->state->status & (u8)~VIRTIO_NEEDS_RESET;
	struct virtqueue_state *queue = virtio_selected(device);

	if ((status & (u8)~VIRTIO_FEATURES_OK) != (VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER) ||
	    queue == NULL || queue->enabled != 0)
		return NULL;
	return queue;
}

static void virtio_set_half(u64 *address, bool high, u32 value)
{
	*address = high ? (u32)*address | (u64)value << 32 : (*address & BITS(63, 32)) | value;
}

static void virtio_enable(struct virtio_device *device, struct virtqueue_state *queue)
{
	if (virtqueue_in_memory(device->memory, queue))
		queue->enabled = 1;
	else
		virtio_needs_reset(device);
}

static u16 virtio_vector_taken(const struct virtio_device *device, u32 vector)
{
	return vector < device->function.msix_count ? (u16)vector : (u16)VIRTIO_NO_VECTOR;
}

static void virtio_write_queue(struct virtio_device *device, u32 at, u32 size, u32 value)
{
	struct virtqueue_state *queue = virtio_configurable(device);

	if (queue == NULL)
		return;
	if (at == COMMON_QUEUE_SIZE && size == 2 && is_power_of_two(value) &&
	    value <= device->queue_size[device->state->queue_select])
		queue->size = (u16)value;
	else if (at == COMMON_QUEUE_VECTOR && size == 2)
		queue->vector = virtio_vector_taken(device, value);
	else if (at == COMMON_QUEUE_ENABLE && size == 2 && value == 1)
		virtio_enable(device, queue);
	else if (size == 4 && at - COMMON_QUEUE_DESCRIPTORS < 8)
		virtio_set_half(&queue->descriptors, at != COMMON_QUEUE_DESCRIPTORS, value);
	else if (size == 4 && at - COMMON_QUEUE_AVAILABLE < 8)
		virtio_set_half(&queue->available, at != COMMON_QUEUE_AVAILABLE, value);
	else if (size == 4 && at - COMMON_QUEUE_USED < 8)
		virtio_set_half(&queue->used, at != COMMON_QUEUE_USED, value);
}

/* Writes common registers, each by its own width (virtio 1.2, 4.1.3.1). */
static void virtio_write_common(struct virtio_device *device, u32 at, u32 size, u32 value)
{
	struct virtio_state *state = device->state;

	if (at % size != 0)
		return;
	if (at == COMMON_DEVICE_SELECT && size == 4)
		state->device_feature_select = value;
	else if (at == COMMON_DRIVER_SELECT && size == 4)
		state->driver_feature_select = value;
	else if (at == COMMON_DRIVER_FEATURE && size == 4)
		virtio_write_feature(state, value);
	else if (at == COMMON_CONFIG_VECTOR && size == 2)
		state->config_vector = virtio_vector_taken(device, value);
	else if (at == COMMON_STATUS && size == 1)
		virtio_write_status(device, (u8)value);
	else if (at == COMMON_QUEUE_SELECT && size == 2)
		state->queue_select = (u16)value;
	else if (at >= COMMON_QUEUE_SIZE)
		virtio_write_queue(device, at, size, value);
}

static u32 virtio_half_of(u64 address, u32 at)
{
	return (u32)(address >> at % 8 * 8);
}

static u32 virtio_read_queue(const struct virtqueue_state *queue, u32 at)
{
	if (queue == NULL)
		return 0; /* the size of a queue that does not exist is 0 (virtio 1.2, 4.1.4.3.1) */
	if (at == COMMON_QUEUE_SIZE)
		return queue->size | (u32)queue->vector << 16;
	if (at == COMMON_QUEUE_ENABLE)
		return queue->enabled;
	if (at < COMMON_QUEUE_AVAILABLE)
		return virtio_half_of(queue->descriptors, at);
	if (at < COMMON_QUEUE_USED)
		return virtio_half_of(queue->available, at);
	return at < COMMON_QUEUE_USED + 8 ? virtio_half_of(queue->used, at) : 0;
}

/*
 * Returns the device status as the driver reads it: 0 once a reset is complete (virtio 1.2,
 * 4.1.4.3.1).
 */
static u8 virtio_status(struct virtio_device *device)
{
	u8 status = device->state->status;

	if (status == 0 && device->ops->is_ending != NULL && device->ops->is_ending(device))
		return VIRTIO_NEEDS_RESET;
	return status;
}

/* Reads a dword of the common registers. */
static u32 virtio_read_common(struct virtio_device *device, u32 at)
{
	const struct virtio_state *state = device->state;

	switch (at) {
	case COMMON_DEVICE_SELECT:
		return state->device_feature_select;
	case COMMON_DEVICE_FEATURE:
		return state->device_feature_select > 1 ? 0
							: (u32)(virtio_features_offered(device) >>
								state->device_feature_select * 32);
	case COMMON_DRIVER_SELECT:
		return state->driver_feature_select;
	case COMMON_DRIVER_FEATURE:
		return state->driver_feature_select > 1
			       ? 0
			       : (u32)(state->driver_features >> state->driver_feature_select * 32);
	case COMMON_CONFIG_VECTOR:
		return state->config_vector | device->queue_count << 16;
	case COMMON_STATUS:
		return virtio_status(device) | (u32)state->config_generation << 8 |
		       (u32)state->queue_select << 16;
	default:
		return virtio_read_queue(virtio_selected(device), at);
	}
}

/* Reads the ISR status, which clears it (virtio 1.2, 4.1.4.5). */
static u8 virtio_read_isr(struct virtio_device *device)
{
	u8 isr = device->state->isr;

	device->state->isr = 0;
	virtio_show_isr(device);
	return isr;
}

static bool virtio_in_device_config(const struct virtio_device *device, u64 offset, u32 size)
{
	return offset - AT_DEVICE < DEVICE_BYTES &&
	       offset - AT_DEVICE + size <= device->config_bytes;
}

static u64 virtio_read_memory(struct virtio_device *device, u64 offset, u32 size)
{
	u32 at = (u32)offset;

	if (offset < AT_COMMON + COMMON_BYTES && size == 8)
		return virtio_read_common(device, at & ~7u) |
		       (u64)virtio_read_common(device, (at & ~7u) + 4) << 32;
	if (offset < AT_COMMON + COMMON_BYTES && at % 4 + size <= 4)
		return virtio_read_common(device, at & ~3u) >> at % 4 * 8 & BITS(8 * size - 1, 0);
	if (offset == AT_ISR)
		return virtio_read_isr(device);
	if (virtio_in_device_config(device, offset, size) && device->ops->config_read != NULL)
		return device->ops->config_read(device, at - AT_DEVICE, size);
	if (offset >= AT_MSIX_PENDING)
		return pci_msix_pending_read(&device->function, offset - AT_MSIX_PENDING, size);
	if (offset >= AT_MSIX)
		return pci_msix_table_read(&device->function, offset - AT_MSIX, size);
	return 0;
}

static void virtio_ring_doorbell(struct virtio_device *device, u64 queue)
{
	if (queue < device->queue_count && virtio_queue_is_live(device, (u32)queue))
		device->ops->notify(device, (u32)queue);
}

/*
 * Writes a field of 64 bits as a whole. Drivers are to write such fields by halves (virtio 1.2,
 * 4.1.3.1), but not all of them do.
 */
static void virtio_write_whole(struct virtio_device *device, u32 at, u64 value)
{
	if (at % 8 != 0)
		return;
	virtio_write_common(device, at, 4, (u32)value);
	virtio_write_common(device, at + 4, 4, (u32)(value >> 32));
}

static void virtio_write_memory(struct virtio_device *device, u64 offset, u32 size, u64 value)
{
	if (offset < AT_COMMON + COMMON_BYTES && size == 8)
		virtio_write_whole(device, (u32)offset, value);
	else if (offset < AT_COMMON + COMMON_BYTES)
		virtio_write_common(device, (u32)offset, size, (u32)value);
	else if (offset == AT_DOORBELL)
		virtio_ring_doorbell(device, value & 0xffff);
	else if (virtio_in_device_config(device, offset, size) && device->ops->config_write != NULL)
		device->ops->config_write(device, (u32)offset - AT_DEVICE, size, (u32)value);
	else if (offset >= AT_MSIX && offset < AT_MSIX_PENDING)
		pci_msix_table_write(&device->function, offset - AT_MSIX, size, value);
}

u64 virtio_read(struct device *device, u32 region, u64 offset, u32 size)
{
	return region == BAR_MEMORY ? virtio_read_memory(virtio_of(device), offset, size) : 0;
}

void virtio_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	if (region == BAR_MEMORY)
		virtio_write_memory(virtio_of(device), offset, size, value);
	else if (offset == 0)
		virtio_ring_doorbell(virtio_of(device), value & 0xffff);
}

void virtio_reset(struct device *device)
{
	pci_function_reset(&virtio_of(device)->function);
	virtio_reset_driver_side(virtio_of(device));
}

void virtio_look_again(struct virtio_device *device, u32 queue)
{
	device->again |= 1u << queue;
	device_set_deadline(&device->function.device, 0);
}

void virtio_tick(struct device *device)
{
	struct virtio_device *virtio = virtio_of(device);
	u32 again = virtio->again;

	virtio->again = 0;
	device_set_deadline(device, DEADLINE_NONE);
	for (u32 i = 0; i < virtio->queue_count; i++)
		if ((again >> i & 1) != 0 && virtio_queue_is_live(virtio, i))
			virtio->ops->notify(virtio, i);
}

void virtio_loaded(struct device *device)
{
	virtqueue_forget_places(virtio_of(device));
	pci_function_loaded(&virtio_of(device)->function);
	/* the VM may have been saved before a queue with requests was handled again */
	for (u32 i = 0; i < virtio_of(device)->queue_count; i++)
		virtio_look_again(virtio_of(device), i);
}

bool virtio_valid(const void *bytes)
{
	const struct virtio_state *state = bytes;

	for (u32 i = 0; i < VIRTIO_QUEUE_MAX; i++)
		if (!virtqueue_valid(&state->queue[i]))
			return false;
	return pci_function_valid(&state->pci);
}
