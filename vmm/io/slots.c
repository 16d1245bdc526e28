/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers of fixed size in a link's rings (slots.h). Called by disk drivers, services
 * and monitors; copies each slot of a ring once, since the peer may change it at any time.
 */
#include "vmm/io/slots.h"

#include "lib/string.h"

bool slot_take(struct link_end *end, void *slot)
{
	u32 at = end->read % SLOT_COUNT;
	u32 waiting = link_waiting(end);

	if (waiting == 0)
		return false;
	end->seen = end->read + waiting;
	if (end->name == LINK_SERVER)
		memcpy(slot, slots_of(end->memory)->requests[at], SLOT_REQUEST_BYTES);
	else
		memcpy(slot, slots_of(end->memory)->answers[at], SLOT_ANSWER_BYTES);
	/* the reader uses only its copy from here on, since the peer may change the slot */
	__asm__ volatile("" ::: "memory");
	end->read++;
	return true;
}

void slot_put_front(struct link_end *end, const void *slot, u32 bytes)
{
	u32 at = end->written % SLOT_COUNT;

	memcpy(end->name == LINK_CLIENT ? slots_of(end->memory)->requests[at]
					: slots_of(end->memory)->answers[at],
	       slot, bytes);
	end->written++;
}

void slot_put(struct link_end *end, const void *slot)
{
	slot_put_front(end, slot,
		       end->name == LINK_CLIENT ? SLOT_REQUEST_BYTES : SLOT_ANSWER_BYTES);
}
