/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/machine_check.h"

struct cpu;
struct trap_frame;

/* Lets every bank of the running CPU report. */
void machine_check_enable(void);

/*
 * The handler, called at any instruction and in either view of the tables: takes uncorrected errors
 * out of the banks for the CPU loop to settle. Panics at once if the loop cannot be reached.
 */
void machine_check_taken(struct cpu *cpu, const struct trap_frame *frame);

/* From the CPU loop: ends the VM whose page was lost, or panics. */
void machine_check_handle(struct cpu *cpu);

/* Logs and clears the errors since the last call that raise no #MC. */
void machine_check_poll(void);
