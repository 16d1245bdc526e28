/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Formats as snprintf does: into buffer[size], cut to fit, terminated when size > 0; returns the
 * length that the whole text has. Known: %d %u %x %X %c %s %%, flags '-' '0' '#', width and
 * precision (also '*'), length l ll z. `%s` of NULL gives "(null)".
 */
size_t format(char *buffer, size_t size, const char *pattern, ...) PRINTF_LIKE(3, 4);
size_t format_va(char *buffer, size_t size, const char *pattern, va_list arguments);
