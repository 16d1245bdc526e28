/* SPDX-License-Identifier: MIT */
/*
 * The parser of saved states: any bytes, of any number up to some. Proved: no access outside them.
 */
#include "tests/verify/frama.h"

#include "vmm/monitor/state/record.c"
#include "vmm/rt/crc32c.c"

#define BYTES 192u /* a header, and up to two records */

static u64 state[BYTES / sizeof(u64)];

void prove_parse(void)
{
	struct state_problem problem;
	size_t size = (size_t)ANY_OF(0, BYTES);

	//@ split size;
	Frama_C_make_unknown((char *)state, sizeof(state));
	if (state_parse(state, size, &problem))
		(void)state_sum(state, size);
}
