/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The levels of entries; as a category's threshold, LOG_LEVEL_COUNT keeps no entry. */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_LEVEL_COUNT };

/* clang-format off */
enum log_category {
	LOG_BOOT, LOG_CPU, LOG_MEMORY, LOG_VIRT, LOG_SCHED, LOG_PROCESS, LOG_VM, LOG_DEVICE,
	LOG_CONSOLE, LOG_CONFIG, LOG_AUDIT,
	LOG_CATEGORY_COUNT
};
/* clang-format on */

#define LOG_ARGUMENTS 5

/*
 * The number of a ring's entries for each one that is timed, so that the cost of logging is known
 * at hardly any cost.
 */
#define LOG_SAMPLE_EVERY 16

/*
 * One event of the kernel's log, of fixed size; the reader makes its text from the format and the
 * arguments.
 */
struct log_entry {
	/*
	 * the entry's number, from 1 on; it is written last, so that the right number means a
	 * complete entry
	 */
	u64 sequence;
	u64 tsc;
	u16 format; /* byte offset of the format text in START_LOG_FORMATS */
	u16 vm;	    /* low bits of the GROUP_TAG of the thread that ran; 0: none */
	u8 cpu;
	u8 level;
	u8 category;
	u8 argument_count;
	u64 argument[LOG_ARGUMENTS];
};
_Static_assert(sizeof(struct log_entry) == 64, "a cache line");

/*
 * One CPU's ring, read-only to the reader. The writer increments `written`, whose new value is the
 * entry's sequence, fills entry (sequence - 1) % capacity and sets that entry's sequence last; the
 * reader copies the entry, then checks the sequence.
 */
struct log_ring {
	u64 written;  /* entries ever written */
	u32 capacity; /* a power of two */
	u32 reserved;
	/* TSC cycles spent on writing the entries that were timed (LOG_SAMPLE_EVERY) */
	u64 sampled_tsc;
	u64 pad[5];
	struct log_entry entry[];
};
