/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * Returns by how many sectors a store's disk is larger than the store, which `store grow` would add
 * to it; 0: it is not larger, or the store is not ready.
 */
u64 store_room_sectors(const struct store *store, const struct store_told *told);
/*
 * Returns a sentence, in `text`, that says why the store must not grow now, or sets *sectors to the
 * size that it may have and returns NULL.
 */
const char *store_grow_problem(const struct store *store, u64 *sectors, char *text, size_t size);
