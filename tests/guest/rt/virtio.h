/* SPDX-License-Identifier: MIT */
#pragma once

#include "tests/guest/rt/pci.h"

/* A driver for virtio 1.x over PCI; nothing of it is shared with the monitor. */
#define VIRTQ_SIZE     8u
#define VIRTQ_NEXT     1u
#define VIRTQ_WRITE    2u
#define VIRTQ_INDIRECT 4u

#define VIRTIO_RING_INDIRECT (1ull << 28)
#define VIRTIO_RING_EVENT    (1ull << 29)
#define VIRTIO_VERSION_1     (1ull << 32)

/* 4.1.4.3: the common registers */
enum virtio_common {
	VIRTIO_DEVICE_SELECT = 0x00,
	VIRTIO_DEVICE_FEATURE = 0x04,
	VIRTIO_DRIVER_SELECT = 0x08,
	VIRTIO_DRIVER_FEATURE = 0x0c,
	VIRTIO_CONFIG_VECTOR = 0x10,
	VIRTIO_STATUS = 0x14,
	VIRTIO_QUEUE_SELECT = 0x16,
	VIRTIO_QUEUE_SIZE = 0x18,
	VIRTIO_QUEUE_VECTOR = 0x1a,
	VIRTIO_QUEUE_ENABLE = 0x1c,
	VIRTIO_QUEUE_TABLE = 0x20,
	VIRTIO_QUEUE_AVAILABLE = 0x28,
	VIRTIO_QUEUE_USED = 0x30,
};

struct virtq_descriptor {
	u64 address;
	u32 bytes;
	u16 flags;
	u16 next;
};

struct virtq {
	struct virtq_descriptor table[VIRTQ_SIZE] ALIGNED(16);
	struct {
		u16 flags;
		volatile u16 index;
		u16 head[VIRTQ_SIZE];
		volatile u16 used_event;
	} available;
	struct {
		u16 flags;
		volatile u16 index;
		struct {
			u32 head;
			u32 written;
		} entry[VIRTQ_SIZE];
		volatile u16 available_event;
	} used ALIGNED(4);
	u32 size; /* the driver's own: what the device was told, VIRTQ_SIZE at most */
};

/* Where a capability says that registers are. */
struct virtio_place {
	bool ports;
	u32 bar;
	word at; /* the address or port; 0: the device has no such registers */
};

struct virtio {
	u32 slot;
	struct virtio_place common;
	struct virtio_place doorbell; /* the first doorbell that is offered */
	struct virtio_place doorbell_2;
	struct virtio_place isr;
	struct virtio_place device;
	u32 multiplier;
};

/*
 * Finds the device in a slot, also after its BARs have moved. Returns false if there is no such
 * device.
 */
bool virtio_find_at(struct virtio *virtio, u32 slot);
/* Does the same with the first device of a type. */
bool virtio_find(struct virtio *virtio, u32 type);
u32 virtio_get(const struct virtio_place *place, u32 offset, u32 size);
void virtio_put(const struct virtio_place *place, u32 offset, u32 size, u32 value);
u8 virtio_status(const struct virtio *virtio);
/*
 * Resets the device and negotiates as many of these features as are offered; returns these, or 0.
 */
u64 virtio_begin(const struct virtio *virtio, u64 features);
/* Adds a queue with the MSI-X vector of its interrupt, 0xffff for none. */
bool virtio_add_queue(const struct virtio *virtio, u32 number, struct virtq *queue, u16 vector);
/*
 * Adds a queue as virtio_add_queue does, with `size` entries. Event indices lie elsewhere than in
 * struct virtq then.
 */
bool virtio_add_queue_of(const struct virtio *virtio, u32 number, struct virtq *queue, u16 vector,
			 u32 size);
bool virtio_start(const struct virtio *virtio);
/* Makes the chain that begins at `head` available and says so. */
void virtio_submit(const struct virtio *virtio, u32 number, struct virtq *queue, u16 head);
/* Entry `vector` of MSI-X sends `data` to this CPU; MSI-X is enabled. */
void virtio_msix(const struct virtio *virtio, u32 vector, u32 data);
void virtio_msix_off(const struct virtio *virtio);
