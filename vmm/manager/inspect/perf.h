/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "kernel/abi/pages.h"
#include "vmm/manager/text/text.h"

/*
 * A sampling profile of the kernel, the monitors and the manager. Channel 0 of the host's PIT,
 * which nothing else uses, interrupts every CPU by an NMI; the kernel logs where each CPU was, and
 * perf_take takes these entries before the manager's log does.
 */
/* samples a second on each CPU; a rate that is in step with no other timer */
#define PERF_HZ	      499u
#define PERF_ROWS_MAX 1024u
#define PERF_NOT_A_VM 0xffffffffu

/* The samples of a profile in one function, or in a guest. */
struct perf_row {
	/* id of the VM whose monitor or guest it was; 0: the manager; or PERF_NOT_A_VM */
	u32 vm_id;
	u32 symbol; /* offset of the function in the image */
	bool guest;
	u64 count;
};

struct perf_profile {
	u64 samples;
	u64 cpu_samples[CPU_MAX];
	u64 lost; /* number of samples in functions for which there was no row */
	u64 began_tsc;
	u64 tsc; /* the recording's duration in TSC cycles */
	u32 row_count;
	/* the rows, sorted after recording: the most samples first */
	struct perf_row row[PERF_ROWS_MAX];
};

/* Starts a new profile. Returns NULL, or why it cannot. */
const char *perf_start(u64 duration_tsc);
bool perf_recording(void);
u64 perf_deadline(void);
/*
 * Ends the recording when its time is over; to be called at the latest at the TSC that
 * perf_deadline returns.
 */
void perf_step(void);

/*
 * Counts an entry of the kernel's log if it is a sample; returns whether it was one, as the log
 * does not keep samples.
 */
bool perf_take(const struct log_entry *entry, struct text pattern);

/* Returns the last profile; its rows are sorted unless it is being recorded. */
const struct perf_profile *perf_profile(void);
