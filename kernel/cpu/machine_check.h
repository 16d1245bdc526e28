/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/machine_check.h"

struct cpu;
struct trap_frame;

/* Lets every machine-check bank of the running CPU report. */
void machine_check_enable(void);

/*
 * Handles #MC, which may come at any instruction and on the kernel's or the user view of the page
 * tables: takes uncorrected errors out of the banks for the CPU loop to handle. Panics at once if
 * the loop cannot be reached.
 */
void machine_check_taken(struct cpu *cpu, const struct trap_frame *frame);

/*
 * Ends the VM whose page an error recorded on this CPU has cost, or panics; called from the CPU
 * loop, without locks.
 */
void machine_check_handle(struct cpu *cpu);

/* Logs and clears the running CPU's errors that raised no #MC since the last call. */
void machine_check_poll(void);
