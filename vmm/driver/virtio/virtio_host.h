/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/process.h"
#include "vmm/hw/virtio.h"

/*
 * A virtio device of the host, by PCI, without what came before 1.0. Sections are those of virtio
 * 1.2. The device is not believed: what it says is read once and checked, every wait has an end.
 */
#define VIRTIO_HOST_RING_MAX 256u /* so that a table of descriptors is one page */
/* So many impossible answers, and the device is given up. */
#define VIRTIO_HOST_BAD_MAX 16u
/* Of a queue: the descriptors, then what the driver and what the device writes. */
#define VIRTIO_HOST_RING_PAGES 2u

struct virtio_host {
	/* filled in by virtio_host_find, or a test; each with how many bytes there are */
	volatile u8 *common;
	volatile u8 *notify;
	volatile u8 *isr;
	volatile u8 *device;
	u64 common_bytes;
	u64 notify_bytes;
	u64 isr_bytes;
	u64 device_bytes;
	u64 multiplier;
	bool interrupts;
	bool line; /* its interrupt is one */
	struct driver_dma memory;

	u64 features; /* in force */
};

/* One part of what a request is: memory that the device reads or writes. */
struct virtio_part {
	u64 address; /* host-physical */
	u32 bytes;
	bool write; /* by the device; those come last */
};

/* A split queue: 2.7. What the driver counts on it keeps itself. */
struct virtio_ring {
	u16 size; /* a power of two */
	bool event_idx;
	struct vio_descriptor *descriptors;
	volatile struct vio_ring *available;
	volatile struct vio_ring *used;
	volatile u16 *doorbell;
	u16 index; /* of the queue */
	u16 free_first;
	u16 free_count;
	u16 next[VIRTIO_HOST_RING_MAX];	  /* of each descriptor, within its request or the free ones
					   */
	u16 length[VIRTIO_HOST_RING_MAX]; /* of the request that begins here; 0: none does */
	u32 room[VIRTIO_HOST_RING_MAX];	  /* bytes that the device may write of it */
	u16 added;
	u16 told; /* of added, what the device was told of */
	u16 taken;
	u32 bad; /* answers to what was not asked */
};

/* What the manager has handed over; false: not all that is needed. */
bool virtio_host_find(struct virtio_host *host);
/*
 * Resets the device and takes those of its features that are in `wanted`, among them always
 * VERSION_1. False: `problem` says why it cannot be used.
 */
bool virtio_host_begin(struct virtio_host *host, u64 wanted, char *problem, size_t size);
/*
 * Opens queue `index` in VIRTIO_HOST_RING_PAGES of its memory, from `page` on. False: `problem`
 * says why not.
 */
bool virtio_host_open(struct virtio_host *host, struct virtio_ring *ring, u16 index, u64 page,
		      char *problem, size_t size);
/* The device may begin. */
void virtio_host_go(const struct virtio_host *host);
/* Takes the interrupt back, if that is a line. */
void virtio_host_acknowledge(const struct virtio_host *host);
/* Why nothing more is to be hoped for; NULL: it is well. */
const char *virtio_host_failure(const struct virtio_host *host);
/* `count` bytes of its configuration, all of one moment; false: it has no such, or none of one. */
bool virtio_host_config(const struct virtio_host *host, u32 offset, void *to, u32 count) MUST_CHECK;
/* Host-physical, of a byte of the driver's own memory. */
static inline u64 virtio_host_address(const struct virtio_host *host, u64 offset)
{
	return host->memory.address[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}

/* While the device is waited for: lets others run. The program's, or a test's. */
void virtio_host_pause(void);
/* The common structure, 1, 2 or 4 bytes of it; those of virtio_access.c, or a test's. */
u32 virtio_host_in(const struct virtio_host *host, enum vio_common at, u32 bytes);
void virtio_host_out(const struct virtio_host *host, enum vio_common at, u32 bytes, u32 value);

/* Adds a request, *id names it until it is taken. False: there is no room now. */
bool virtio_ring_add(struct virtio_ring *ring, const struct virtio_part *parts, u32 count,
		     u16 *id) MUST_CHECK;
/* Tells the device of what was added, if it wants to know. */
void virtio_ring_tell(struct virtio_ring *ring);
/*
 * The next request that the device is done with, and how many bytes it says that it wrote: not more
 * than there was room for. False: there is none.
 */
bool virtio_ring_take(struct virtio_ring *ring, u16 *id, u32 *bytes) MUST_CHECK;
/* Whether the device has nothing new; it interrupts from now on when it has. */
bool virtio_ring_may_wait(struct virtio_ring *ring) MUST_CHECK;
/* It shall not interrupt. */
void virtio_ring_hush(struct virtio_ring *ring);
