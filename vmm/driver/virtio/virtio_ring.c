/* SPDX-License-Identifier: MIT */
/* Requests in a split queue: virtio 1.2, 2.7. */
#include "lib/bits.h"
#include "vmm/driver/virtio/virtio_host.h"

static volatile u16 *virtio_ring_available_at(const struct virtio_ring *ring, u16 index)
{
	return (volatile u16 *)(ring->available + 1) + index % ring->size;
}

/* 2.7.10: behind the last entry of either ring */
static volatile u16 *virtio_ring_used_event(const struct virtio_ring *ring)
{
	return (volatile u16 *)(ring->available + 1) + ring->size;
}

static const volatile u16 *virtio_ring_available_event(const struct virtio_ring *ring)
{
	return (const volatile u16 *)((volatile struct vio_used *)(ring->used + 1) + ring->size);
}

bool virtio_ring_add(struct virtio_ring *ring, const struct virtio_part *parts, u32 count, u16 *id)
{
	u16 first = ring->free_first;
	u16 at = first;
	u32 room = 0;

	if (count == 0 || count > ring->free_count)
		return false;
	for (u32 i = 0; i < count; i++) {
		bool more = i + 1 < count;

		ring->descriptors[at] = (struct vio_descriptor){
			.address = parts[i].address,
			.bytes = parts[i].bytes,
			.flags = (u16)((more ? VIO_NEXT : 0) | (parts[i].write ? VIO_WRITE : 0)),
			.next = more ? ring->next[at] : 0,
		};
		room += parts[i].write ? parts[i].bytes : 0;
		at = ring->next[at];
	}
	ring->free_first = at;
	ring->free_count = (u16)(ring->free_count - count);
	ring->length[first] = (u16)count;
	ring->room[first] = room;
	*virtio_ring_available_at(ring, ring->added++) = first;
	*id = first;
	return true;
}

/* Whether the index at which the device wants to be told is among the new ones: 2.7.10.1 */
static bool virtio_ring_wants(const struct virtio_ring *ring, u16 before)
{
	if (!ring->event_idx)
		return (ring->used->flags & VIO_QUIET) == 0;
	return (u16)(ring->added - *virtio_ring_available_event(ring) - 1) <
	       (u16)(ring->added - before);
}

void virtio_ring_tell(struct virtio_ring *ring)
{
	u16 before = ring->told;

	if (before == ring->added)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ring->available->index = ring->added;
	ring->told = ring->added;
	/* it sets its wish, then looks again at the index: one of the two sees the other */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtio_ring_wants(ring, before))
		*ring->doorbell = ring->index;
}

/* The descriptors of a request, in the order of the driver's own list, are free again. */
static void virtio_ring_release_chain(struct virtio_ring *ring, u16 id)
{
	u16 last = id;

	for (u32 i = 1; i < ring->length[id]; i++)
		last = ring->next[last];
	ring->next[last] = ring->free_first;
	ring->free_first = id;
	ring->free_count = (u16)(ring->free_count + ring->length[id]);
	ring->length[id] = 0;
}

/* An index further on than requests were made is wrong as a whole: nothing is taken then. */
static bool virtio_ring_has_used(struct virtio_ring *ring)
{
	u16 waiting = (u16)(ring->used->index - ring->taken);

	if (waiting <= ring->size)
		return waiting != 0;
	ring->bad = VIRTIO_HOST_BAD_MAX;
	return false;
}

bool virtio_ring_take(struct virtio_ring *ring, u16 *id, u32 *bytes)
{
	/* each that is not an answer is counted: at most so many in a row */
	while (ring->bad < VIRTIO_HOST_BAD_MAX && virtio_ring_has_used(ring)) {
		const volatile struct vio_used *entry =
			(volatile struct vio_used *)(ring->used + 1) + ring->taken % ring->size;
		u32 which, written;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		which = entry->id;
		written = entry->bytes;
		ring->taken++;
		if (which >= ring->size || ring->length[which] == 0) {
			ring->bad++;
			continue;
		}
		*id = (u16)which;
		*bytes = MIN(written, ring->room[which]);
		virtio_ring_release_chain(ring, *id);
		return true;
	}
	return false;
}

bool virtio_ring_may_wait(struct virtio_ring *ring)
{
	ring->available->flags = 0;
	*virtio_ring_used_event(ring) = ring->taken;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return ring->used->index == ring->taken || ring->bad >= VIRTIO_HOST_BAD_MAX;
}

void virtio_ring_hush(struct virtio_ring *ring)
{
	ring->available->flags = VIO_QUIET;
	/* the one before the next is as far away as can be */
	*virtio_ring_used_event(ring) = (u16)(ring->taken - 1);
}
