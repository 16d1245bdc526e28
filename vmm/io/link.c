/* SPDX-License-Identifier: MIT */
#include "vmm/io/link.h"

#include "lib/string.h"

static u32 link_load(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void link_store(u32 *word, u32 value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static struct link_line *own_line(const struct link_end *end)
{
	return &end->memory->line[end->name];
}

static const struct link_line *peer_line(const struct link_end *end)
{
	return &end->memory->line[LINK_ENDS - 1 - end->name];
}

/* Before that its indices are of another life. */
static bool peer_is_there(const struct link_end *end)
{
	return end->generation != 0 && !end->broken &&
	       link_load(&peer_line(end)->generation) == end->generation;
}

void link_open(struct link_end *end, struct link_memory *memory, enum link_end_name name)
{
	*end = (struct link_end){.memory = memory, .name = name};
}

bool link_renewed(struct link_end *end)
{
	u32 generation = link_load(&end->memory->generation);
	struct link_line *line = own_line(end);

	if (likely(generation == end->generation))
		return false;
	*end = (struct link_end){
		.memory = end->memory, .name = end->name, .generation = generation};
	link_store(&line->generation, 0);
	link_store(&line->written, 0);
	link_store(&line->read, 0);
	link_store(&line->wake_at, 0);
	link_store(&line->generation, generation);
	return generation != 0;
}

bool link_take(struct link_end *end, void *slot)
{
	u32 waiting;

	if (!peer_is_there(end))
		return false;
	waiting = link_load(&peer_line(end)->written) - end->read;
	if (unlikely(waiting > LINK_SLOTS))
		end->broken = true;
	if (waiting == 0 || end->broken)
		return false;
	if (end->name == LINK_SERVER)
		memcpy(slot, end->memory->requests[end->read % LINK_SLOTS], LINK_REQUEST_BYTES);
	else
		memcpy(slot, end->memory->answers[end->read % LINK_SLOTS], LINK_ANSWER_BYTES);
	/* the copy is what counts from here on, whatever the peer does to the slot */
	__asm__ volatile("" ::: "memory");
	end->read++;
	return true;
}

u32 link_room(const struct link_end *end)
{
	u32 used = end->written;

	if (end->generation == 0 || end->broken)
		return 0;
	if (peer_is_there(end))
		used -= link_load(&peer_line(end)->read);
	return used <= LINK_SLOTS ? LINK_SLOTS - used : 0;
}

void link_put(struct link_end *end, const void *slot)
{
	if (end->name == LINK_CLIENT)
		memcpy(end->memory->requests[end->written % LINK_SLOTS], slot, LINK_REQUEST_BYTES);
	else
		memcpy(end->memory->answers[end->written % LINK_SLOTS], slot, LINK_ANSWER_BYTES);
	end->written++;
}

bool link_publish(struct link_end *end)
{
	struct link_line *line = own_line(end);
	u32 before = end->published;

	link_store(&line->read, end->read);
	if (before == end->written)
		return false;
	link_store(&line->written, end->written);
	end->published = end->written;
	/* the peer sets wake_at, then looks again at `written`: one of the two sees the other */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return peer_is_there(end) &&
	       end->written - link_load(&peer_line(end)->wake_at) - 1 < end->written - before;
}

bool link_may_wait(struct link_end *end)
{
	link_store(&own_line(end)->read, end->read);
	link_store(&own_line(end)->wake_at, end->read);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !peer_is_there(end) || link_load(&peer_line(end)->written) == end->read;
}
