/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the fuzz targets share: taking the input apart, and reporting a failure (CHECK_THAT, or the
 * assertions of a unit test's fixture: both end the process).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/types.h"

int LLVMFuzzerInitialize(int *argument_count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define CHECK_THAT(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Outside a cmocka test a fixture's failed assertion aborts only if this is set. */
int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
	(void)argument_count;
	(void)arguments;
	return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

/* The bytes not yet taken; past their end zeros are read. */
struct fuzz {
	const u8 *bytes;
	size_t left;
};

static UNUSED void fuzz_take(struct fuzz *fuzz, void *to, size_t count)
{
	size_t there = count < fuzz->left ? count : fuzz->left;

	memset(to, 0, count);
	memcpy(to, fuzz->bytes, there);
	fuzz->bytes += there;
	fuzz->left -= there;
}

#define FUZZ_INTEGER(type)                                                                         \
	static UNUSED type fuzz_##type(struct fuzz *fuzz)                                          \
	{                                                                                          \
		type value;                                                                        \
                                                                                                   \
		fuzz_take(fuzz, &value, sizeof(value));                                            \
		return value;                                                                      \
	}
FUZZ_INTEGER(u8)
FUZZ_INTEGER(u16)
FUZZ_INTEGER(u32)
FUZZ_INTEGER(u64)

/* A number of a size that the input chooses: small numbers and the ends of ranges are frequent. */
static UNUSED u64 fuzz_number(struct fuzz *fuzz)
{
	u8 shape = fuzz_u8(fuzz);

	switch (shape >> 5) {
	case 0:
		return shape & 31;
	case 1:
		return fuzz_u8(fuzz);
	case 2:
		return fuzz_u16(fuzz);
	case 3:
		return fuzz_u32(fuzz);
	case 4:
		return 1ull << (2 * (shape & 31));
	case 5:
		return (1ull << (2 * (shape & 31))) - 1;
	case 6:
		return ~(u64)(shape & 31);
	default:
		return fuzz_u64(fuzz);
	}
}

/*
 * Returns the rest of the input in a block of exactly its size, so that ASan catches a byte beyond
 * it.
 */
static UNUSED u8 *fuzz_rest(struct fuzz *fuzz, size_t *size)
{
	u8 *copy = malloc(fuzz->left == 0 ? 1 : fuzz->left);

	*size = fuzz->left;
	fuzz_take(fuzz, copy, fuzz->left);
	return copy;
}
