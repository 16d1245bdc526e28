/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define VM_LOG_LINE_BYTES   160u
#define VM_LOG_RATE_DEFAULT 20u

struct vm;

/* The place up to which the manager has read a monitor's log, and the monitor's budget of lines. */
struct vm_log {
	u32 read;   /* bytes read; free-running, as log_written is */
	u32 length; /* length of the unfinished line in `line` */
	char line[VM_LOG_LINE_BYTES];
	u64 filled_tsc; /* when tokens were last added */
	u32 tokens;	/* lines that may still be written */
	u64 dropped;	/* since the last line that was kept */
	u64 dropped_all;
};

/* Sets how many lines a second each monitor may write; a burst may have ten times as many. */
void vm_log_rate_set(u32 lines_per_second);

/* Starts at the empty ring of a new monitor; the budget of lines stays that of the VM. */
void vm_log_restart(struct vm_log *log);

/* Returns whether the rate limit allows one more line, which then counts as written. */
bool vm_log_allows(struct vm *vm);

/* Takes over the lines that the monitor has written since the last call, within its rate limit. */
void vm_log_take(struct vm *vm);
