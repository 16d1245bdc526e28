/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/state/list.h"
#include "vmm/monitor/state/policy.h"

/*
 * A machine's state as bytes in the format SKST (record.h), RAM apart. It is one list of sections:
 * who saves, loads, compares or shows walks it (state_section_at).
 */
struct state_choice {
	u64 vcpus;  /* a bit for each; with their XSAVE images */
	u64 lapics; /* likewise */
	bool whole; /* what belongs to no vCPU or device: the policy, the time and the date */
};

/* Version 1 of STATE_TIME. */
struct time_saved {
	u64 elapsed_tsc; /* guest time, in cycles of tsc_khz */
	u64 tsc_khz;
};

/* Version 1 of STATE_WALL, which is there if the host knows what time it is. */
struct wall_saved {
	u64 unix_ns; /* when the guest's time stood where it was saved */
};

/* All there is of this machine. */
struct state_choice state_choose_all(const struct machine *machine);

/* Bytes that the chosen part takes. */
u64 state_bytes(struct machine *machine, const struct state_choice *choice);

/*
 * Writes the chosen part to bytes[size], 8-byte aligned, and sets *used; STATUS_TOO_BIG. No chosen
 * vCPU is in its guest, under the machine's lock. `name` is the VM's, for the header.
 */
enum status state_save(struct machine *machine, const struct state_choice *choice, const char *name,
		       void *bytes, size_t size, size_t *used) MUST_CHECK;

/*
 * Loads what state_save wrote with the same choice, into a machine of the same configuration; as
 * for state_save no vCPU is in its guest. Nobody else writes the bytes meanwhile. Everything is
 * checked before anything is changed: false, without effect, with *problem filled in
 * (state_problem_text). With choice->whole the guest's time goes on where it stood.
 */
bool state_load(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem) MUST_CHECK;

/* Only checks it. */
bool state_fits(struct machine *machine, const struct state_choice *choice, const void *bytes,
		size_t size, struct state_problem *problem) MUST_CHECK;

/*
 * Loads what state_fits has found to be good for this machine with the same choice, or state_load
 * has loaded into it, and nobody has written to since: it is not checked again.
 */
void state_load_again(struct machine *machine, const struct state_choice *choice,
		      const void *bytes);

/* Of a loaded state, when it was saved: Unix time in ns; 0: not known. */
u64 state_wall_ns(const void *bytes);

/* Of the list of all sections number `index`; false: there are not so many. */
bool state_section_at(struct machine *machine, const struct state_choice *choice, u32 index,
		      struct state_section *section);
