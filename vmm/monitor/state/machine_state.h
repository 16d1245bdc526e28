/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/state/list.h"
#include "vmm/monitor/state/policy.h"

/*
 * A choice of sections of a VM's state. The state, RAM apart, is bytes in the format SKST
 * (record.h): one list of sections, which saving, loading, comparing and showing walk
 * (state_section_at).
 */
struct state_choice {
	u64 vcpus;  /* a bit for each chosen vCPU, saved with its XSAVE image */
	u64 lapics; /* a bit for each vCPU whose local APIC is chosen */
	/*
	 * the choice also has the sections that belong to no vCPU or device: policy, time and date
	 */
	bool whole;
};

/* The saved guest time: section STATE_TIME, version 1. */
struct time_saved {
	u64 elapsed_tsc; /* guest time, in cycles of tsc_khz */
	u64 tsc_khz;
};

/* The saved date: section STATE_WALL, version 1, which exists if the host knows the date. */
struct wall_saved {
	u64 unix_ns; /* the date when the VM was saved: Unix time in ns */
};

/* Chooses all sections that this VM has. */
struct state_choice state_choose_all(const struct machine *machine);

/* Returns how many bytes the chosen sections of the state take. */
u64 state_bytes(struct machine *machine, const struct state_choice *choice);

/*
 * Writes the chosen sections to bytes[size], which is 8-byte aligned, and sets *used; returns
 * STATUS_TOO_BIG if they do not fit. Call it under the machine's lock, with no chosen vCPU in its
 * guest. `name` is the VM's, for the header.
 */
enum status state_save(struct machine *machine, const struct state_choice *choice, const char *name,
		       void *bytes, size_t size, size_t *used) MUST_CHECK;

/*
 * Loads the output of state_save with the same choice into a VM of the same configuration; no
 * chosen vCPU is in its guest, and the bytes have no writer meanwhile. Everything is checked before
 * anything is changed: returns false, without effect, with *problem filled in (state_problem_text).
 * With choice->whole the guest's time continues from the moment of the save.
 */
bool state_load(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem) MUST_CHECK;

/* Checks a saved state as state_load does, and loads nothing. */
bool state_fits(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem) MUST_CHECK;

/*
 * Loads, without another check, a state that state_fits has found to be good for this VM with the
 * same choice, or that state_load has loaded into it, if the bytes are unchanged since.
 */
void state_load_again(struct machine *machine, const struct state_choice *choice,
		      const void *bytes);

/* Returns the Unix time in ns at which a state, which has been loaded, was saved; 0: not known. */
u64 state_wall_ns(const void *bytes);

/* Describes section number `index` of the chosen ones; returns false if there are fewer. */
bool state_section_at(struct machine *machine, const struct state_choice *choice, u32 index,
		      struct state_section *section);
