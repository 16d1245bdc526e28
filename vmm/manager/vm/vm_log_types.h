/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define VM_LOG_LINE_BYTES 160u

/* The manager's position in a monitor's ring of log bytes, and the monitor's budget of lines. */
struct vm_log {
	u32 read;   /* number of bytes read; free-running, as log_written is */
	u32 length; /* length of the unfinished line in `line` */
	char line[VM_LOG_LINE_BYTES];
	u64 filled_tsc; /* TSC when tokens were last added */
	u32 tokens;	/* number of lines that the monitor may still write */
	u64 dropped;	/* number of lines dropped since the last line that was kept */
	u64 dropped_all;
};
