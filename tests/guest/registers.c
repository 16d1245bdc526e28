/* SPDX-License-Identifier: MIT */
/* Fills what entries and exits do not switch with values of its own, and stays on the CPU. */
#include "arch/x86_64/hw/msr.h"
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/cpuid.h"

/* The values of registers, which tests/system/test_registers.py looks for. */
#define AUX    0x5ec2e7u
#define VECTOR 0x5ec2e75ec2e75ec2ull

void guest_main(void)
{
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	if ((cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_XSAVE) != 0) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		asm volatile("xsetbv" ::"c"(0), "a"(XCR0_X87 | XCR0_SSE), "d"(0));
	}
	if ((cpuid(CPUID_EXTENDED_VERSION, 0).edx & CPUID_81_EDX_RDTSCP) != 0)
		write_msr(MSR_TSC_AUX, AUX);
	asm volatile("movq %0, %%xmm0; punpcklqdq %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; "
		     "fninit; fldpi"
		     :
		     : "r"(VECTOR));
	pass("filled");
	for (;;)
		relax();
}
