/* SPDX-License-Identifier: MIT */
/*
 * Has stores that other hosts reach given back before this host stops, so that the next host need
 * not wait for their leases to pass. Called by shutdown.c; asks the stores' drivers.
 */
#include "vmm/manager/disk/store_leave.h"

#include "vmm/manager/disk/store.h"

/* Asks for the store to be given back, once. Returns whether that has ended, or cannot be done. */
static bool store_leave(struct store *store)
{
	static const struct store_item none;
	struct store_answer answer;
	struct store_told told;
	char problem[2 * DRIVER_TEXT_BYTES];

	if (store->leaving != 0)
		return store_answered(store, store->leaving, &answer);
	if (!store_told(store, &told) || told.state != STORE_READY || told.owner.lease_s == 0)
		return true;
	if (!store_is_idle(store))
		return false;
	store->leaving = store_ask(store, STORE_RELEASE, &none, 1, problem, sizeof(problem));
	return store->leaving == 0;
}

bool stores_leave(void)
{
	bool all = true;

	for (u32 i = 0; store_at(i) != NULL; i++)
		all &= store_leave(store_at(i));
	return all;
}

void stores_stay(void)
{
	for (u32 i = 0; store_at(i) != NULL; i++)
		store_at(i)->leaving = 0;
}
