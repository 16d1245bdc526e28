/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Overwrites what must not stay in memory; no compiler leaves it out. */
void secret_forget(void *bytes, size_t count);
/* Whether they are the same; takes as long wherever they differ. */
bool secret_same(const u8 *a, const u8 *b, size_t count) MUST_CHECK;
