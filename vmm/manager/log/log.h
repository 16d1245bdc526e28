/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "lib/status.h"
#include "vmm/manager/log/log_cost.h"
#include "vmm/manager/log/log_store.h"

/*
 * The one log of Skerry: the kernel's entries, the monitors' lines and the manager's own messages.
 * A line that reaches its category's level is kept; lines of the category audit always are, in a
 * store of their own, so that no flood of other lines and no `log clear` removes them.
 */
struct log_stats {
	u64 line_count; /* number of lines ever kept */
	/*
	 * number of messages and monitors' lines that were below their category's level and not
	 * kept
	 */
	u64 below_count;
	u64 kernel_entries;
	/* number of entries overwritten in the kernel's ring before the manager read them */
	u64 kernel_lost;
	u64 monitor_lines;
	u64 monitor_dropped;	 /* number of monitors' lines that the rate limit has dropped */
	u64 messages;		 /* number of the manager's own lines */
	struct log_cost kernel;	 /* cost of taking the kernel's entries */
	struct log_cost message; /* cost of keeping the manager's and the monitors' lines */
	struct log_cost export;	 /* cost of making lines for a serial port */
};

/* Functions of other parts of the manager that the log calls. */
struct log_hooks {
	/* Returns the name of the VM whose id has these low bits, or "". */
	const char *(*vm_name)(u16 low_id);
	/*
	 * Returns whether another part of the manager (the profile) has taken the kernel's entry,
	 * so that it is no line of the log.
	 */
	bool (*take_entry)(const struct log_entry *entry, struct text pattern);
};

enum status log_init(void) MUST_CHECK;
/* Sets the hooks; without them lines name no VM, and every entry is a line. */
void log_hooks_set(const struct log_hooks *hooks);

/*
 * Resizes the store of lines other than the audit's, and keeps the lines that still fit. Fails
 * without effect: STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status log_store_resize(u32 segment_count, u32 segment_bytes, u64 age_ns) MUST_CHECK;

/* Logs a message of the manager. `vm` is the name of the VM it is about, or "". */
void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...) PRINTF_LIKE(4, 5);

/*
 * Sets the actor with which audit lines begin from now on: "console", "machine channel",
 * "configuration". NULL means the manager itself. The text must stay valid.
 */
void log_actor_set(const char *actor);

/* Logs a line that a VM's monitor has written within its rate limit. */
void log_monitor_line(const char *vm, struct text text);
void log_monitor_dropped(u64 count);

/*
 * Takes the log entries that the kernel has written since the last call, some thousand entries at
 * most.
 */
void log_take_kernel(void);
/* Returns whether the last call of log_take_kernel left some entries. */
bool log_behind(void);
/*
 * Returns the TSC by which log_take_kernel has to be called again, since the kernel wakes no reader
 * for entries of level debug.
 */
u64 log_deadline(void);

/*
 * Sets the lowest level of kept lines for a category, or for all (LOG_CATEGORY_COUNT);
 * LOG_LEVEL_COUNT is off. Passes the level on to the kernel.
 */
void log_level_set(u32 category, u32 level);
u32 log_level_get(enum log_category category);

/* A reader's position in both stores of lines; all zero: before the oldest line. */
struct log_reader {
	struct log_cursor lines;
	struct log_cursor audit;
};

/* Returns the reader's next line, by sequence, valid until a line is added; false at the end. */
bool log_next(struct log_reader *reader, struct log_line *line);
/*
 * Returns how many lines were overwritten before the reader got to them; to be called before
 * log_next.
 */
u64 log_overtaken(struct log_reader *reader);

/*
 * Return the two stores of lines: the audit's lines, and all others. Rotating or clearing the log
 * does not touch the audit's.
 */
struct log_store *log_lines(void);
const struct log_store *log_audit_lines(void);
struct log_stats *log_stats(void);

/*
 * Returns the TSC cycles that the kernel spent on writing its entries, extrapolated from a sample.
 */
u64 log_kernel_write_tsc(void);
/* Returns the number of entries that the kernel has written since it started. */
u64 log_kernel_written(void);
