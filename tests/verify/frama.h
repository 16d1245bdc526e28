/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What Frama-C needs to read the sources that ship: atomic builtins as they act on a single CPU,
 * the overflow builtins in standard C, values that can be anything.
 */
#define __atomic_load_n(pointer, order)		  (*(pointer))
#define __atomic_store_n(pointer, value, order)	  ((void)(*(pointer) = (value)))
#define __atomic_fetch_add(pointer, value, order) ((*(pointer) += (value)) - (value))
#define __atomic_add_fetch(pointer, value, order) (*(pointer) += (value))
#define __atomic_sub_fetch(pointer, value, order) (*(pointer) -= (value))
#define __atomic_fetch_or(pointer, value, order)  ((void)(*(pointer) |= (value)))
#define __atomic_compare_exchange_n(pointer, expected, desired, weak, success, failure)            \
	(*(pointer) == *(expected) ? (*(pointer) = (desired), true)                                \
				   : (*(expected) = *(pointer), false))
#define __atomic_thread_fence(order)	     ((void)0)
#define __builtin_add_overflow(a, b, result) ((*(result) = (a) + (b)) < (a))

/* Stands in for __int128, which only mul_div needs; nothing here calls that. */
#define __int128 long
#define __builtin_ia32_pause() ((void)0)

#include "__fc_builtin.h"

#include "lib/types.h"

/*
 * The functions of string.h with bodies: without a body they would write anything, and check
 * nothing.
 */
void *memcpy(void *to, const void *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}
#define __builtin_memcpy(to, from, count) memcpy(to, from, count)

void *memset(void *to, int value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((u8 *)to)[i] = (u8)value;
	return to;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length] != 0)
		length++;
	return length;
}

size_t strnlen(const char *text, size_t most)
{
	size_t length = 0;

	while (length < most && text[length] != 0)
		length++;
	return length;
}

/* Does what index_masked's assembly does. */
#define index_masked index_masked_by_assembly
#include "lib/index.h"
#undef index_masked
static inline u64 index_masked(u64 index, u64 size)
{
	return index < size ? index : 0;
}

#define ANY_U8		  ((u8)Frama_C_interval(0, 255))
#define ANY_U16		  ((u16)Frama_C_interval(0, 65535))
#define ANY_U32		  Frama_C_unsigned_int_interval(0, ~0u)
#define ANY_U64		  Frama_C_unsigned_long_interval(0, ~0ul)
#define ANY_OF(low, high) Frama_C_interval(low, high)
#define ANY_BOOL	  (Frama_C_interval(0, 1) != 0)
#define ANY_POINTER(a, b) Frama_C_nondet_ptr(a, b)
