/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Overwrites bytes that must not stay in memory; no compiler removes the writes. */
void secret_forget(void *bytes, size_t count);
/* Returns whether the bytes are equal, in time independent of where they differ. */
bool secret_same(const u8 *a, const u8 *b, size_t count) MUST_CHECK;
