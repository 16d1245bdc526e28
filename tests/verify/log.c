/* SPDX-License-Identifier: MIT */
/*
 * kernel/log/log.c: writing to a CPU's log ring after any number of entries. Proved: no access
 * outside the ring, whose size is a power of two.
 */
#include "tests/verify/frama.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"

static struct cpu writer;
static struct cpu_counters counters;
const char __logfmt_start[64];

#define this_cpu() (&writer)
#define rdtsc()	   ANY_U64
#include "kernel/log/log.c"

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	(void)order;
	(void)owner;
	(void)quota;
	(void)pointer;
	return STATUS_NO_MEMORY;
}

void prove_write(void)
{
	u64 arguments[LOG_ARGUMENTS] = {0};

	writer.counters = ANY_BOOL ? (void *)&counters : NULL;
	log_memory_boot.ring.written = ANY_U64;
	for (u32 category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_threshold[category] = ANY_U8;
	log_write(ANY_OF(0, LOG_LEVEL_COUNT - 1), ANY_OF(0, LOG_CATEGORY_COUNT - 1),
		  &__logfmt_start[ANY_OF(0, 63)], arguments, (u32)ANY_OF(0, LOG_ARGUMENTS));
}
