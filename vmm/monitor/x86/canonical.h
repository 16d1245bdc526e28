/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Returns whether bits 63 to width-1 are all equal (SDM vol. 1, 3.3.7.1); width is 48 or 57. */
static inline bool is_canonical(u64 address, unsigned int width)
{
	return (u64)((s64)(address << (64 - width)) >> (64 - width)) == address;
}
