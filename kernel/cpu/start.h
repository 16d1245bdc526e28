/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;
struct memory;

/*
 * The memory object with the manager's start_info. boot/init sets it, as it sets process_manager;
 * start_run puts the references of both.
 */
extern struct memory *start_memory;

/* Ends the boot sequence: unmaps the memory that only booting needed, and runs the manager. */
NORETURN void start_run(struct cpu *cpu);
