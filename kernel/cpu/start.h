/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct memory;
struct process;

/*
 * Hands over the manager and the memory object with its start_info; the references become this
 * part's.
 */
void start_prepare(struct process *process, struct memory *start_info);

/* Ends the boot sequence: unmaps what only that needed, and runs the manager. */
NORETURN void start_run(struct cpu *cpu);
