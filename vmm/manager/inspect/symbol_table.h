/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/symbols.h"

/* Whether `bytes` at table hold a whole table; look-ups trust it from then on. */
bool symbols_valid(const struct symbol_table *table, u64 bytes);

/* The offset of a symbol of that name; false when there is none. */
bool symbols_find(const struct symbol_table *table, const char *name, u64 *offset);
