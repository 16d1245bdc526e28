/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * Returns the whole number `text` of a query, header or path; `missing` if `text` is NULL, -1 if it
 * is no number or is above `most`.
 */
int64_t number_read(const char *text, int64_t missing, int64_t most);
