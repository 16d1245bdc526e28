/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"

#define LOG_RING_ENTRIES 512u
#define LOG_MEMORY_ORDER 4 /* 64 KiB, enough for one CPU's struct log_memory */

/* One CPU's ring of the log in whole pages, so that ring 3 can map it and nothing else. */
struct log_memory {
	union {
		struct log_ring ring;
		u8 bytes[(sizeof(struct log_ring) + LOG_RING_ENTRIES * sizeof(struct log_entry) +
			  PAGE_MASK) &
			 ~PAGE_MASK];
	};
};

extern struct log_memory log_memory_boot;

/* Gives a CPU its ring of the log before the CPU starts; returns false if there is no memory. */
bool log_ring_create(u32 cpu);
const struct log_ring *log_ring_of(u32 cpu);
/* Prints the last entries of a CPU's ring of the log on COM1, for a panic. */
void log_last_print(u32 cpu);
