/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/text.h"

#define LOG_STORE_BYTES 262144u
#define LOG_VM_BYTES 31u
#define LOG_TEXT_BYTES 200u

/* One line of the log as a reader sees it. The texts are printable ASCII only. */
struct log_line {
	u64 sequence; /* from 1 */
	u64 time_ns;  /* since the kernel started */
	u8 cpu;
	u8 level;     /* enum log_level */
	u8 category;  /* enum log_category */
	struct text vm; /* "" when it is about none */
	struct text text;
};

/* A reader's place. All zero: before the oldest line. */
struct log_cursor {
	u64 sequence; /* of the line to be read next */
	u64 position;
};

/*
 * The lines kept, in a byte ring: the oldest give way. Lines are added and read by one thread; a
 * line handed out stays valid until the next log_store_add.
 */
struct log_store {
	u64 written; /* free-running positions of the ring */
	u64 oldest;
	u64 oldest_sequence;
	u64 next_sequence;
	u64 added_bytes;
	u8 bytes[LOG_STORE_BYTES] ALIGNED(8);
};

void log_store_init(struct log_store *store);

/* Texts are cut to the limits above and cleaned: what is not printable ASCII becomes '?'. */
void log_store_add(struct log_store *store, const struct log_line *line);

/*
 * The line at the cursor, which moves on behind it; false at the end. *lost counts lines that gave
 * way since the cursor was last used (it is added to; never for a cursor of all zero).
 */
bool log_store_next(const struct log_store *store, struct log_cursor *cursor,
		    struct log_line *line, u64 *lost);

/* Drops every line; cursors stay usable. */
void log_store_clear(struct log_store *store);
