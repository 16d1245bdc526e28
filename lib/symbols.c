/* SPDX-License-Identifier: MIT */
#include "lib/symbols.h"
#include "lib/checked.h"
#include "lib/string.h"

static const char *names(const struct symbol_table *table)
{
	return (const char *)&table->symbol[table->count];
}

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
	return table->count == 0 || names(table)[table->names_bytes - 1] == '\0';
}

const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance)
{
	u32 low = 0;
	u32 high = table->count;

	/* The first symbol above offset. */
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
	return names(table) + table->symbol[low - 1].name;
}

bool symbols_find(const struct symbol_table *table, const char *name, u64 *offset)
{
	for (u32 i = 0; i < table->count; i++) {
		if (string_equal(names(table) + table->symbol[i].name, name)) {
			*offset = table->symbol[i].offset;
			return true;
		}
	}
	return false;
}
