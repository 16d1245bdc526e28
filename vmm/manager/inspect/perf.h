/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "kernel/abi/pages.h"
#include "vmm/manager/text/text.h"

/*
 * A sampling profile of the kernel, the monitors and the manager. Channel 0 of the host's PIT,
 * which nothing else uses, interrupts every CPU by an NMI; the kernel logs where each hit, and what
 * is logged comes here instead of into the log.
 */
#define PERF_HZ	      499u /* in step with no other timer */
#define PERF_ROWS_MAX 1024u
#define PERF_NOT_A_VM 0xffffffffu

/* Samples in one function, or in a guest. */
struct perf_row {
	u32 vm_id;  /* whose monitor or guest; 0: the manager, PERF_NOT_A_VM: the kernel */
	u32 symbol; /* offset of the function into the image */
	bool guest;
	u64 count;
};

struct perf_profile {
	u64 samples;
	u64 cpu_samples[CPU_MAX];
	u64 lost; /* in more functions than there are rows */
	u64 began_tsc;
	u64 tsc; /* that it took */
	u32 row_count;
	struct perf_row row[PERF_ROWS_MAX]; /* after recording, most samples first */
};

/* Starts a new profile. NULL on success, else why not, in words. */
const char *perf_start(u64 duration_tsc);
bool perf_recording(void);
u64 perf_deadline(void);
/* Ends the recording when it is time: at the TSC perf_deadline at the latest. */
void perf_step(void);

/* Takes an entry of the kernel's log: true when it was a sample, which the log does not keep. */
bool perf_take(const struct log_entry *entry, struct text pattern);

/* The last profile; its rows are in order when none is being recorded. */
const struct perf_profile *perf_profile(void);
