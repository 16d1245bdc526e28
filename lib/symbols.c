/* SPDX-License-Identifier: MIT */
/*
 * Finds a function's name by its address in a symbol table. Panics call it for backtraces, the
 * manager for profiles and dumps. It only reads the table, which boot/symbols.py has sorted.
 */
#include "lib/symbols.h"

const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance)
{
	u32 low = 0;
	u32 high = table->count;

	/* A binary search for the first symbol above offset. */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (table->symbol[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	*distance = offset - table->symbol[low - 1].offset;
	return symbols_names(table) + table->symbol[low - 1].name;
}
