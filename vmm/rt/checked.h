/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Each function returns false, leaving *result undefined, if the true result does not fit in 64
 * bits.
 */
static inline bool checked_add(u64 a, u64 b, u64 *result)
{
	return !__builtin_add_overflow(a, b, result);
}

static inline bool checked_mul(u64 a, u64 b, u64 *result)
{
	return !__builtin_mul_overflow(a, b, result);
}
