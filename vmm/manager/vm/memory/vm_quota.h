/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Promises the VM's group `pages` more pages. Returns false if there are too few; `problem` says
 * how many are missing. Pages of the group that were still to be taken back are counted first, so
 * that a monitor gains nothing by holding on to them.
 */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/*
 * Frees ended objects of the group, which count as used until then. To be called before making
 * objects if the quota has room for them only afterwards.
 */
void vm_quota_tidy(const struct vm *vm);
/*
 * Frees some ended objects, in a turn (vm_turn.h), after which the VM may have to rest. Returns
 * whether there are more.
 */
bool vm_quota_tidy_turn(struct vm *vm);
/* Lowers the quota by `pages`: at once, or by vm_quota_look while these are still used. */
void vm_quota_lower(struct vm *vm, u64 pages);
/* Tries again to take pages back, at intervals, as long as there is a surplus. */
void vm_quota_look(struct vm *vm);
u64 vm_quota_deadline(const struct vm *vm);
