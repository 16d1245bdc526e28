/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Prints the text of a panic, or of an exception while booting, straight to COM1. Of printf's
 * conversions it knows %s, %u, %x, %lu and %lx, with '#' and a width, to which numbers are padded
 * with zeros.
 */
void print(const char *text, ...) PRINTF_LIKE(1, 2);
void print_va(const char *text, va_list arguments);
