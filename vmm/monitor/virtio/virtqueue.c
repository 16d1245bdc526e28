/* SPDX-License-Identifier: MIT */
/*
 * A split virtqueue at the device's side (virtio 1.2, 2.7). Called by all virtio devices; reads the
 * guest's descriptors once each, and writes the used ring in guest RAM.
 */
#include "vmm/monitor/virtio/virtqueue.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/virtio.h"
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/monitor/virtio/virtqueue_batch.h"

static u64 virtqueue_queue_available_bytes(u32 size)
{
	return sizeof(struct vio_ring) + sizeof(u16) * size + 2;
}

static u64 virtqueue_queue_used_bytes(u32 size)
{
	return sizeof(struct vio_ring) + sizeof(struct vio_used) * size + 2;
}

/* Returns whether the rings have the alignments of virtio 1.2, 2.7, and lie in RAM. */
bool virtqueue_in_memory(const struct guest_memory *memory, const struct virtqueue_state *queue)
{
	return queue->descriptors % 16 == 0 && queue->available % 2 == 0 && queue->used % 4 == 0 &&
	       guest_memory_pointer(memory, GPA(queue->descriptors),
				    sizeof(struct vio_descriptor) * queue->size) != NULL &&
	       guest_memory_pointer(memory, GPA(queue->available),
				    virtqueue_queue_available_bytes(queue->size)) != NULL &&
	       guest_memory_pointer(memory, GPA(queue->used),
				    virtqueue_queue_used_bytes(queue->size)) != NULL;
}

void virtqueue_reset(struct virtqueue_state *queue, u32 size)
{
	*queue = (struct virtqueue_state){.size = (u16)size, .vector = VIRTIO_NO_VECTOR};
}

/* Accepts any addresses of rings in a saved state, since addresses are looked up at each access. */
bool virtqueue_valid(const struct virtqueue_state *queue)
{
	return queue->size <= VIRTQUEUE_SIZE_MAX && queue->enabled <= 1 &&
	       (queue->size == 0 ? queue->enabled == 0 : is_power_of_two(queue->size));
}

void virtqueue_forget_places(struct virtio_device *device)
{
	memset(device->place, 0, sizeof(device->place));
}

/*
 * Looks up where the queue's rings lie in the monitor's memory. RAM stays where it is, and so do
 * the rings of an enabled queue.
 */
static NOINLINE const struct virtqueue_place *virtqueue_queue_look_up(struct virtio_device *device,
								      u32 number)
{
	const struct virtqueue_state *queue = &device->state->queue[number];
	struct virtqueue_place *place = &device->place[number];

	if (!virtqueue_in_memory(device->memory, queue))
		return NULL;
	place->available = guest_memory_pointer(device->memory, GPA(queue->available), 1);
	place->used = guest_memory_pointer(device->memory, GPA(queue->used), 1);
	place->table = guest_memory_pointer(device->memory, GPA(queue->descriptors), 1);
	return place;
}

/* Returns where the queue's rings lie in the monitor's memory; NULL if they are not in RAM. */
static ALWAYS_INLINE const struct virtqueue_place *
virtqueue_queue_place(struct virtio_device *device, u32 number)
{
	return likely(device->place[number].table != NULL)
		       ? &device->place[number]
		       : virtqueue_queue_look_up(device, number);
}

/*
 * Reads a word of the rings at guest address `gpa`. Returns false if it is not in RAM, which
 * virtqueue_in_memory has excluded unless a state was loaded.
 */
static ALWAYS_INLINE bool virtqueue_queue_read_u16(const struct virtio_device *device, u64 gpa,
						   u16 *value)
{
	return guest_memory_fetch(device->memory, GPA(gpa), value, sizeof(*value));
}

static ALWAYS_INLINE bool virtqueue_queue_write_u16(const struct virtio_device *device, u64 gpa,
						    u16 value)
{
	return guest_memory_store(device->memory, GPA(gpa), &value, sizeof(value));
}

