/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define SYMBOLS_MAGIC 0x736c6f626d795373ull

struct symbol {
	u32 offset; /* bytes from the image's first byte */
	u32 name;   /* offset in bytes of the symbol's name in the names behind the entries */
};

/*
 * An image's functions and objects by address; their names follow the entries, each ended by 0. In
 * a DEBUG build source lines follow, at the next multiple of 8: line_count entries of struct
 * symbol_line (vmm/manager/inspect/symbols.c), then the file names.
 */
struct symbol_table {
	u64 magic; /* SYMBOLS_MAGIC */
	u64 base;  /* link address of the image's first byte */
	u32 count;
	u32 names_bytes;
	u32 line_count; /* 0: the table has no lines */
	u32 files_bytes;
	struct symbol symbol[]; /* sorted by offset */
};

/* Returns the symbols' names, which follow the table's entries. */
static inline const char *symbols_names(const struct symbol_table *table)
{
	return (const char *)&table->symbol[table->count];
}

/*
 * Returns the name of the last symbol at or below offset, and in *distance how many bytes above the
 * symbol offset lies; NULL if there is none.
 */
const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance);
