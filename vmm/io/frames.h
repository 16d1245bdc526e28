/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/link.h"

/*
 * A link of Ethernet frames in both directions: each end writes into its own ring and reads the
 * peer's. A header, at a multiple of FRAME_ALIGN, is followed by its frame, which is contiguous.
 * Where the end of the ring is too short for a frame, a header with the length FRAME_SKIP stands,
 * and the frame goes to the ring's start with a header of its own. A writer without room drops or
 * keeps the frame. Indices count bytes.
 */
#define FRAMES_RING_BYTES 0x80000u /* 512 KiB */
#define FRAMES_LINK_BYTES (PAGE_SIZE + (u64)LINK_ENDS * FRAMES_RING_BYTES)
#define FRAME_ALIGN	  16u
/*
 * The least bytes of a frame, without its checksum: two addresses and a type; a VLAN tag takes 4
 * more.
 */
#define FRAME_BYTES_MIN 14u
#define FRAME_TAG_BYTES 4u
#define FRAME_SKIP	(~0u)
/*
 * The most bytes of a frame: an IP packet of 64 KiB that is still to be cut into segments, with a
 * VLAN tag.
 */
#define FRAME_BYTES_MAX (FRAME_BYTES_MIN + FRAME_TAG_BYTES + 65535u)

enum frame_flag {
	/* the checksum of all bytes from checksum_start on must be put at checksum_offset */
	FRAME_NEEDS_CHECKSUM = 1 << 0,
	FRAME_CHECKED = 1 << 1, /* the frame's checksums are known to be right */
};

/* The way in which a frame is to be cut into segments before it goes to a wire. */
enum frame_segments { FRAME_WHOLE, FRAME_TCP4, FRAME_TCP6, FRAME_SEGMENTS_COUNT };

struct frame_header {
	/*
	 * the frame's length, FRAME_BYTES_MIN to FRAME_BYTES_MAX; or FRAME_SKIP: no frame follows
	 */
	u32 bytes;
	u8 flags;	   /* enum frame_flag */
	u8 segments;	   /* enum frame_segments */
	u16 segment_bytes; /* bytes of TCP data in each segment into which the frame is cut */
	/* offset from the frame's first byte at which the checksummed bytes begin */
	u16 checksum_start;
	u16 checksum_offset; /* offset from checksum_start */
	u32 reserved;
};
_Static_assert(sizeof(struct frame_header) == FRAME_ALIGN, "frames are aligned behind it");

/* Opens an end of a link of frames; `memory` has FRAMES_LINK_BYTES. */
static inline void frames_open(struct link_end *end, struct link_memory *memory,
			       enum link_end_name name)
{
	link_open(end, memory, name, FRAMES_RING_BYTES);
}

/* Returns the most bytes of a ring that a frame of `bytes` takes, wherever it begins. */
u32 frames_room_for(u32 bytes);

/*
 * The rare cases of frames_reserve and frames_next, which the inline functions below call. In
 * frames.c.
 */
u8 *frames_reserve_any(struct link_end *end, u32 bytes) MUST_CHECK;
bool frames_next_any(struct link_end *end, struct frame_header *header,
		     const u8 **frame) MUST_CHECK;

static ALWAYS_INLINE u8 *frames_ring(const struct link_end *end, enum link_end_name name)
{
	return (u8 *)end->memory + PAGE_SIZE + (u64)name * FRAMES_RING_BYTES;
}

static ALWAYS_INLINE u32 frames_record_bytes(u32 frame_bytes)
{
	return ((u32)sizeof(struct frame_header) + frame_bytes + FRAME_ALIGN - 1) &
	       ~(FRAME_ALIGN - 1);
}

/*
 * Reads the header of the frame at the end's index in the peer's ring. Returns false if no
 * complete, valid frame stands there.
 */
static ALWAYS_INLINE bool frames_read(const struct link_end *end, u32 waiting,
				      struct frame_header *header, const u8 **frame)
{
	u32 at = end->read % FRAMES_RING_BYTES;
	const u8 *record = frames_ring(end, (enum link_end_name)(LINK_ENDS - 1 - end->name)) + at;

	if (unlikely(at % FRAME_ALIGN != 0))
		return false;
	__builtin_memcpy(header, record, sizeof(*header));
	/* the reader uses only its copy from here on, since the peer may change the ring */
	__asm__ volatile("" ::: "memory");
	*frame = record + sizeof(*header);
	return header->bytes >= FRAME_BYTES_MIN && header->bytes <= FRAME_BYTES_MAX &&
	       frames_record_bytes(header->bytes) <= MIN(waiting, FRAMES_RING_BYTES - at);
}

/*
 * Reserves room for a frame of at most `bytes` in the end's own ring, to be filled and then added
 * by frames_add. Returns NULL if there is no room (link_await_room says when there is).
 */
static ALWAYS_INLINE u8 *frames_reserve(struct link_end *end, u32 bytes)
{
	u32 at = end->written % FRAMES_RING_BYTES;
	u32 record = frames_record_bytes(bytes);

	if (likely(record <= FRAMES_RING_BYTES - at && end->free - end->written >= record))
		return frames_ring(end, end->name) + at + sizeof(struct frame_header);
	return frames_reserve_any(end, bytes);
}

/*
 * Adds the frame reserved last to the end's own ring, header->bytes long; link_publish shows it to
 * the peer.
 */
static ALWAYS_INLINE void frames_add(struct link_end *end, const struct frame_header *header)
{
	__builtin_memcpy(frames_ring(end, end->name) + end->written % FRAMES_RING_BYTES, header,
			 sizeof(*header));
	end->written += frames_record_bytes(header->bytes);
}

/*
 * Finds the peer's next frame. *header is a copy whose length is valid; its other fields are
 * unchecked. *frame lies in the ring until frames_drop, and the peer may still write to it. Returns
 * false if there is no frame, or the peer has broken the rules.
 */
static ALWAYS_INLINE bool frames_next(struct link_end *end, struct frame_header *header,
				      const u8 **frame)
{
	u32 waiting = end->seen - end->read;

	return (likely(waiting != 0) && likely(frames_read(end, waiting, header, frame))) ||
	       frames_next_any(end, header, frame);
}

/* Releases the room in the peer's ring of the frame that frames_next has returned. */
static ALWAYS_INLINE void frames_drop(struct link_end *end, const struct frame_header *header)
{
	end->read += frames_record_bytes(header->bytes);
}
