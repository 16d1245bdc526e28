/* SPDX-License-Identifier: MIT */
/*
 * Adds requests to a split queue and takes completed ones: virtio 1.2, 2.7. Called by all virtio
 * drivers; owns the driver's copy of the indices and touches the ring's DMA pages and doorbell.
 */
#include "lib/bits.h"
#include "vmm/driver/virtio/virtio_host.h"

static volatile u16 *virtio_ring_available_at(const struct virtio_ring *ring, u16 index)
{
	return (volatile u16 *)(ring->available + 1) + index % ring->size;
}

/*
 * Returns used_event, where the driver says when to interrupt; it follows the last entry of the
 * available ring (virtio 1.2, 2.7.10).
 */
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

/*
 * Returns whether the device wants to be notified of one of the requests added since index `before`
 * (virtio 1.2, 2.7.10.1).
 */
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
	/*
	 * the device writes its event index, then reads this ring's index: so the device or the
	 * driver sees the other's write
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtio_ring_wants(ring, before))
		*ring->doorbell = ring->index;
}

/* Frees the descriptors of a request, in the order of the driver's own list `next`. */
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

/*
 * Returns whether the device's used index has advanced. Rejects an index beyond the requests added.
 */
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
	/* counts each impossible answer, up to a limit */
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
	/* disables interrupts: the event index lies as far behind the used index as possible */
	*virtio_ring_used_event(ring) = (u16)(ring->taken - 1);
}
