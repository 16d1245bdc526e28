/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/symbols.h"

/* Returns whether `bytes` at the table are a complete one; look-ups trust it from then on. */
bool symbols_valid(const struct symbol_table *table, u64 bytes);

/* Finds a symbol's offset in its image by name; returns false if there is none of that name. */
bool symbols_find(const struct symbol_table *table, const char *name, u64 *offset);
