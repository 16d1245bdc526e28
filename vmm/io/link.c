/* SPDX-License-Identifier: MIT */
/*
 * The indices and wake-ups of a link between two processes (link.h). Called by slots.c, frames.c
 * and every client and server of a link; touches the link's first page, where the peer may be
 * hostile.
 */
#include "vmm/io/link.h"

/* For room_at: an index that the peer does not pass before this end sets another. */
#define NEVER (~0u)

static void link_store(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static struct link_line *link_own_line(const struct link_end *end)
{
	return &end->memory->line[end->name];
}

void link_open(struct link_end *end, struct link_memory *memory, enum link_end_name name, u32 size)
{
	*end = (struct link_end){.memory = memory, .name = name, .size = size};
}

bool link_renewed(struct link_end *end)
{
	u32 generation = link_load(&end->memory->generation);
	struct link_line *line = link_own_line(end);

	if (likely(generation == end->generation))
		return false;
	*end = (struct link_end){.memory = end->memory,
				 .name = end->name,
				 .size = end->size,
				 .generation = generation};
	link_store(&line->generation, 0);
	link_store(&line->written, 0);
	link_store(&line->read, 0);
	link_store(&line->wake_at, 0);
	link_store(&line->room_at, NEVER);
	link_store(&line->wish, 0);
	link_store(&line->generation, generation);
	return generation != 0;
}

/*
 * Returns true if an index that moves from `from` to `to` passes `event`, the index at which the
 * peer wants a signal.
 */
static bool link_passes(u32 event, u32 from, u32 to)
{
	return to - event - 1 < to - from;
}

bool link_publish(struct link_end *end)
{
	struct link_line *line = link_own_line(end);
	u32 written = end->published;
	u32 read = end->returned;

	link_store(&line->read, end->read);
	if (written == end->written && read == end->read)
		return false;
	link_store(&line->written, end->written);
	end->published = end->written;
	end->returned = end->read;
	/*
	 * The peer first writes the index at which it wants a signal, then reads this end's index:
	 * so at least one end sees the other's write.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return link_peer_is_there(end) &&
	       (link_passes(link_load(&link_peer_line(end)->wake_at), written, end->written) ||
		link_passes(link_load(&link_peer_line(end)->room_at), read, end->read));
}

bool link_may_wait(struct link_end *end)
{
	link_store(&link_own_line(end)->read, end->read);
	link_store(&link_own_line(end)->wake_at, end->read);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !link_peer_is_there(end) || link_load(&link_peer_line(end)->written) == end->read;
}

void link_hush(struct link_end *end)
{
	/* the peer has passed this index */
	link_store(&link_own_line(end)->wake_at, end->read - 1);
}

bool link_await_room(struct link_end *end, u32 units)
{
	/* once the peer has read beyond this index, at least `units` units are free */
	link_store(&link_own_line(end)->room_at, end->written + units - end->size - 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return link_room(end) < units;
}

void link_set_wish(struct link_end *end, u32 wish)
{
	if (end->generation != 0)
		link_store(&link_own_line(end)->wish, wish);
}

u32 link_wish_of_peer(const struct link_end *end)
{
	return link_peer_is_there(end) ? link_load(&link_peer_line(end)->wish) : 0;
}
