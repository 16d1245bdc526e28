/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * How much the volumes of a store may come to whose names are like a pattern, in all. A volume
 * counts with its size, whatever it holds. Names that begin with '@' are the manager's: snapshots
 * of VMs count for the volume that they were taken of, as long as that is there.
 */

/*
 * Returns whether the store's quotas allow a command. Returns false, with the reason in `problem`,
 * if one of them would be exceeded.
 */
bool store_quota_allows(const struct store *store, enum store_operation operation,
			const struct store_item *item, u32 count, char *problem, size_t size);
/* Copies the quota of that number, from 0 on, and says how much of it is used. */
bool store_quota_at(const struct store *store, u32 number, struct store_quota *quota, u64 *used);
/* Logs, once the store is ready, the quotas of which more is used than they allow. */
void store_quota_say(struct store *store);
