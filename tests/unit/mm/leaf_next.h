/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/table.h"

/*
 * Finds the first leaf at or after *at and before `end`, and sets *at to its address. Returns false
 * if there is none.
 */
static UNUSED bool leaf_next(const struct table *table, u64 *at, u64 end, struct pt_leaf *leaf)
{
	struct pt_walk walk;

	for (; *at < end; *at = (*at | (table_level_bytes(walk.level) - 1)) + 1)
		if (table_walk(table, *at, &walk)) {
			table_walk_leaf(table, *at, &walk, leaf);
			return true;
		}
	return false;
}
