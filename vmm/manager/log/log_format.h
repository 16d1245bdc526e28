/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/*
 * Writes the text of a kernel log entry: `pattern` with each %u %d %x %X %p %c (flags, width;
 * length modifiers are skipped, every argument has 64 bits) replaced by the next argument. Neither
 * pattern nor count is trusted: a conversion without an argument or of another kind is copied
 * unchanged. Returns the length; the text is cut to size - 1 and terminated.
 */
size_t log_format(char *buffer, size_t size, struct text pattern, const u64 *arguments, u32 count);
