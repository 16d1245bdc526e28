/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * A link: memory through which a client asks and a server answers, made by the manager. It begins
 * with a page of indices, then 256 requests and 256 answers; a pool for data may follow. Each line
 * of 64 bytes has one writer, nobody waits for the other inside a call, and either may be hostile:
 * what an end reads it copies once, and it goes by indices of its own.
 *
 * Client and server come and go. Each time the manager has one of them started anew it raises
 * `generation`. Each end then clears its own line and writes the new generation into it: until
 * both have, nothing passes. Requests without an answer are the client's to post again.
 */
#define LINK_SLOTS	   256u
#define LINK_REQUEST_BYTES 64u
#define LINK_ANSWER_BYTES  16u
#define LINK_LINE_BYTES	   64u
#define LINK_POOL_OFFSET   (PAGE_SIZE + (u64)LINK_SLOTS * (LINK_REQUEST_BYTES + LINK_ANSWER_BYTES))

/* One end's. */
struct link_line {
	u32 generation; /* which the rest belongs to */
	u32 written;	/* slots it has filled, free-running */
	u32 read;	/* slots of the peer it has emptied, free-running */
	u32 wake_at;	/* to be signalled once the peer has written beyond this */
	u8 pad[LINK_LINE_BYTES - 16];
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
	u8 requests[LINK_SLOTS][LINK_REQUEST_BYTES];
	u8 answers[LINK_SLOTS][LINK_ANSWER_BYTES];
};
_Static_assert(sizeof(struct link_memory) == LINK_POOL_OFFSET, "the pool follows");
_Static_assert(LINK_POOL_OFFSET % PAGE_SIZE == 0, "whole pages");

/* What one end knows; nothing in it is read from the shared memory twice. */
struct link_end {
	struct link_memory *memory;
	enum link_end_name name;
	u32 generation;
	u32 written;
	u32 published; /* of written, what the peer has been shown */
	u32 read;
	bool broken; /* the peer's index was impossible: over until the next generation */
};

/* `memory` is what the manager has mapped; the link_renewed that follows says true. */
void link_open(struct link_end *end, struct link_memory *memory, enum link_end_name name);
/*
 * True once for each new generation: both rings are empty then, and what was on its way is void.
 * The caller signals the peer.
 */
bool link_renewed(struct link_end *end) MUST_CHECK;
/* Copies the next request (server) or answer (client) out; false: there is none now. */
bool link_take(struct link_end *end, void *slot) MUST_CHECK;
/* Slots the peer has not yet emptied leave so much room for link_put. */
u32 link_room(const struct link_end *end);
/* Adds a request (client) or an answer (server), which link_publish shows. Needs room. */
void link_put(struct link_end *end, const void *slot);
/* Shows what was put and taken. Returns whether the peer has to be signalled. */
bool link_publish(struct link_end *end) MUST_CHECK;
/*
 * Asks to be signalled after the next slot the peer writes. False: there is one already. To be
 * called before each wait.
 */
bool link_may_wait(struct link_end *end) MUST_CHECK;
