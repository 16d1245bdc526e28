/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Formats as snprintf does: into buffer[size], cut to fit, terminated when size > 0; returns the
 * length that the whole text has. Known: %d %i %u %x %X %o %c %s %p %%, flags '-' '0' '+' ' ' '#',
 * width and precision (also '*'), length h hh l ll z j t. No floating point. `%s` of NULL gives
 * "(null)".
 */
size_t format(char *buffer, size_t size, const char *pattern, ...) PRINTF_LIKE(3, 4);
size_t format_va(char *buffer, size_t size, const char *pattern, va_list arguments);
