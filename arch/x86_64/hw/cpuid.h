/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* The CPUID leaves and bits that ring 0 uses at run time; all others are in vmm/hw/cpuid.h. */
struct cpuid_regs {
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
};

#define CPUID_XSAVE	    0xdu
#define CPUID_1_ECX_OSXSAVE BIT(27)
#define CPUID_7_ECX_OSPKE   BIT(4)
