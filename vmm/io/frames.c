/* SPDX-License-Identifier: MIT */
#include "vmm/io/frames.h"

#include "lib/bits.h"

static u8 *ring_of(const struct link_end *end, enum link_end_name name)
{
	return (u8 *)end->memory + PAGE_SIZE + (u64)name * FRAMES_RING_BYTES;
}

static u32 record_bytes(u32 frame_bytes)
{
	return (u32)align_up(sizeof(struct frame_header) + frame_bytes, FRAME_ALIGN);
}

/* From there to where the ring ends. */
static u32 bytes_to_end(u32 index)
{
	return FRAMES_RING_BYTES - index % FRAMES_RING_BYTES;
}

u32 frames_room_for(u32 bytes)
{
	/* a ring's end that is too short for it is skipped */
	return 2 * record_bytes(bytes);
}

static void skip_end(struct link_end *end)
{
	const struct frame_header skip = {.bytes = FRAME_SKIP};

	__builtin_memcpy(ring_of(end, end->name) + end->written % FRAMES_RING_BYTES, &skip,
			 sizeof(skip));
	end->written += bytes_to_end(end->written);
}

/* Looks at the peer's line only if it has to. */
static bool has_room(struct link_end *end, u32 bytes)
{
	if (end->free - end->written >= bytes)
		return true;
	end->free = end->written + link_room(end);
	return end->free - end->written >= bytes;
}

u8 *frames_reserve(struct link_end *end, u32 bytes)
{
	u32 record = record_bytes(bytes);
	u32 to_end = bytes_to_end(end->written);

	if (record <= to_end) {
		if (!has_room(end, record))
			return NULL;
	} else {
		if (!has_room(end, to_end + record))
			return NULL;
		skip_end(end);
	}
	return ring_of(end, end->name) + end->written % FRAMES_RING_BYTES +
	       sizeof(struct frame_header);
}

void frames_add(struct link_end *end, const struct frame_header *header)
{
	__builtin_memcpy(ring_of(end, end->name) + end->written % FRAMES_RING_BYTES, header,
			 sizeof(*header));
	end->written += record_bytes(header->bytes);
}

/* False: what stands at the reader's place is no frame that has been written whole. */
static ALWAYS_INLINE bool read_frame(const struct link_end *end, u32 waiting,
				     struct frame_header *header, const u8 **frame)
{
	u32 at = end->read % FRAMES_RING_BYTES;
	const u8 *record = ring_of(end, LINK_ENDS - 1 - end->name) + at;

	if (unlikely(at % FRAME_ALIGN != 0))
		return false;
	__builtin_memcpy(header, record, sizeof(*header));
	/* the copy is what counts from here on, whatever the peer does to the ring */
	__asm__ volatile("" ::: "memory");
	*frame = record + sizeof(*header);
	return header->bytes >= FRAME_BYTES_MIN && header->bytes <= FRAME_BYTES_MAX &&
	       record_bytes(header->bytes) <= MIN(waiting, FRAMES_RING_BYTES - at);
}

/* No frame stands there: an end that is skipped, with a frame behind it, or a broken rule. */
static NOINLINE bool read_behind_skip(struct link_end *end, u32 waiting,
				      struct frame_header *header, const u8 **frame)
{
	if (end->read % FRAME_ALIGN == 0 && header->bytes == FRAME_SKIP &&
	    bytes_to_end(end->read) <= waiting) {
		waiting -= bytes_to_end(end->read);
		end->read += bytes_to_end(end->read);
		if (waiting == 0)
			return false;
		if (read_frame(end, waiting, header, frame))
			return true;
	}
	end->broken = true;
	end->seen = end->read;
	end->free = end->written;
	return false;
}

bool frames_next(struct link_end *end, struct frame_header *header, const u8 **frame)
{
	u32 waiting = end->seen - end->read;

	if (waiting == 0) {
		waiting = link_waiting(end);
		end->seen = end->read + waiting;
		if (waiting == 0)
			return false;
	}
	return likely(read_frame(end, waiting, header, frame)) ||
	       read_behind_skip(end, waiting, header, frame);
}

void frames_drop(struct link_end *end, const struct frame_header *header)
{
	end->read += record_bytes(header->bytes);
}
