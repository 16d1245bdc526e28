/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "lib/status.h"
#include "vmm/manager/log/log_cost.h"
#include "vmm/manager/log/log_store.h"

/*
 * The one log of the machine: the kernel's entries, the monitors' lines and the manager's own
 * messages. What reaches its category's level is kept; the category audit always is, in a store of
 * its own, so that no flood of other lines and no `log clear` takes it away.
 */
struct log_stats {
	u64 line_count;      /* ever kept */
	u64 below_count;     /* messages and monitors' lines below their category's level */
	u64 kernel_entries;
	u64 kernel_lost;     /* overwritten in the kernel's ring before they were read */
	u64 monitor_lines;
	u64 monitor_dropped; /* by the rate limit */
	u64 messages;        /* the manager's own */
	struct log_cost kernel;	 /* of taking in kernel entries */
	struct log_cost message; /* of the manager's own and the monitors' */
	struct log_cost export;	 /* of making lines for a serial port */
};

/* What the log asks of others. */
struct log_hooks {
	/* Of the VM whose id has these low bits, "" for none. */
	const char *(*vm_name)(u16 low_id);
	/* True: the kernel's entry is no line of the log, but was for somebody else. */
	bool (*take_entry)(const struct log_entry *entry, struct text pattern);
};

enum status log_init(void) MUST_CHECK;
/* Without them lines name no VM, and each entry is one. */
void log_hooks_set(const struct log_hooks *hooks);

/*
 * Resizes the store; the lines that still fit are kept. Fails without effect: STATUS_NO_MEMORY,
 * STATUS_NO_QUOTA.
 */
enum status log_store_resize(u32 segment_count, u32 segment_bytes, u64 age_ns) MUST_CHECK;

/* The manager's own. `vm` is the name of the VM it is about, "" for none. */
void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...) PRINTF_LIKE(4, 5);

/*
 * Who acts from now on; audit lines begin with it: "console", "machine channel", "configuration".
 * NULL: the manager itself. The text must stay valid.
 */
void log_actor_set(const char *actor);

/* A line of a monitor's, already within its rate limit. */
void log_monitor_line(const char *vm, struct text text);
void log_monitor_dropped(u64 count);

/* Takes in what the kernel has written since, some thousand entries at most. */
void log_take_kernel(void);
/* Whether that left some behind. */
bool log_behind(void);
/* The TSC at which it must be done again at the latest: entries of level debug wake nobody. */
u64 log_deadline(void);

/* LOG_CATEGORY_COUNT: every category; LOG_LEVEL_COUNT: off. The kernel is told as well. */
void log_level_set(u32 category, u32 level);
u32 log_level_get(enum log_category category);

/* A reader's place in both stores. All zero: before the oldest line. */
struct log_reader {
	struct log_cursor lines;
	struct log_cursor audit;
};

/* The next line by sequence, valid until a line is added; false at the end. */
bool log_next(struct log_reader *reader, struct log_line *line);
/* How many lines gave way before the reader got to them; to be called before log_next. */
u64 log_overtaken(struct log_reader *reader);

/* All lines but the audit's, which rotating or clearing these does not touch. */
struct log_store *log_lines(void);
const struct log_store *log_audit_lines(void);
struct log_stats *log_stats(void);

/* Cycles that the kernel spent on writing its entries: a sample, extrapolated. */
u64 log_kernel_write_tsc(void);
/* Entries that the kernel has written since it started. */
u64 log_kernel_written(void);
