/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/string.h"
#include "vmm/monitor/memory/guest_memory.h"

/*
 * Split virtqueues (virtio 1.2, 2.7). Limits: a queue has at most VIRTQUEUE_SIZE_MAX entries; a
 * chain at most as many descriptors as its queue has entries, those of an indirect table included;
 * tables are not nested; the driver is at most one queue's size ahead; a head is in flight once.
 */
#define VIRTQUEUE_SIZE_MAX 256u

struct virtio_device;

/* A queue as the guest has set it up, and how far the device has come. */
struct virtqueue_state {
	/*
	 * guest-physical addresses: of the descriptor table, and next of the available and the used
	 * ring
	 */
	u64 descriptors;
	u64 available;
	u64 used;
	u16 size; /* the queue's size in entries, a power of two */
	u16 enabled;
	u16 vector;	    /* the queue's MSI-X vector */
	u16 available_next; /* the available ring's index of the next request to take */
	u16 used_next;
	/*
	 * the used ring's index up to which the guest has been interrupted, or wanted no interrupt
	 */
	u16 used_announced;
	u16 reserved[2];
	/*
	 * a bit for each head (first descriptor) of a request that was taken and not yet returned
	 */
	u64 in_flight[VIRTQUEUE_SIZE_MAX / 64];
};

/*
 * The place of an enabled queue's table and rings in the monitor's memory; NULL: to be looked up,
 * or not in RAM.
 */
struct virtqueue_place {
	const u8 *table;
	const u8 *available;
	u8 *used;
};

/* A part of a request: a range of guest memory that lies in one region of RAM. */
struct virtio_segment {
	gpa_t gpa;
	u32 bytes;
};

/* A request: first the segments that the device may read, then those that it may write. */
struct virtio_chain {
	u32 head;
	/* the number of segments that can be read; the segments that can be written follow */
	u32 readable_count;
	u32 count;
	u64 readable_bytes;
	u64 writable_bytes;
	u8 *front; /* where segment 0 lies in the monitor's memory; NULL: to be looked up */
	struct virtio_segment segment[VIRTQUEUE_SIZE_MAX];
};

/*
 * Takes the next request from a queue. Each byte of the rings is read once. Returns false if there
 * is none, and then the guest will notify the device of the next one; or if the guest broke a rule,
 * and then the device needs a reset.
 */
bool virtqueue_pop(struct virtio_device *device, u32 queue, struct virtio_chain *chain) MUST_CHECK;
/*
 * Returns a request to the guest, with `written` bytes of it filled. Requests may be returned in
 * any order. Has no effect for a head that is not in flight, as after a reset.
 */
void virtqueue_push(struct virtio_device *device, u32 queue, u32 head, u32 written);
/*
 * Split virtqueue_push into two steps: virtqueue_put returns requests, and virtqueue_show lets the
 * guest see all of these at once.
 */
void virtqueue_put(struct virtio_device *device, u32 queue, u32 head, u32 written);
void virtqueue_show(struct virtio_device *device, u32 queue);
/*
 * Undoes the virtqueue_pop of the request that was taken last: the next virtqueue_pop takes it
 * again.
 */
void virtqueue_unpop(struct virtio_device *device, u32 queue, u32 head);
/* Interrupts the guest after requests were returned to it, if it wants to know of any of them. */
void virtqueue_announce(struct virtio_device *device, u32 queue);

/*
 * Copy between a buffer and the readable or writable part of a request, from `offset` on. They
 * return how many bytes were copied, at most `bytes`.
 */
u64 virtio_chain_read_any(const struct guest_memory *memory, const struct virtio_chain *chain,
			  u64 offset, void *buffer, u64 bytes);
u64 virtio_chain_write_any(const struct guest_memory *memory, const struct virtio_chain *chain,
			   u64 offset, const void *buffer, u64 bytes);

/*
 * Returns where the bytes [offset, offset + bytes) of a request's readable or writable part lie if
 * they are in its first segment, else NULL.
 */
static ALWAYS_INLINE u8 *virtio_chain_front(const struct guest_memory *memory,
					    const struct virtio_chain *chain, u32 first, u32 end,
					    u64 offset, u64 bytes)
{
	const struct virtio_segment *segment = &chain->segment[first];

	if (unlikely(first == end || offset > segment->bytes || bytes > segment->bytes - offset))
		return NULL;
	if (likely(first == 0 && chain->front != NULL))
		return chain->front + offset;
	return guest_memory_near(memory, GPA(segment->gpa.value + offset), bytes);
}

static ALWAYS_INLINE u64 virtio_chain_read(const struct guest_memory *memory,
					   const struct virtio_chain *chain, u64 offset,
					   void *buffer, u64 bytes)
{
	const u8 *from = virtio_chain_front(memory, chain, 0, chain->readable_count, offset, bytes);

	if (unlikely(from == NULL))
		return virtio_chain_read_any(memory, chain, offset, buffer, bytes);
	memcpy(buffer, from, bytes);
	return bytes;
}

static ALWAYS_INLINE u64 virtio_chain_write(const struct guest_memory *memory,
					    const struct virtio_chain *chain, u64 offset,
					    const void *buffer, u64 bytes)
{
	u8 *to = virtio_chain_front(memory, chain, chain->readable_count, chain->count, offset,
				    bytes);

	if (unlikely(to == NULL))
		return virtio_chain_write_any(memory, chain, offset, buffer, bytes);
	memcpy(to, buffer, bytes);
	return bytes;
}

/*
 * Forgets where the rings of all queues lie, for the transport, when their addresses have changed.
 */
void virtqueue_forget_places(struct virtio_device *device);
/* Returns whether rings of this size at these addresses are aligned and lie in RAM. */
bool virtqueue_in_memory(const struct guest_memory *memory, const struct virtqueue_state *queue);
void virtqueue_reset(struct virtqueue_state *queue, u32 size);
bool virtqueue_valid(const struct virtqueue_state *queue);
