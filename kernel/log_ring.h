/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "kernel/abi/pages.h"

#define LOG_RING_ENTRIES 1024u

/* One CPU's ring in whole pages, so that ring 3 can map it and nothing else. */
struct log_memory {
	union {
		struct log_ring ring;
		u8 bytes[(sizeof(struct log_ring) + LOG_RING_ENTRIES * sizeof(struct log_entry) +
			  PAGE_MASK) & ~PAGE_MASK];
	};
};

extern struct log_memory log_memory_boot;

const struct log_ring *log_ring_of(u32 cpu);
