/* SPDX-License-Identifier: MIT */
#pragma once

/* A store of log lines: segments of one size in a ring, with cursors for readers. */
#include "lib/status.h"
#include "vmm/manager/text/text.h"

#define LOG_SEGMENTS_MAX	  64u
#define LOG_SEGMENT_BYTES_MIN	  4096u
#define LOG_SEGMENTS_DEFAULT	  4u
#define LOG_SEGMENT_BYTES_DEFAULT 65536u
#define LOG_VM_BYTES		  31u
#define LOG_TEXT_BYTES		  200u
#define LOG_CHAIN_BYTES		  32u

/* A line of the log for readers. The texts are printable ASCII only. */
struct log_line {
	u64 sequence; /* number in the whole log, from 1 */
	u64 time_ns;  /* the time at which the line was logged, since the kernel started */
	u8 cpu;
	u8 level;	/* enum log_level */
	u8 category;	/* enum log_category */
	struct text vm; /* the VM that the line is about; "": none */
	struct text text;
	/*
	 * the hash, LOG_CHAIN_BYTES long, of this line and all lines before; NULL: lines have none
	 */
	const u8 *chain;
};

/* A reader's position in a store; all zero: before the oldest line. */
struct log_cursor {
	u64 index; /* number of the next line to read, from 1 */
	u64 segment;
	u32 position; /* offset of the next line in its segment */
};

/* A segment of a store: a piece of memory whose lines are dropped together. */
struct log_segment {
	u64 first_index;
	u64 first_ns;
	u64 last_ns;
	u32 line_count;
	u32 bytes;
};

/*
 * The lines kept, in segments of one size: lines go to the newest; when it is full or too old the
 * next one begins, and when there is no other left the oldest is dropped as a whole. Lines are
 * added and read by one thread; a line returned stays valid until the next log_store_add.
 */
struct log_store {
	u8 *bytes; /* the memory of all segments; segment n lies at n % segment_count */
	u32 segment_bytes;
	u32 segment_count;
	u64 age_ns; /* a segment is closed once its first line has this age, in ns; 0: never */
	bool chained;
	u8 chain[LOG_CHAIN_BYTES]; /* hash of the last line and all lines before */

	struct log_segment segment[LOG_SEGMENTS_MAX];
	u64 oldest; /* number of the oldest segment; the first one has the number 1 */
	u64 newest;
	u64 next_index;
	u64 added_bytes;
	u64 overwritten_count; /* number of lines that were dropped with their segments */
};

/*
 * Makes an empty store in `bytes`, segment_count * segment_bytes of them, 8-byte aligned. There are
 * at least 2 segments, at most LOG_SEGMENTS_MAX, of at least LOG_SEGMENT_BYTES_MIN, a multiple of
 * 8.
 */
void log_store_init(struct log_store *store, void *bytes, u32 segment_count, u32 segment_bytes,
		    u64 age_ns);

/*
 * Hashes each line of the store with all lines before it, from now on (log_chain.h); to be called
 * while the store is empty.
 */
void log_store_chain(struct log_store *store);

/*
 * Adds a line. Its texts are cut to the limits above; characters other than printable ASCII become
 * '?'.
 */
void log_store_add(struct log_store *store, const struct log_line *line);

/*
 * Sets *line to the line at the cursor, and moves the cursor past it. Returns false at the end.
 */
bool log_store_next(const struct log_store *store, struct log_cursor *cursor,
		    struct log_line *line);

/*
 * Moves a cursor whose lines were dropped to the oldest line; returns how many lines it has missed
 * (0 for a cursor of all zero). log_store_next does the same silently.
 */
u64 log_store_catch_up(const struct log_store *store, struct log_cursor *cursor);

/* Begins a new segment of the store; returns false if the newest one is still empty. */
bool log_store_rotate(struct log_store *store);

/* Drops every line of the store; cursors stay usable. */
void log_store_clear(struct log_store *store);

u64 log_store_line_count(const struct log_store *store);
u64 log_store_bytes(const struct log_store *store);
/* Returns the segment of that number, from `oldest` to `newest`. */
const struct log_segment *log_store_segment(const struct log_store *store, u64 number);
