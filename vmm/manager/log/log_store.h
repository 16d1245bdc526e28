/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "vmm/manager/text/text.h"

#define LOG_SEGMENTS_MAX      64u
#define LOG_SEGMENT_BYTES_MIN 4096u
#define LOG_SEGMENTS_DEFAULT 4u
#define LOG_SEGMENT_BYTES_DEFAULT 65536u
#define LOG_VM_BYTES	      31u
#define LOG_TEXT_BYTES	      200u
#define LOG_CHAIN_BYTES		  32u

/* One line of the log as a reader sees it. The texts are printable ASCII only. */
struct log_line {
	u64 sequence; /* of the whole log, from 1 */
	u64 time_ns;  /* since the kernel started */
	u8 cpu;
	u8 level;     /* enum log_level */
	u8 category;  /* enum log_category */
	struct text vm; /* "" when it is about none */
	struct text text;
	const u8 *chain; /* LOG_CHAIN_BYTES: the hash of it and of all before; NULL: none */
};

/* A reader's place. All zero: before the oldest line. */
struct log_cursor {
	u64 index; /* of the line to be read next, from 1 */
	u64 segment;
	u32 position; /* in the segment */
};

/* A piece of the store: its lines are dropped together. */
struct log_segment {
	u64 first_index;
	u64 first_ns;
	u64 last_ns;
	u32 line_count;
	u32 bytes;
};

/*
 * The lines kept, in segments of one size: lines go to the newest; when it is full or too old the
 * next one begins, and when there is no other left the oldest gives way as a whole. Lines are added
 * and read by one thread; a line handed out stays valid until the next log_store_add.
 */
struct log_store {
	u8 *bytes; /* of all segments; segment n lies at n % segment_count */
	u32 segment_bytes;
	u32 segment_count;
	u64 age_ns; /* a segment whose first line is older takes no more; 0: never too old */
	bool chained;
	u8 chain[LOG_CHAIN_BYTES]; /* of the last line */

	struct log_segment segment[LOG_SEGMENTS_MAX];
	u64 oldest; /* segments are numbered from 1 */
	u64 newest;
	u64 next_index;
	u64 added_bytes;
	u64 overwritten_count; /* lines that gave way */
};

/*
 * An empty store in `bytes`, segment_count * segment_bytes of them, 8-byte aligned. At least 2
 * segments, at most LOG_SEGMENTS_MAX; at least LOG_SEGMENT_BYTES_MIN in each, a multiple of 8.
 */
void log_store_init(struct log_store *store, void *bytes, u32 segment_count, u32 segment_bytes,
		    u64 age_ns);

/* Lines form a chain from now on (log_chain.h). To be called while there is none. */
void log_store_chain(struct log_store *store);

/* Texts are cut to the limits above and cleaned: what is not printable ASCII becomes '?'. */
void log_store_add(struct log_store *store, const struct log_line *line);

/* The line at the cursor, which moves past it; false at the end. */
bool log_store_next(const struct log_store *store, struct log_cursor *cursor,
		    struct log_line *line);

/*
 * Puts a cursor that was overtaken on the oldest line; returns how many lines gave way since it was
 * last used (0 for a cursor of all zero). log_store_next does the same silently.
 */
u64 log_store_catch_up(const struct log_store *store, struct log_cursor *cursor);

/* Begins a segment; false when the newest one is still empty. */
bool log_store_rotate(struct log_store *store);

/* Drops every line; cursors stay usable. */
void log_store_clear(struct log_store *store);

u64 log_store_line_count(const struct log_store *store);
u64 log_store_bytes(const struct log_store *store);
/* A segment from `oldest` to `newest`. */
const struct log_segment *log_store_segment(const struct log_store *store, u64 number);
