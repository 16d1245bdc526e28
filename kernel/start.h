/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct memory;
struct process;

/* Hands over the manager and the memory with its start_info, both with a reference. */
void start_prepare(struct process *process, struct memory *start_info);

/* The end of the boot sequence: what only that needed is unmapped, and the manager runs. */
NORETURN void start_run(struct cpu *cpu);

/* The manager's process, without which the machine cannot go on. */
const struct process *start_manager_process(void);
