/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Promises the VM's group `pages` more pages. Returns false if there are too few; `problem` says
 * how many are missing. Pages that are still to be taken back count first, so that a monitor which
 * holds on to them gains nothing.
 */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/*
 * Frees ended objects of the group, which count as used until then. To be called before making
 * objects for which the quota has no room besides.
 */
void vm_quota_tidy(const struct vm *vm);
/*
 * Frees some of what has ended, in a turn (vm_turn.h), which a rest may follow. Returns whether
 * there is more.
 */
bool vm_quota_tidy_turn(struct vm *vm);
/* Lowers the quota by `pages`: at once, or by vm_quota_look while these are still used. */
void vm_quota_lower(struct vm *vm, u64 pages);
/* Tries again from time to time, as long as there are pages to take back. */
void vm_quota_look(struct vm *vm);
u64 vm_quota_deadline(const struct vm *vm);
