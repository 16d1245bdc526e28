/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/* The findings of a scrub of a store: the places in volumes whose data differ from their sums. */

/* Returns how many seconds after a write chunks get sums; 0: the store's chunks get none. */
u32 store_scrub_after_s(const struct store_config *config);
/* Logs, once, the findings of the last scrub of the store, with an event if data are damaged. */
void store_scrub_say(struct store *store);
/*
 * Writes the name of the volume in which a place is that a scrub has found. Returns false, with "",
 * if that volume was dropped since.
 */
bool store_scrub_volume(const struct store *store, const struct store_rot *rot, char *name,
			size_t size);
