/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* More pages for its group; false: `problem` says how much is missing. */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/*
 * Frees what has ended in the group and counts until then: before more is made than the quota has
 * room for besides.
 */
void vm_quota_tidy(const struct vm *vm);
/* Less. What is still used stays allowed. */
void vm_quota_lower(struct vm *vm, u64 pages);