/*
 * Looks once more at a queue that was found empty, after asking the guest to notify of the next
 * request: the guest may have added one before it could see that it was asked.
 */
static NOINLINE bool virtqueue_queue_look_again(struct virtio_device *device,
						const struct virtqueue_state *queue, u16 *index)
{
	if (!virtio_has(device, VIRTIO_F_EVENT_IDX))
		return true;
	if (!virtqueue_queue_write_u16(device,
				       queue->used + virtqueue_queue_used_bytes(queue->size) - 2,
				       queue->available_next))
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return virtqueue_queue_read_u16(device, queue->available + offsetof(struct vio_ring, index),
					index);
}

/*
 * Takes the next head (number of a request's first descriptor) from the available ring. Returns
 * false if there is none, or the guest has broken a rule; *bad then is set.
 */
static ALWAYS_INLINE bool virtqueue_queue_next_head(struct virtio_device *device,
						    struct virtqueue_state *queue,
						    const struct virtqueue_place *place, u16 *head,
						    bool *bad)
{
	u32 entry = sizeof(u16) * (queue->available_next & (queue->size - 1u));
	u16 index;

	guest_words_read(place->available + offsetof(struct vio_ring, index), &index,
			 sizeof(index));
	*bad = (index == queue->available_next &&
		!virtqueue_queue_look_again(device, queue, &index)) ||
	       (u16)(index - queue->available_next) > queue->size;
	if (*bad || index == queue->available_next)
		return false;
	/* the entries that the index announces must be read after the index */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	guest_words_read(place->available + sizeof(struct vio_ring) + entry, head, sizeof(*head));
	*bad = *head >= queue->size || (queue->in_flight[*head / 64] >> *head % 64 & 1) != 0;
	return !*bad;
}

static ALWAYS_INLINE bool virtqueue_chain_add_segment(const struct virtio_device *device,
						      struct virtio_chain *chain,
						      const struct vio_descriptor *descriptor)
{
	bool writable = (descriptor->flags & VIO_WRITE) != 0;
	u8 *at;

	/* segments that the device may write come last (virtio 1.2, 2.7.4.2) */
	if (!writable && chain->count != chain->readable_count)
		return false;
	if (descriptor->bytes == 0)
		return true;
	at = guest_memory_near(device->memory, GPA(descriptor->address), descriptor->bytes);
	if (at == NULL)
		return false;
	if (chain->count == 0)
		chain->front = at;
	chain->segment[chain->count++] =
		(struct virtio_segment){GPA(descriptor->address), descriptor->bytes};
	if (writable) {
		chain->writable_bytes += descriptor->bytes;
	} else {
		chain->readable_count++;
		chain->readable_bytes += descriptor->bytes;
	}
	return true;
}

/* A walk along a chain of descriptors, in the queue's table or in an indirect one. */
struct chain_walk {
	const u8 *table; /* in the monitor's memory */
	u32 entries;
	u32 at;
	/* the number of descriptors that the chain may still have, so that the walk ends */
	u32 left;
	bool indirect;
};

/*
 * Enters an indirect table. An indirect descriptor is the last of its table, and does not lie in an
 * indirect one (virtio 1.2, 2.7.5.3.1).
 */
static bool virtqueue_chain_enter_indirect(const struct virtio_device *device,
					   const struct virtqueue_state *queue,
					   const struct vio_descriptor *descriptor,
					   struct chain_walk *walk)
{
	u32 entries = descriptor->bytes / (u32)sizeof(*descriptor);

	if (!virtio_has(device, VIRTIO_F_INDIRECT_DESC) || walk->indirect ||
	    (descriptor->flags & VIO_NEXT) != 0 || entries == 0 || entries > queue->size ||
	    descriptor->bytes % sizeof(*descriptor) != 0)
		return false;
	walk->table =
		guest_memory_near(device->memory, GPA(descriptor->address), descriptor->bytes);
	if (walk->table == NULL)
		return false;
	walk->entries = entries;
	walk->at = 0;
	walk->indirect = true;
	return true;
}

