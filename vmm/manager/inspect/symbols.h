/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/inspect/symbol_table.h"

/* The images that are part of Skerry's image. */
enum symbol_image { SYMBOLS_KERNEL, SYMBOLS_MONITOR, SYMBOLS_MANAGER, SYMBOLS_COUNT };

/* Returns an image's table, or NULL if there is none. */
const struct symbol_table *symbols_of(enum symbol_image image);

/*
 * Returns the source file and line of code at an offset, or NULL if it is not known (no DEBUG
 * build).
 */
const char *symbols_line(const struct symbol_table *table, u64 offset, u32 *line);
