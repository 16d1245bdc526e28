/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Promises the VM's memory group `pages` more pages. Returns false if there are too few; `problem`
 * says how many are missing. Pages of the group that were still to be taken back are counted first,
 * so that a monitor gains nothing by holding on to them.
 */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/*
 * Frees ended kernel objects of the VM's memory group, which count as used until then. To be called
 * before making objects if the quota has room for them only afterwards.
 */
void vm_quota_tidy(const struct vm *vm);
/*
 * Frees some ended kernel objects of the VM's memory group, in a turn (vm_turn.h), after which the
 * VM may have to rest. Returns whether there are more.
 */
bool vm_quota_tidy_turn(struct vm *vm);
/*
 * Lowers the quota by `pages`: at once, or by vm_quota_look if these are still used now, or ended
 * objects of the group are not all freed.
 */
void vm_quota_lower(struct vm *vm, u64 pages);
/*
 * Tries again, at intervals, to take back pages of the VM's quota that vm_quota_lower could not, as
 * they were used.
 */
void vm_quota_look(struct vm *vm);
u64 vm_quota_deadline(const struct vm *vm);
