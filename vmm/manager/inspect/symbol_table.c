/* SPDX-License-Identifier: MIT */
/*
 * Checks a table of symbols and finds a symbol by name. Called by symbols.c and `sym`; holds no
 * state.
 */
#include "vmm/manager/inspect/symbol_table.h"
#include "lib/checked.h"
#include "lib/string.h"

bool symbols_valid(const struct symbol_table *table, u64 bytes)
{
	u64 entries_bytes;

	if (bytes < sizeof(*table) || table->magic != SYMBOLS_MAGIC)
		return false;
	entries_bytes = table->count * sizeof(table->symbol[0]);
	if (!range_within(entries_bytes, table->names_bytes, bytes - sizeof(*table)))
		return false;
	for (u32 i = 0; i < table->count; i++) {
		if (table->symbol[i].name >= table->names_bytes)
			return false;
		if (i > 0 && table->symbol[i].offset < table->symbol[i - 1].offset)
			return false;
	}
	return table->count == 0 || symbols_names(table)[table->names_bytes - 1] == '\0';
}

bool symbols_find(const struct symbol_table *table, const char *name, u64 *offset)
{
	for (u32 i = 0; i < table->count; i++) {
		if (string_equal(symbols_names(table) + table->symbol[i].name, name)) {
			*offset = table->symbol[i].offset;
			return true;
		}
	}
	return false;
}
