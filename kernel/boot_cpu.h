/* SPDX-License-Identifier: MIT */
#pragma once

struct cpu;

/* Makes this_cpu() work on the boot stack. The first thing the kernel does. */
struct cpu *boot_cpu_adopt(void);

/* Gives the CPU its guarded stacks and its descriptor tables; the boot stack is left afterwards. */
void boot_cpu_stacks(struct cpu *cpu);
