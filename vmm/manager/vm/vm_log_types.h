/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define VM_LOG_LINE_BYTES 160u

/* The place up to which the manager has read a monitor's log, and the monitor's budget of lines. */
struct vm_log {
	u32 read;   /* bytes read; free-running, as log_written is */
	u32 length; /* length of the unfinished line in `line` */
	char line[VM_LOG_LINE_BYTES];
	u64 filled_tsc; /* when tokens were last added */
	u32 tokens;	/* lines that may still be written */
	u64 dropped;	/* lines dropped since the last line that was kept */
	u64 dropped_all;
};
