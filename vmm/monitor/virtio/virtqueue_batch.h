/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/hw/virtio.h"
#include "vmm/monitor/virtio/virtio.h"

/*
 * Requests that are taken and given back one after another, each of one piece of memory: what is
 * the same for all of them is looked up once. What is not so simple the batch leaves where it is,
 * for virtqueue_pop. Between begin and end nothing else is done with the queue, or with the device.
 */
struct virtqueue_batch {
	struct virtqueue_state *queue;
	struct virtqueue_place place;
	struct guest_region ram; /* the first */
	u16 last;		 /* entry of the queue */
	u16 seen;		 /* the guest's index at the last look */
	u16 next;		 /* index of the next head to take */
	u16 used;		 /* index of the next entry to give back */
};

/* A request at the front of a batch. */
struct virtqueue_piece {
	u8 *at;
	u32 bytes;
	u32 head;
};

/* False: the queue is not live, or some of its requests are in flight. */
bool virtqueue_batch_begin(struct virtqueue_batch *batch, struct virtio_device *device,
			   u32 number) MUST_CHECK;

/* What was taken and given back counts from now on; virtqueue_show has the guest see it. */
static ALWAYS_INLINE void virtqueue_batch_end(const struct virtqueue_batch *batch)
{
	batch->queue->available_next = batch->next;
	batch->queue->used_next = batch->used;
}

/* True: the guest has added some since the last look. What it says is not impossible. */
static ALWAYS_INLINE bool virtqueue_batch_look(struct virtqueue_batch *batch)
{
	guest_words_read(batch->place.available + offsetof(struct vio_ring, index), &batch->seen,
			 sizeof(batch->seen));
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* what the index announces is read after it */
	if (likely((u16)(batch->seen - batch->next) <= batch->last + 1u))
		return batch->seen != batch->next;
	batch->seen = batch->next;
	return false;
}

/*
 * The next request, if it is one piece of RAM that the device may write, or read: all of it in the
 * first region. False: there is none, or it is another kind of request, or the guest breaks a rule.
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
	piece->at = (u8 *)((u64)batch->ram.host + offset); /* used if the offset is one */
	piece->bytes = descriptor.bytes;
	piece->head = head;
	return likely((descriptor.flags & (VIO_NEXT | VIO_INDIRECT | VIO_WRITE)) ==
			      (writable ? VIO_WRITE : 0) &&
		      offset < batch->ram.length && descriptor.bytes <= batch->ram.length - offset);
}

/* What was done since the batch was there is void. */
static ALWAYS_INLINE void virtqueue_batch_back(struct virtqueue_batch *batch, u16 next, u16 used)
{
	batch->next = next;
	batch->used = used;
}

/* The request at the front is done, `written` bytes of it filled: the next one is at the front. */
static ALWAYS_INLINE void virtqueue_batch_give(struct virtqueue_batch *batch, u32 head, u32 written)
{
	const u64 entry = head | (u64)written << 32;

	guest_words_write(batch->place.used + sizeof(struct vio_ring) +
				  sizeof(entry) * (batch->used & batch->last),
			  &entry, sizeof(entry));
	batch->next++;
	batch->used++;
}
