/* SPDX-License-Identifier: MIT */
/*
 * Links of Ethernet frames (frames.h): the rare cases, which the inline functions there leave out.
 * Called by switch, monitor and card drivers; touches the shared rings, which the peer may change
 * at any time.
 */
#include "vmm/io/frames.h"

#include "lib/bits.h"

/* Returns the number of bytes from the index to the end of the ring. */
static u32 frames_bytes_to_end(u32 index)
{
	return FRAMES_RING_BYTES - index % FRAMES_RING_BYTES;
}

u32 frames_room_for(u32 bytes)
{
	/*
	 * twice the record (header and frame), as an end of the ring too short for it is skipped,
	 * and taken as well
	 */
	return 2 * frames_record_bytes(bytes);
}

static void frames_skip_end(struct link_end *end)
{
	const struct frame_header skip = {.bytes = FRAME_SKIP};

	__builtin_memcpy(frames_ring(end, end->name) + end->written % FRAMES_RING_BYTES, &skip,
			 sizeof(skip));
	end->written += frames_bytes_to_end(end->written);
}

/*
 * Returns true if the end's own ring has room for `bytes`; reads the peer's line of indices only if
 * the peer's last known index is not enough.
 */
static bool frames_has_room(struct link_end *end, u32 bytes)
{
	if (end->free - end->written >= bytes)
		return true;
	end->free = end->written + link_room(end);
	return end->free - end->written >= bytes;
}

u8 *frames_reserve_any(struct link_end *end, u32 bytes)
{
	u32 record = frames_record_bytes(bytes);
	u32 to_end = frames_bytes_to_end(end->written);

	if (record <= to_end) {
		if (!frames_has_room(end, record))
			return NULL;
	} else {
		if (!frames_has_room(end, to_end + record))
			return NULL;
		frames_skip_end(end);
	}
	return frames_ring(end, end->name) + end->written % FRAMES_RING_BYTES +
	       sizeof(struct frame_header);
}

/*
 * Handles a read where no frame begins: skips the rest of the ring if the peer has marked it with
 * FRAME_SKIP; otherwise the peer has broken the rules.
 */
static NOINLINE bool frames_read_behind_skip(struct link_end *end, u32 waiting,
					     struct frame_header *header, const u8 **frame)
{
	if (end->read % FRAME_ALIGN == 0 && header->bytes == FRAME_SKIP &&
	    frames_bytes_to_end(end->read) <= waiting) {
		waiting -= frames_bytes_to_end(end->read);
		end->read += frames_bytes_to_end(end->read);
		if (waiting == 0)
			return false;
		if (frames_read(end, waiting, header, frame))
			return true;
	}
	end->broken = true;
	end->seen = end->read;
	end->free = end->written;
	return false;
}

bool frames_next_any(struct link_end *end, struct frame_header *header, const u8 **frame)
{
	u32 waiting = end->seen - end->read;

	if (waiting == 0) {
		waiting = link_waiting(end);
		end->seen = end->read + waiting;
		if (waiting == 0)
			return false;
	}
	return frames_read(end, waiting, header, frame) ||
	       frames_read_behind_skip(end, waiting, header, frame);
}
