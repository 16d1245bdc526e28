/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm_log_types.h"

struct vm;

/* Sets how many lines a second each monitor may write; a burst may have ten times as many. */
void vm_log_rate_set(u32 lines_per_second);

/*
 * Starts reading at the empty ring of log bytes of a new monitor; the budget of lines stays that of
 * the VM.
 */
void vm_log_restart(struct vm_log *log);

/* Returns whether the rate limit allows one more line, which then counts as written. */
bool vm_log_allows(struct vm *vm);

/*
 * Copies into the log the lines that the monitor has written since the last call, within its rate
 * limit.
 */
void vm_log_take(struct vm *vm);
