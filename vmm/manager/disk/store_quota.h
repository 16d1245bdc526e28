/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * A quota of a store limits the sum of the sizes of all volumes whose names match a pattern. A
 * volume counts with its whole size, however little it holds. Names that begin with '@' are the
 * manager's: snapshots of VMs count for the volume that they were taken of, as long as that is
 * there.
 */

/*
 * Returns whether the store's quotas allow a command to its driver. Returns false, with the reason
 * in `problem`, if one of them would be exceeded.
 */
bool store_quota_allows(const struct store *store, enum store_operation operation,
			const struct store_item *item, u32 count, char *problem, size_t size);
/*
 * Copies the store's quota of that number, from 0 on, and how many bytes of it are used. Returns
 * false behind the last.
 */
bool store_quota_at(const struct store *store, u32 number, struct store_quota *quota, u64 *used);
/*
 * Replaces the store's quotas until the next boot. Returns false, and changes nothing, if the text
 * is not valid.
 */
bool store_quota_set(struct store *store, const char *text);
/* Logs, once the store is ready, the quotas of which more is used than they allow. */
void store_quota_say(struct store *store);
