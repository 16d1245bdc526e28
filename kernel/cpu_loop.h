/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct cpu;

/* A CPU's whole life from now on; entered again from its stack's base at every entry of ring 3. */
NORETURN void cpu_loop(struct cpu *cpu);
