/* SPDX-License-Identifier: MIT */
/*
 * Prints the last entries of a CPU's log on COM1 when the kernel panics. arch/x86_64/cpu/panic.c
 * calls it through `panic_print_log`, which boot/init sets. It only reads the ring, may run at any
 * instruction, and takes no lock.
 */
#include "arch/x86_64/cpu/print.h"
#include "kernel/log/log_ring.h"

#define LOG_SHOWN 12

extern const char __logfmt_start[];

void log_last_print(u32 cpu)
{
	const struct log_ring *ring = log_ring_of(cpu);
	u64 last = ring->written;
	u64 first = last > LOG_SHOWN ? last - LOG_SHOWN : 0;

	print("last log entries:\n");
	for (u64 i = first; i < last; i++) {
		const struct log_entry *entry = &ring->entry[i & (ring->capacity - 1)];
		const u64 *a = entry->argument;

		if (entry->sequence != i + 1)
			continue;
		print("  %lu ", entry->tsc);
		/* The format is the kernel's own literal. */
		print(__logfmt_start + entry->format, a[0], a[1], a[2], a[3], a[4]);
		print("\n");
	}
}
