/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/virtio.h"
#include "vmm/monitor/virtio/virtio.h"

/*
 * Requests of a queue that are taken and returned one after another, each in one piece of memory:
 * the queue's rings are looked up once for all of them. The batch leaves other requests where they
 * are, for virtqueue_pop. Between begin and end nothing else is done with the queue or the device.
 */
struct virtqueue_batch {
	struct virtqueue_state *queue;
	struct virtqueue_place place;
	struct guest_region ram; /* the first region of guest memory */
	u16 last;		 /* the number of the queue's last entry, which masks an index */
	u16 seen; /* the available ring's index, which the guest advances, when it was read last */
	u16 next; /* the available ring's index of the next request to take */
	u16 used; /* the used ring's index of the next entry to fill */
};

/* A request at the front of a batch. */
struct virtqueue_piece {
	u8 *at;
	u32 bytes;
	u32 head;
};

/* Begins a batch. Returns false if the queue is not live, or some of its requests are in flight. */
bool virtqueue_batch_begin(struct virtqueue_batch *batch, struct virtio_device *device,
			   u32 number) MUST_CHECK;

/*
 * Ends a batch: the queue's state now counts the requests that were taken and returned.
 * virtqueue_show lets the guest see it.
 */
static ALWAYS_INLINE void virtqueue_batch_end(const struct virtqueue_batch *batch)
{
	batch->queue->available_next = batch->next;
	batch->queue->used_next = batch->used;
}

/*
 * Reads the guest's index anew; returns true if the guest has added requests, and the index is
 * possible.
 */
static ALWAYS_INLINE bool virtqueue_batch_look(struct virtqueue_batch *batch)
{
	guest_words_read(batch->place.available + offsetof(struct vio_ring, index), &batch->seen,
			 sizeof(batch->seen));
	/* the entries that the index announces must be read after the index */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (likely((u16)(batch->seen - batch->next) <= batch->last + 1u))
		return batch->seen != batch->next;
	batch->seen = batch->next;
	return false;
}

/*
 * Finds the request at the front of the batch if it is one piece of RAM that the device may write,
 * or read, and lies in the first region of guest memory. Returns false if there is none, or it is
 * another kind of request, or the guest breaks a rule.
 */
static ALWAYS_INLINE bool virtqueue_batch_front(struct virtqueue_batch *batch, bool writable,
						struct virtqueue_piece *piece)
{
	struct vio_descriptor descriptor;
	u64 offset;
	u16 head;

	if (batch->next == batch->seen && !virtqueue_batch_look(batch))
		return false;
	guest_words_read(batch->place.available + sizeof(struct vio_ring) +
				 sizeof(head) * (batch->next & batch->last),
			 &head, sizeof(head));
	if (unlikely(head > batch->last))
		return false;
	guest_words_read(batch->place.table + head * sizeof(descriptor), &descriptor,
			 sizeof(descriptor));
	offset = descriptor.address - batch->ram.gpa.value;
	piece->at = (u8 *)((u64)batch->ram.host + offset); /* used only if the offset is valid */
	piece->bytes = descriptor.bytes;
	piece->head = head;
	return likely((descriptor.flags & (VIO_NEXT | VIO_INDIRECT | VIO_WRITE)) ==
			      (writable ? VIO_WRITE : 0) &&
		      offset < batch->ram.length && descriptor.bytes <= batch->ram.length - offset);
}

/* Sets the batch back to earlier indices, and so undoes the taking and returning since. */
static ALWAYS_INLINE void virtqueue_batch_back(struct virtqueue_batch *batch, u16 next, u16 used)
{
	batch->next = next;
	batch->used = used;
}

/*
 * Returns the request at the front to the guest, with `written` bytes filled; the next one is then
 * at the front.
 */
static ALWAYS_INLINE void virtqueue_batch_give(struct virtqueue_batch *batch, u32 head, u32 written)
{
	const u64 entry = head | (u64)written << 32;

	guest_words_write(batch->place.used + sizeof(struct vio_ring) +
				  sizeof(entry) * (batch->used & batch->last),
			  &entry, sizeof(entry));
	batch->next++;
	batch->used++;
}