/* Walks a chain from its first descriptor on, which the caller has read. */
static NOINLINE bool virtqueue_chain_walk(const struct virtio_device *device,
					  const struct virtqueue_state *queue,
					  struct chain_walk walk, struct vio_descriptor descriptor,
					  struct virtio_chain *chain)
{
	for (;;) {
		if ((descriptor.flags & VIO_INDIRECT) != 0) {
			if (!virtqueue_chain_enter_indirect(device, queue, &descriptor, &walk))
				return false;
		} else {
			if (!virtqueue_chain_add_segment(device, chain, &descriptor))
				return false;
			if ((descriptor.flags & VIO_NEXT) == 0)
				return true;
			walk.at = descriptor.next;
			if (--walk.left == 0)
				return false;
		}
		if (walk.at >= walk.entries)
			return false;
		guest_words_read(walk.table + walk.at * sizeof(descriptor), &descriptor,
				 sizeof(descriptor));
	}
}

static ALWAYS_INLINE bool virtqueue_chain_take(const struct virtio_device *device,
					       const struct virtqueue_state *queue,
					       const struct virtqueue_place *place,
					       struct virtio_chain *chain)
{
	const struct chain_walk walk = {place->table, queue->size, chain->head, queue->size, false};
	struct vio_descriptor descriptor;

	guest_words_read(place->table + chain->head * sizeof(descriptor), &descriptor,
			 sizeof(descriptor));
	if (likely((descriptor.flags & (VIO_INDIRECT | VIO_NEXT)) == 0))
		return virtqueue_chain_add_segment(device, chain, &descriptor);
	return virtqueue_chain_walk(device, queue, walk, descriptor, chain);
}

bool virtqueue_pop(struct virtio_device *device, u32 number, struct virtio_chain *chain)
{
	struct virtqueue_state *queue = &device->state->queue[number];
	const struct virtqueue_place *place;
	u16 head;
	bool bad = true;

	if (!virtio_queue_is_live(device, number))
		return false;
	place = virtqueue_queue_place(device, number);
	if (place == NULL || !virtqueue_queue_next_head(device, queue, place, &head, &bad)) {
		if (bad)
			virtio_needs_reset(device);
		return false;
	}
	chain->head = head;
	chain->readable_count = 0;
	chain->count = 0;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	if (!virtqueue_chain_take(device, queue, place, chain)) {
		virtio_needs_reset(device);
		return false;
	}
	queue->available_next++;
	queue->in_flight[head / 64] |= BIT(head % 64);
	return true;
}

bool virtqueue_batch_begin(struct virtqueue_batch *batch, struct virtio_device *device, u32 number)
{
	struct virtqueue_state *queue = &device->state->queue[number];
	const struct virtqueue_place *place;
	u64 in_flight = 0;

	for (u32 i = 0; i < ARRAY_COUNT(queue->in_flight); i++)
		in_flight |= queue->in_flight[i];
	if (in_flight != 0 || !virtio_queue_is_live(device, number))
		return false;
	place = virtqueue_queue_place(device, number);
	if (place == NULL)
		return false;
	*batch = (struct virtqueue_batch){
		.queue = queue,
		.place = *place,
		.ram = device->memory->region[0],
		.last = (u16)(queue->size - 1),
		.seen = queue->available_next,
		.next = queue->available_next,
		.used = queue->used_next,
	};
	return true;
}

void virtqueue_unpop(struct virtio_device *device, u32 number, u32 head)
{
	struct virtqueue_state *queue = &device->state->queue[number];

	queue->available_next--;
	queue->in_flight[head / 64] &= ~BIT(head % 64);
}

