/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

/*
 * Returns the bytes of a size such as 64M, 1G or 65536K; ends the program if the word is no size.
 */
json_int_t state_size_of(const char *word);
