/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct vm;

/* More pages for its group; false: `problem` says how much is missing. */
bool vm_quota_raise(struct vm *vm, u64 pages, char *problem, size_t size);
/* Less. What is still used stays allowed. */
void vm_quota_lower(struct vm *vm, u64 pages);
