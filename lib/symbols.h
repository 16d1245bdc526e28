/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define SYMBOLS_MAGIC 0x736c6f626d795373ull

struct symbol {
	u32 offset; /* bytes from the image's first byte */
	u32 name;   /* bytes into the names */
};

/* The kernel's functions and objects by address; names follow the entries, each ended by 0. */
struct symbol_table {
	u64 magic; /* SYMBOLS_MAGIC */
	u64 base;  /* link address of the image's first byte */
	u32 count;
	u32 names_bytes;
	struct symbol symbol[]; /* sorted by offset */
};

/* Whether `bytes` at table hold a whole table; the functions below trust it from then on. */
bool symbols_valid(const struct symbol_table *table, u64 bytes);

/*
 * The name of the last symbol at or below offset, and how far offset lies behind it; NULL when
 * there is none.
 */
const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance);

/* The offset of a symbol of that name; false when there is none. */
bool symbols_find(const struct symbol_table *table, const char *name, u64 *offset);
