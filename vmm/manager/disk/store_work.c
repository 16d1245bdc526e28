/* SPDX-License-Identifier: MIT */
/*
 * Has a store's driver carry out a command for work that proceeds in steps, without waiting for it.
 * Called by rekey.c, volume_copy.c and the schedule of a VM's backups; holds no state of its own.
 */
#include "vmm/manager/disk/store_work.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"

/* The time limit of a part of a work that can be given up. */
#define ASK_NS	(60 * NS_PER_S)
#define LOOK_NS (10 * NS_PER_MS)

void store_work_begin(struct store_work *work)
{
	*work = (struct store_work){.until_tsc = clock_tsc() + clock_ns_to_tsc(ASK_NS)};
}

bool store_work_is_late(const struct store_work *work)
{
	return clock_tsc() >= work->until_tsc;
}

u64 store_work_look_tsc(void)
{
	return clock_tsc() + clock_ns_to_tsc(LOOK_NS);
}

bool store_work_step(struct store *store, struct store_work *work, enum store_operation operation,
		     const struct store_item *items, u32 count, char *problem, size_t size)
{
	struct store_answer answer;
	char said[4 * STORE_TEXT_BYTES];

	if (work->asked == 0) {
		if (store_is_idle(store))
			work->asked = store_ask(store, operation, items, count, said, sizeof(said));
		return false;
	}
	if (!store_answered(store, work->asked, &answer))
		return false;
	work->status = answer.status;
	driver_text(answer.text, sizeof(answer.text), said, sizeof(said));
	if (answer.status == STORE_OK)
		said[0] = '\0';
	else if (said[0] == '\0')
		string_copy(said, sizeof(said), "the driver of its store could not do it");
	string_copy(problem, size, said);
	return true;
}
