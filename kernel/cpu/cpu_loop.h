/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"

/*
 * Runs a CPU's loop, which never returns; started anew at the base of its stack at each entry from
 * ring 3.
 */
NORETURN void cpu_loop(struct cpu *cpu);

/*
 * Makes an application processor known to the other CPUs and enters its loop; its boot code, which
 * is unmapped later, ends with this call.
 */
NORETURN void cpu_loop_join(struct cpu *cpu);
