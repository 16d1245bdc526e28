/* SPDX-License-Identifier: MIT */
/* Executes CPUID on the host for cpuid.c and xsave.c; unit tests replace it by a table. */
#include "vmm/monitor/cpuid/cpuid.h"

void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	__asm__ volatile("cpuid"
			 : "=a"(regs->eax), "=b"(regs->ebx), "=c"(regs->ecx), "=d"(regs->edx)
			 : "a"(leaf), "c"(subleaf));
}
