/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/link.h"

/*
 * A link of requests (from the client) and answers (from the server), both of fixed size. A pool
 * for data may follow. After a new generation of the link the client must post its unanswered
 * requests again.
 */
#define SLOT_COUNT	   256u
#define SLOT_REQUEST_BYTES 192u
#define SLOT_ANSWER_BYTES  16u

struct slot_memory {
	struct link_memory link;
	u8 requests[SLOT_COUNT][SLOT_REQUEST_BYTES];
	u8 answers[SLOT_COUNT][SLOT_ANSWER_BYTES];
};
#define SLOT_POOL_OFFSET sizeof(struct slot_memory)
_Static_assert(SLOT_POOL_OFFSET % PAGE_SIZE == 0, "whole pages");

static inline struct slot_memory *slots_of(struct link_memory *memory)
{
	return (struct slot_memory *)(void *)memory;
}

static inline void slot_open(struct link_end *end, struct link_memory *memory,
			     enum link_end_name name)
{
	link_open(end, memory, name, SLOT_COUNT);
}

/*
 * Copies the next request (at the server) or answer (at the client) to `slot`. Returns false if
 * there is none.
 */
bool slot_take(struct link_end *end, void *slot) MUST_CHECK;
/* Returns whether there was no more when slot_take last took a slot; there may be now. */
static inline bool slot_was_last(const struct link_end *end)
{
	return end->read == end->seen;
}

/*
 * Adds a request (client) or answer (server) to the ring; link_publish shows it to the peer.
 * Requires link_room() > 0.
 */
void slot_put(struct link_end *end, const void *slot);
/*
 * Does the same with the first `bytes` bytes of a request or answer; the peer finds in the rest of
 * the slot what this end put there before.
 */
void slot_put_front(struct link_end *end, const void *slot, u32 bytes);
