/* SPDX-License-Identifier: MIT */
/*
 * Copies from and to guest memory, for any address and the lengths that are in use; the check of
 * ranges by system calls. Proved: no access outside the RAM, no run-time error.
 */
#include "tests/verify/frama.h"

#include "lib/checked.h"
#include "vmm/monitor/memory/guest_memory.c"

#define RAM_BYTES  4096
#define LENGTH_MAX 64

static u8 ram[RAM_BYTES];

static void regions(struct guest_memory *memory)
{
	*memory = (struct guest_memory){.count = 2, .physical_bits = 40};
	memory->region[0] = (struct guest_region){.gpa = GPA(0), .length = 1024, .host = ram};
	memory->region[1] = (struct guest_region){
		.gpa = GPA(0x100000000), .length = RAM_BYTES - 1024, .host = ram + 1024};
}

void prove_read(void)
{
	struct guest_memory memory;
	u8 buffer[LENGTH_MAX];

	regions(&memory);
	for (u64 length = 0; length <= LENGTH_MAX; length++)
		(void)guest_memory_read(&memory, GPA(ANY_U64), buffer, length);
}

void prove_write(void)
{
	struct guest_memory memory;
	u8 buffer[LENGTH_MAX] = {0};

	regions(&memory);
	for (u64 length = 0; length <= LENGTH_MAX; length++)
		(void)guest_memory_write(&memory, GPA(ANY_U64), buffer, length);
}

/* Proves range_within as system calls use it: a range that it accepts lies inside. */
void prove_range(void)
{
	static u8 array[64];
	u64 large;

	for (u64 start = 0; start <= 64; start++)
		for (u64 length = 1; length <= 65; length++)
			if (range_within(start, length, 64))
				array[start + length - 1] = 1;
	large = ANY_U64;
	if (large > 64 && range_within(large, ANY_U64, 64)) {
		//@ assert \false;
	}
	for (u64 start = 0; start <= 64; start++)
		if (large > 64 && range_within(start, large, 64)) {
			//@ assert \false;
		}
}
