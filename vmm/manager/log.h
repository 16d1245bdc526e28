/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "lib/status.h"
#include "vmm/manager/log_store.h"

/*
 * The one log of the machine: the kernel's entries, the monitors' lines and the manager's own
 * messages, in one store. Kept is what reaches its category's level.
 */
struct log_stats {
	u64 kernel_entries;
	u64 kernel_lost;  /* overwritten in the kernel's ring before they were read */
	u64 monitor_lines;
	u64 monitor_dropped; /* by the rate limit */
	u64 messages;
	u64 tsc;          /* cycles spent on taking in kernel entries */
};

enum status log_init(void) MUST_CHECK;

/* The manager's own. `vm` is the name of the VM it is about, "" for none. */
void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...) PRINTF_LIKE(4, 5);
/* A line of a monitor's, already within its rate limit. */
void log_monitor_line(const char *vm, struct text text);
void log_monitor_dropped(u64 count);

/* Takes in what the kernel has written since. */
void log_take_kernel(void);

/* LOG_CATEGORY_COUNT: every category. The kernel is told as well. */
void log_level_set(u32 category, enum log_level level);
enum log_level log_level_get(enum log_category category);

struct log_store *log_lines(void);
const struct log_stats *log_stats(void);

/* "[    1.234567] 0 info    boot    alpha: text\n"; returns the length. */
size_t log_line_text(const struct log_line *line, char *buffer, size_t size);
/* One JSON object without the newline; 0 when the buffer is too small. */
size_t log_line_json(const struct log_line *line, char *buffer, size_t size);
#define LOG_LINE_TEXT_BYTES 512u
#define LOG_LINE_JSON_BYTES 1024u
