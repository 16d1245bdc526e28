/* SPDX-License-Identifier: MIT */
/*
 * vmm/manager/log/log_kernel.c, which reads the kernel's log rings: in any state in which a writer
 * can leave them meanwhile, and however far behind it is. Proved: no access outside a ring.
 */
#include "tests/verify/frama.h"

#include "vmm/manager/log/log_kernel.c"

#define ENTRIES 16u /* a power of two */

_Static_assert(sizeof(struct log_ring) == sizeof(struct log_entry), "an entry's place");
static struct log_entry block[1 + ENTRIES];

void prove_take(void)
{
	struct log_ring *ring = (void *)block;
	struct log_entry oldest;
	u64 lost = 0;

	Frama_C_make_unknown((char *)block, sizeof(block));
	ring->capacity = ENTRIES;
	rings[0] = ring;
	ring_count = 1;
	ring->written = ANY_U64;
	taken[0] = ANY_U64;
	(void)log_kernel_take(&oldest, &lost);
}
