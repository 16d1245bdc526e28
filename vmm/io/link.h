/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * A link: memory through which two processes send each other something, made by the manager. It
 * begins with a page of indices; behind it are two rings, one for each direction: of requests and
 * answers (slots.h) or of frames (frames.h). Each line of 64 bytes has one writer, nobody waits for
 * the other inside a call, and either may be hostile: what an end reads it copies once, and it goes
 * by indices of its own.
 *
 * Client and server come and go. Each time the manager has one of them started anew it raises
 * `generation`. Each end then clears its own line and writes the new generation into it: until
 * both have, nothing passes, and what was on its way is void.
 */
#define LINK_LINE_BYTES 64u

/* One end's. */
struct link_line {
	u32 generation; /* which the rest belongs to */
	u32 written;	/* into its ring, free-running; what the unit is the ring says */
	u32 read;	/* of the peer's ring, likewise */
	u32 wake_at;	/* to be signalled once the peer has written beyond this */
	u32 room_at;	/* to be signalled once the peer has read beyond this */
	u32 wish;	/* what it would have the peer do; what that means the ring says */
	u8 pad[LINK_LINE_BYTES - 24];
};

enum link_end_name {
	LINK_CLIENT,
	LINK_SERVER,
	LINK_ENDS
};

struct link_memory {
	u32 generation; /* the manager's; 0: there is nobody at the other end */
	u32 pad0;
	u8 about[LINK_LINE_BYTES - 8]; /* likewise: what the server has to offer */
	struct link_line line[LINK_ENDS];
	u8 pad1[PAGE_SIZE - (1 + LINK_ENDS) * LINK_LINE_BYTES];
};
_Static_assert(sizeof(struct link_memory) == PAGE_SIZE, "the rings follow");

/* What one end knows; nothing in it is read from the shared memory twice. */
struct link_end {
	struct link_memory *memory;
	enum link_end_name name;
	u32 size; /* of each ring */
	u32 generation;
	u32 written;
	u32 published; /* of written, what the peer has been shown */
	u32 read;
	u32 returned; /* of read, likewise */
	u32 seen;     /* of the peer's ring: up to here there are units, by the last look */
	u32 free;     /* of its own: up to here there is room, likewise */
	bool broken; /* the peer's index was impossible: over until the next generation */
};

/*
 * `memory` is what the manager has mapped, with two rings of so many units, a power of two; the
 * link_renewed that follows says true.
 */
void link_open(struct link_end *end, struct link_memory *memory, enum link_end_name name, u32 size);
/*
 * True once for each new generation: both rings are empty then, and what was on its way is void.
 * The caller signals the peer.
 */
bool link_renewed(struct link_end *end) MUST_CHECK;
/* Units of the peer's ring that may be read; an impossible index closes the link. */
u32 link_waiting(struct link_end *end);
/* Units of its own ring that the peer has emptied. */
u32 link_room(const struct link_end *end);
/* Shows what was written and read since. Returns whether the peer has to be signalled. */
bool link_publish(struct link_end *end) MUST_CHECK;
/*
 * Asks to be signalled when the peer next writes. False: there is something already. To be called
 * before each wait.
 */
bool link_may_wait(struct link_end *end) MUST_CHECK;
/*
 * Asks to be signalled once so many units are free in its own ring. False: they are already, and
 * maybe more.
 */
bool link_await_room(struct link_end *end, u32 units) MUST_CHECK;
/* A word for the peer, which stands until the next generation; 0 before the peer has come. */
void link_set_wish(struct link_end *end, u32 wish);
u32 link_wish_of_peer(const struct link_end *end);