void virtqueue_put(struct virtio_device *device, u32 number, u32 head, u32 written)
{
	struct virtqueue_state *queue = &device->state->queue[number];
	const struct vio_used entry = {head, written};
	const struct virtqueue_place *place;

	if (head >= VIRTQUEUE_SIZE_MAX || (queue->in_flight[head / 64] >> head % 64 & 1) == 0 ||
	    !virtio_queue_is_live(device, number))
		return;
	queue->in_flight[head / 64] &= ~BIT(head % 64);
	place = virtqueue_queue_place(device, number);
	if (place == NULL) {
		virtio_needs_reset(device);
		return;
	}
	guest_words_write(place->used + sizeof(struct vio_ring) +
				  sizeof(entry) * (queue->used_next & (queue->size - 1u)),
			  &entry, sizeof(entry));
	queue->used_next++;
}

void virtqueue_show(struct virtio_device *device, u32 number)
{
	struct virtqueue_state *queue = &device->state->queue[number];

	if (!virtio_queue_is_live(device, number))
		return;
	/* the entries must be written before the index that announces them */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	(void)virtqueue_queue_write_u16(device, queue->used + offsetof(struct vio_ring, index),
					queue->used_next);
}

void virtqueue_push(struct virtio_device *device, u32 number, u32 head, u32 written)
{
	virtqueue_put(device, number, head, written);
	virtqueue_show(device, number);
}

/*
 * Returns whether the used index `event`, at which the guest wants an interrupt, is among those
 * from `from` to `to` (virtio 1.2, 2.7.7.2).
 */
static bool virtqueue_index_passes(u16 event, u16 from, u16 to)
{
	return (u16)(to - event - 1) < (u16)(to - from);
}

void virtqueue_announce(struct virtio_device *device, u32 number)
{
	struct virtqueue_state *queue = &device->state->queue[number];
	u16 announced = queue->used_announced;
	u16 wish;

	if (announced == queue->used_next || !virtio_queue_is_live(device, number))
		return;
	/*
	 * the guest writes the index at which it wants an interrupt, then reads the used index; the
	 * device writes the used index, then reads the wanted one: one of the two sees the other's
	 * write
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	queue->used_announced = queue->used_next;
	if (virtio_has(device, VIRTIO_F_EVENT_IDX)) {
		if (!virtqueue_queue_read_u16(
			    device,
			    queue->available + virtqueue_queue_available_bytes(queue->size) - 2,
			    &wish) ||
		    !virtqueue_index_passes(wish, announced, queue->used_next))
			return;
	} else if (!virtqueue_queue_read_u16(device, queue->available, &wish) ||
		   (wish & VIO_QUIET) != 0) {
		return;
	}
	virtio_interrupt_queue(device, number);
}

/*
 * Copies between segments of guest memory and a buffer: `out` is NULL for reading, `in` for
 * writing.
 */
static u64 virtqueue_chain_copy(const struct guest_memory *memory,
				const struct virtio_segment *segment, u32 count, u64 offset, u8 *in,
				const u8 *out, u64 bytes)
{
	u64 done = 0;

	for (; count > 0 && done < bytes; segment++, count--) {
		gpa_t at = GPA(segment->gpa.value + offset);
		u64 piece;

		if (offset >= segment->bytes) {
			offset -= segment->bytes;
			continue;
		}
		piece = MIN(segment->bytes - offset, bytes - done);
		if (!(in != NULL ? guest_memory_read(memory, at, in + done, piece)
				 : guest_memory_write(memory, at, out + done, piece)))
			break;
		done += piece;
		offset = 0;
	}
	return done;
}

u64 virtio_chain_read_any(const struct guest_memory *memory, const struct virtio_chain *chain,
			  u64 offset, void *buffer, u64 bytes)
{
	return virtqueue_chain_copy(memory, chain->segment, chain->readable_count, offset, buffer,
				    NULL, bytes);
}

u64 virtio_chain_write_any(const struct guest_memory *memory, const struct virtio_chain *chain,
			   u64 offset, const void *buffer, u64 bytes)
{
	return virtqueue_chain_copy(memory, chain->segment + chain->readable_count,
				    chain->count - chain->readable_count, offset, NULL, buffer,
				    bytes);
}
