/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "gateway/base/buffer.h"

/*
 * Skerry's numbers are of 64 bits without a sign, jansson's have one: a guest's register, or what a
 * guest says of itself, would make a whole line none. Copies JSON, with each such number as a
 * string; false: there is none.
 */
bool number_quote(const char *text, size_t count, struct buffer *to);
