/* SPDX-License-Identifier: MIT */
#include "kernel/symbols.h"
#include "lib/symbols.h"

extern const char __image_start[];
extern const char __image_end[];
extern const char blob_symbols_start[];

const char *symbol_name(u64 address, u64 *distance)
{
	u64 base = (u64)__image_start;

	if (address < base || address >= (u64)__image_end)
		return NULL;
	return symbols_name((const struct symbol_table *)blob_symbols_start, address - base,
			    distance);
}
