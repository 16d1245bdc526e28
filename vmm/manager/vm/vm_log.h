/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define VM_LOG_LINE_BYTES   160u
#define VM_LOG_RATE_DEFAULT 20u

struct vm;

/* How far the manager has read a monitor's log lines, and how many more the monitor may write. */
struct vm_log {
	u32 read;   /* free-running, as the channel's log_written */
	u32 length; /* of the line being put together */
	char line[VM_LOG_LINE_BYTES];
	u64 filled_tsc; /* when tokens were last added */
	u32 tokens;     /* lines that may still be written */
	u64 dropped;    /* lines dropped since the last one kept */
	u64 dropped_all;
};

/* Lines a second that each monitor may write; bursts of ten times as many. */
void vm_log_rate_set(u32 lines_per_second);

/* A new monitor begins with an empty ring; its budget is the old one's. */
void vm_log_restart(struct vm_log *log);

/* Whether one more line is within its rate limit; it counts as written then. */
bool vm_log_allows(struct vm *vm);

/* Takes the lines the monitor has written since, within its rate limit. */
void vm_log_take(struct vm *vm);
