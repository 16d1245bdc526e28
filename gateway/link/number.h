/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/base/buffer.h"

/*
 * Copies JSON, with each number that is too large for jansson as a string: Skerry's numbers have 64
 * bits without a sign, jansson's have a sign, and one large number, such as a guest's register,
 * would make it refuse the whole line. Returns false if there is no such number.
 */
bool number_quote(const char *text, size_t count, struct buffer *to);
