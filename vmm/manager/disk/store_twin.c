/* SPDX-License-Identifier: MIT */
/*
 * Finds stores that are in the host twice, as a disk and a copy of it: the manager uses only the
 * first of them in the configuration. Called by store.c and store_problem.c; only reads the
 * drivers' reports.
 */
#include "lib/string.h"
#include "vmm/manager/disk/store.h"
#include "vmm/rt/format.h"

/* Copies the store's own id. Returns false if the store is not ready. */
static bool store_twin_id(const struct store *store, u8 id[STORE_ID_BYTES])
{
	struct store_told told;

	if (!store_told(store, &told) || told.state != STORE_READY)
		return false;
	memcpy(id, told.id, STORE_ID_BYTES);
	return true;
}

const char *store_twin_problem(const struct store *store, char *text, size_t size)
{
	u8 own[STORE_ID_BYTES];
	u8 other[STORE_ID_BYTES];
	const struct store *first;

	if (!store_twin_id(store, own))
		return NULL;
	for (u32 i = 0; (first = store_at(i)) != NULL && first != store; i++) {
		if (!store_twin_id(first, other) || memcmp(own, other, STORE_ID_BYTES) != 0)
			continue;
		format(text, size,
		       "its disk has the same store as that of store %s, which is used alone; "
		       "remove the disk that is the copy",
		       first->config->section.name);
		return text;
	}
	return NULL;
}
