/* SPDX-License-Identifier: MIT */
/*
 * The processor's part of TLB invalidation: loads CR3, kicks a CPU, and reads the clock. Only
 * mm/tlb.c and mm/kernel_space.c call it, so that they need no x86 header. It changes the running
 * CPU's CR3 and another CPU's pending word.
 */
#include "arch/x86_64/cpu/tlb_arch.h"
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/tsc.h"

void tlb_arch_load_root(hpa_t root)
{
	write_cr3(root.value);
}

u64 tlb_arch_clock_ms(void)
{
	return rdtsc() / tsc_khz();
}

u32 tlb_arch_cpu(void)
{
	return this_cpu()->id;
}

void tlb_arch_kick(u32 id)
{
	cpus_pend(cpus_get(id), PENDING_KICK);
}

bool tlb_arch_kicked(u32 id)
{
	const struct cpu *cpu = cpus_get(id);

	return cpu != this_cpu() &&
	       (__atomic_load_n(&cpu->pending, __ATOMIC_SEQ_CST) & PENDING_KICK);
}
