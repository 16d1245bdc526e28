/* SPDX-License-Identifier: MIT */
/*
 * Has a store's driver carry out a command of a work that goes on in steps, without waiting for it.
 * Called by rekey.c and the schedule of a VM's backups; holds no state of its own.
 */
#include "vmm/manager/disk/store_work.h"

#include "lib/string.h"

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
