/* SPDX-License-Identifier: MIT */
/*
 * Ring 0's only parser of what a guest supplies: the finder of instruction lengths, over any bytes
 * of any number in every mode. Proved: it reads no byte that is not there; the length is 15 or
 * less.
 */
#include "tests/verify/frama.h"

#include "lib/x86/length.c"
#include "lib/x86/prefix.c"

static void prove(enum x86_mode mode)
{
	u8 bytes[X86_LENGTH_MAX];
	size_t there = (size_t)ANY_OF(0, X86_LENGTH_MAX);
	size_t length;

	//@ split there;
	Frama_C_make_unknown((char *)bytes, sizeof(bytes));
	length = x86_length_of_exit(bytes + X86_LENGTH_MAX - there, there, mode);
	//@ assert length <= 15;
}

void prove_16(void)
{
	prove(X86_MODE_16);
}

void prove_32(void)
{
	prove(X86_MODE_32);
}

void prove_64(void)
{
	prove(X86_MODE_64);
}
