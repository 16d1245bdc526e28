/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/pci/pci.h"
#include "vmm/monitor/virtio/virtqueue.h"

/*
 * Virtio 1.2 over PCI, without the older interfaces from before 1.0. Sections cited in this folder
 * are those of virtio 1.2.
 */
#define VIRTIO_VENDOR 0x1af4u
/* the PCI device ID is this number plus the device type (virtio 1.2, 4.1.2) */
#define VIRTIO_DEVICE_FIRST 0x1040u
#define VIRTIO_QUEUE_MAX    16u
#define VIRTIO_NO_VECTOR    0xffffu

/* The types of virtio devices (virtio 1.2, 5). */
enum virtio_type {
	VIRTIO_NET = 1,
	VIRTIO_BLOCK = 2,
	VIRTIO_CONSOLE = 3,
	VIRTIO_RNG = 4,
	VIRTIO_BALLOON = 5,
	VIRTIO_SCSI = 8,
	VIRTIO_SOCKET = 19,
};

/* The feature bits of the transport and the queues (virtio 1.2, 6). */
#define VIRTIO_F_INDIRECT_DESC 28u
#define VIRTIO_F_EVENT_IDX     29u
#define VIRTIO_F_VERSION_1     32u

/* The bits of the device status (virtio 1.2, 2.1). */
enum virtio_status {
	VIRTIO_ACKNOWLEDGE = 1,
	VIRTIO_DRIVER = 2,
	VIRTIO_DRIVER_OK = 4,
	VIRTIO_FEATURES_OK = 8,
	VIRTIO_NEEDS_RESET = 0x40,
	VIRTIO_FAILED = 0x80,
};

/* The bits of the ISR status (virtio 1.2, 4.1.4.5). */
#define VIRTIO_ISR_QUEUE  1u
#define VIRTIO_ISR_CONFIG 2u

/* The saved state common to all virtio devices: the first member of each device's state struct. */
struct virtio_state {
	struct pci_function_state pci;
	u64 driver_features;
	u32 device_feature_select;
	u32 driver_feature_select;
	u16 queue_select;
	u16 config_vector;
	u8 status; /* enum virtio_status */
	u8 isr;
	u8 config_generation;
	u8 reserved;
	struct virtqueue_state queue[VIRTIO_QUEUE_MAX];
};

/*
 * The operations of one type of virtio device. The functions are called under the machine's lock,
 * and none blocks. Any but `notify` may be NULL.
 */
struct virtio_ops {
	/*
	 * Handles the requests in a queue, of which the guest has notified the device. Called only
	 * while virtio_is_live.
	 */
	void (*notify)(struct virtio_device *device, u32 queue);
	/* Forgets the requests under way, when the guest resets the device and at power-on. */
	void (*reset)(struct virtio_device *device);
	/*
	 * Returns whether the device may still write to the guest's memory after a reset; NULL: it
	 * never does.
	 */
	bool (*is_ending)(struct virtio_device *device);
	/* Read and write the device configuration, within config_bytes, by 1, 2 or 4 bytes. */
	u32 (*config_read)(struct virtio_device *device, u32 offset, u32 size);
	void (*config_write)(struct virtio_device *device, u32 offset, u32 size, u32 value);
};

/*
 * A virtio device on PCI. Its attach function fills in the members before `memory` and, in
 * `function.device`, name, ops, state, state_bytes, kind and version; state begins with a struct
 * virtio_state. The device's ops are virtio_read, _write, _reset, _tick, _loaded and, in its own
 * `valid`, virtio_valid.
 */
struct virtio_device {
	struct pci_function function;
	const struct virtio_ops *ops;
	struct virtio_state *state;
	u64 features; /* feature bits offered besides those of the transport and the queues */
	u32 queue_count;
	u32 config_bytes;
	u16 queue_size[VIRTIO_QUEUE_MAX]; /* the largest size of each queue, a power of two */
	/* The fields from here on are filled in by virtio_add. */
	const struct guest_memory *memory;
	/*
	 * offset, in configuration space, of the capability that is a window into the BARs (virtio
	 * 1.2, 4.1.4.9)
	 */
	u32 cfg_at;
	struct virtqueue_place place[VIRTIO_QUEUE_MAX]; /* owned by virtqueue.c */
	u32 again; /* a bit for each queue on which `notify` is to be called again soon */
};

struct virtio_identity {
	enum virtio_type type;
	u32 class_code;
	u16 subsystem_vendor; /* the PCI subsystem's vendor; 0: VIRTIO_VENDOR */
	u16 subsystem;
};

#define VIRTIO_WIDEST 4u /* the widest access that the device's ops take, in bytes */

/*
 * Builds a virtio device's PCI function, its BARs and capabilities, and adds it to the platform.
 * Returns the result of pci_function_add.
 */
enum status virtio_add(struct platform *platform, const struct guest_memory *memory,
		       struct virtio_device *device, const struct virtio_identity *identity,
		       u32 slot) MUST_CHECK;

u64 virtio_read(struct device *device, u32 region, u64 offset, u32 size);
void virtio_write(struct device *device, u32 region, u64 offset, u32 size, u64 value);
void virtio_reset(struct device *device);
void virtio_tick(struct device *device);
void virtio_loaded(struct device *device);
bool virtio_valid(const void *bytes);

static inline struct virtio_device *virtio_of(struct device *device)
{
	return CONTAINER_OF(device, struct virtio_device, function.device);
}

static inline bool virtio_has(const struct virtio_device *device, u32 feature)
{
	return (device->state->driver_features >> feature & 1) != 0;
}

/* Returns whether the guest's driver is up, has broken no rule and lets the device use memory. */
static inline bool virtio_is_live(const struct virtio_device *device)
{
	return (device->state->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET | VIRTIO_FAILED)) ==
		       VIRTIO_DRIVER_OK &&
	       pci_is_master(&device->function);
}

static inline bool virtio_queue_is_live(const struct virtio_device *device, u32 queue)
{
	return virtio_is_live(device) && device->state->queue[queue].enabled != 0;
}

/*
 * Notes that the guest broke a rule: the device takes nothing more from the guest until the guest
 * resets it (virtio 1.2, 2.1.2).
 */
void virtio_needs_reset(struct virtio_device *device);
/* Tells the guest that the device configuration has changed (virtio 1.2, 4.1.5.1). */
void virtio_config_changed(struct virtio_device *device);
/*
 * Makes `notify` be called again soon for a queue from which one call has taken the most that it
 * may. The guest does not notify the device of requests added meanwhile.
 */
void virtio_look_again(struct virtio_device *device, u32 queue);
/* Raises the queue's interrupt; virtqueue_announce calls it. */
void virtio_interrupt_queue(struct virtio_device *device, u32 queue);
