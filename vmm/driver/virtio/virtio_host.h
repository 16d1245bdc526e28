/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/process.h"
#include "vmm/hw/virtio.h"

/*
 * A virtio device of the host behind PCI, in the modern form only (no legacy interface). Section
 * numbers here are those of virtio 1.2. The device is not trusted: each of its values is read once
 * and checked, and each wait is bounded.
 */
/* the most descriptors of a ring: a table of them fills one page */
#define VIRTIO_HOST_RING_MAX 256u
/* The driver gives the device up after this number of answers that match no request. */
#define VIRTIO_HOST_BAD_MAX 16u
/* The pages of a queue: one for descriptors, one for the driver's and device's rings. */
#define VIRTIO_HOST_RING_PAGES 2u

struct virtio_host {
	/*
	 * the device's register structures, set by virtio_host_find, or by a test; `x_bytes` is the
	 * size of `x`
	 */
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
	bool line; /* the device's interrupt is a line */
	struct driver_dma memory;

	u64 features; /* the feature bits that were negotiated */
};

/* One part of a request in a ring: memory that the device reads or writes. */
struct virtio_part {
	u64 address; /* the part's host-physical address */
	u32 bytes;
	bool write; /* the device writes to the part; such parts come last */
};

/*
 * A queue of the device, in the split form (virtio 1.2, 2.7). The driver relies on its own copies
 * of the indices only.
 */
struct virtio_ring {
	u16 size; /* the number of descriptors, a power of two */
	bool event_idx;
	struct vio_descriptor *descriptors;
	volatile struct vio_ring *available;
	volatile struct vio_ring *used;
	volatile u16 *doorbell;
	u16 index; /* the queue's number in the device */
	u16 free_first;
	u16 free_count;
	/*
	 * for each descriptor, the index of the next one of its request, or of the list of free
	 * descriptors
	 */
	u16 next[VIRTIO_HOST_RING_MAX];
	/*
	 * the number of descriptors of the request (chain) that begins at each descriptor; 0 where
	 * none begins
	 */
	u16 length[VIRTIO_HOST_RING_MAX];
	/* for each request, by its first descriptor, the most bytes that the device may write */
	u32 room[VIRTIO_HOST_RING_MAX];
	u16 added;
	/* the value of `added` at the last time the driver looked whether to notify the device */
	u16 told;
	u16 taken;
	u32 bad; /* the number of the device's answers that matched no request */
};

/* Finds the structures that the manager has mapped. Returns false if a required one is missing. */
bool virtio_host_find(struct virtio_host *host);
/*
 * Resets the device and negotiates the features in `wanted`, which must contain VERSION_1. Returns
 * false if the device cannot be used; `problem` then says why.
 */
bool virtio_host_begin(struct virtio_host *host, u64 wanted, char *problem, size_t size);
/*
 * Opens queue `index` in VIRTIO_HOST_RING_PAGES pages from `page` on. Returns false if it cannot;
 * `problem` then says why.
 */
bool virtio_host_open(struct virtio_host *host, struct virtio_ring *ring, u16 index, u64 page,
		      char *problem, size_t size);
/* Sets DRIVER_OK in the device's status: the device may begin. */
void virtio_host_go(const struct virtio_host *host);
/* Acknowledges the interrupt if it is a line. */
void virtio_host_acknowledge(const struct virtio_host *host);
/* Returns why the driver has to give up, or NULL. */
const char *virtio_host_failure(const struct virtio_host *host);
/*
 * Reads `count` bytes, from `offset` on, of the device's configuration. Returns false if no
 * consistent copy can be read.
 */
bool virtio_host_config(const struct virtio_host *host, u32 offset, void *to, u32 count) MUST_CHECK;
/* Returns the host-physical address of a byte in the driver's own memory. */
static inline u64 virtio_host_address(const struct virtio_host *host, u64 offset)
{
	return host->memory.address[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}

/*
 * Access a field, of 1, 2 or 4 bytes, of the device's common structure; virtio_access.c or a test
 * defines them.
 */
u32 virtio_host_in(const struct virtio_host *host, enum vio_common at, u32 bytes);
void virtio_host_out(const struct virtio_host *host, enum vio_common at, u32 bytes, u32 value);

/*
 * Adds a request; *id names it until virtio_ring_take. Returns false if the ring has no room now.
 */
bool virtio_ring_add(struct virtio_ring *ring, const struct virtio_part *parts, u32 count,
		     u16 *id) MUST_CHECK;
/* Notifies the device of added requests, if it wants that. */
void virtio_ring_tell(struct virtio_ring *ring);
/*
 * Takes the next request that the device has completed, and the number of bytes that the device
 * reports as written, at most those that the request lets it write. Returns false if there is none.
 */
bool virtio_ring_take(struct virtio_ring *ring, u16 *id, u32 *bytes) MUST_CHECK;
/*
 * Asks the device for an interrupt at the next completed request. Returns false if the device has
 * already completed another request.
 */
bool virtio_ring_may_wait(struct virtio_ring *ring) MUST_CHECK;
/* Asks the device not to interrupt. */
void virtio_ring_hush(struct virtio_ring *ring);
