/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * A link: memory, made by the manager, through which two processes send to each other. A page of
 * indices is followed by two rings, one for each direction: of requests and answers (slots.h) or of
 * frames (frames.h). Each line of 64 bytes has one writer, no call waits for the peer, and either
 * end may be hostile: an end copies data once before it uses them, and relies on its own indices.
 * Client and server may be restarted: each time, the manager raises `generation`. Each end then
 * clears its own line and writes the new generation into it. Until both have done so nothing
 * passes, and earlier requests and frames are void.
 */
#define LINK_LINE_BYTES 64u

/* The line of one end, which only that end writes. */
struct link_line {
	u32 generation; /* the link's generation to which the other fields belong */
	/* how far this end has written into its ring, free-running; the ring defines the unit */
	u32 written;
	u32 read; /* how far this end has read the peer's ring, free-running */
	/* this end is to be signalled once the peer has written beyond this index */
	u32 wake_at;
	u32 room_at; /* this end is to be signalled once the peer has read beyond this index */
	/* a word to the peer, whose meaning the kind of link defines (enum net_wish) */
	u32 wish;
	u8 pad[LINK_LINE_BYTES - 24];
};

enum link_end_name { LINK_CLIENT, LINK_SERVER, LINK_ENDS };

struct link_memory {
	/*
	 * the manager's number for the present pair of client and server; 0: no process is at the
	 * other end
	 */
	u32 generation;
	u32 pad0;
	/*
	 * written by the manager: the server's description (struct block_about, struct net_about)
	 */
	u8 about[LINK_LINE_BYTES - 8];
	struct link_line line[LINK_ENDS];
	u8 pad1[PAGE_SIZE - (1 + LINK_ENDS) * LINK_LINE_BYTES];
};
_Static_assert(sizeof(struct link_memory) == PAGE_SIZE, "the rings follow");

/* The private state of one end, which reads each shared value only once. */
struct link_end {
	struct link_memory *memory;
	enum link_end_name name;
	u32 size; /* the number of units (slots, or bytes of frames) in each ring */
	u32 generation;
	u32 written;
	u32 published; /* the value of `written` that the peer was shown last */
	u32 read;
	u32 returned; /* the value of `read` that the peer was shown last */
	/* the index up to which the peer's ring had units when the peer's index was last read */
	u32 seen;
	/* the index up to which the end's own ring had room when the peer's index was last read */
	u32 free;
	/* an index of the peer's was impossible: nothing passes until the next generation */
	bool broken;
};

static inline u32 link_load(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline const struct link_line *link_peer_line(const struct link_end *end)
{
	return &end->memory->line[LINK_ENDS - 1 - end->name];
}

/*
 * Returns true if the peer has joined the link's present generation; before that its indices are
 * invalid.
 */
static inline bool link_peer_is_there(const struct link_end *end)
{
	return end->generation != 0 && !end->broken &&
	       link_load(&link_peer_line(end)->generation) == end->generation;
}

/*
 * Returns how many units this end can read in the peer's ring; an impossible index closes the link.
 */
static inline u32 link_waiting(struct link_end *end)
{
	u32 waiting;

	if (!link_peer_is_there(end))
		return 0;
	waiting = link_load(&link_peer_line(end)->written) - end->read;
	if (unlikely(waiting > end->size))
		end->broken = true;
	return end->broken ? 0 : waiting;
}

/* Returns the free units of the end's own ring. */
static inline u32 link_room(const struct link_end *end)
{
	u32 used = end->written;

	if (end->generation == 0 || end->broken)
		return 0;
	if (link_peer_is_there(end))
		used -= link_load(&link_peer_line(end)->read);
	return used <= end->size ? end->size - used : 0;
}

/*
 * Opens an end of a link. `memory` is mapped by the manager, with two rings of `size` units each, a
 * power of two; the first link_renewed then returns true.
 */
void link_open(struct link_end *end, struct link_memory *memory, enum link_end_name name, u32 size);
/*
 * Returns true once for each new generation of the link (a client or server was started anew): both
 * rings are then empty, and earlier requests and frames are void. The caller must signal the peer.
 */
bool link_renewed(struct link_end *end) MUST_CHECK;
/*
 * Shows the peer this end's progress in writing and reading. Returns whether the peer has to be
 * signalled.
 */
bool link_publish(struct link_end *end) MUST_CHECK;
/*
 * Asks the peer to signal when it next writes; called before each wait for that. Returns false if
 * there is something to read already.
 */
bool link_may_wait(struct link_end *end) MUST_CHECK;
/*
 * Asks the peer not to signal when it writes, until link_may_wait is called, which must follow:
 * this end looks for itself meanwhile.
 */
void link_hush(struct link_end *end);
/*
 * Asks to be signalled once `units` are free in the end's own ring. Returns false if that number
 * may be free already.
 */
bool link_await_room(struct link_end *end, u32 units) MUST_CHECK;
/*
 * Tells the peer a word of 32 bits (link_line.wish), whose meaning the two ends agree on, valid
 * until the link's next generation. link_wish_of_peer returns the peer's word, 0 before it has
 * joined.
 */
void link_set_wish(struct link_end *end, u32 wish);
u32 link_wish_of_peer(const struct link_end *end);
