/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * More pages for its group; false: `problem` says how much is missing. Those of which it is to be
 * lowered come first: a monitor that holds on to them gains nothing.
 */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/*
 * Frees what has ended in the group and counts until then: before more is made than the quota has
 * room for besides.
 */
void vm_quota_tidy(const struct vm *vm);
/* Less, at once or, while they are still used, in vm_quota_look. */
void vm_quota_lower(struct vm *vm, u64 pages);
/* Tries again now and then, as long as there is something to lower it by. */
void vm_quota_look(struct vm *vm);
u64 vm_quota_deadline(const struct vm *vm);
