/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/control.h"
#include "vmm/hw/cpuid.h"

/*
 * The features a guest may see when the host has them. A bit is listed here if its feature works
 * under both VMX and SVM as the kernel uses them; all other features are hidden. Hence VMX and SVM,
 * MONITOR, performance counters, speculation controls (their MSRs are not switched), XSAVES, CET,
 * SGX, MPX and TSX are not offered.
 */
#define ALLOW_1_ECX                                                                                \
	(CPUID_1_ECX_SSE3 | CPUID_1_ECX_PCLMULQDQ | CPUID_1_ECX_SSSE3 | CPUID_1_ECX_FMA |          \
	 CPUID_1_ECX_CMPXCHG16B | CPUID_1_ECX_PCID | CPUID_1_ECX_SSE4_1 | CPUID_1_ECX_SSE4_2 |     \
	 CPUID_1_ECX_MOVBE | CPUID_1_ECX_POPCNT | CPUID_1_ECX_AESNI | CPUID_1_ECX_XSAVE |          \
	 CPUID_1_ECX_AVX | CPUID_1_ECX_F16C | CPUID_1_ECX_RDRAND)

/* features that every guest gets, as the monitor emulates them without the host's help */
#define FORCE_1_ECX (CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE | CPUID_1_ECX_HYPERVISOR)

#define ALLOW_1_EDX                                                                                \
	(CPUID_1_EDX_FPU | CPUID_1_EDX_VME | CPUID_1_EDX_DE | CPUID_1_EDX_PSE | CPUID_1_EDX_TSC |  \
	 CPUID_1_EDX_MSR | CPUID_1_EDX_PAE | CPUID_1_EDX_MCE | CPUID_1_EDX_CX8 | CPUID_1_EDX_SEP | \
	 CPUID_1_EDX_PGE | CPUID_1_EDX_MCA | CPUID_1_EDX_CMOV | CPUID_1_EDX_PAT |                  \
	 CPUID_1_EDX_PSE36 | CPUID_1_EDX_CLFSH | CPUID_1_EDX_MMX | CPUID_1_EDX_FXSR |              \
	 CPUID_1_EDX_SSE | CPUID_1_EDX_SSE2 | CPUID_1_EDX_SS)

#define FORCE_1_EDX (CPUID_1_EDX_APIC | CPUID_1_EDX_MTRR)

#define AVX512_7_EBX                                                                               \
	(CPUID_7_EBX_AVX512F | CPUID_7_EBX_AVX512DQ | CPUID_7_EBX_AVX512IFMA |                     \
	 CPUID_7_EBX_AVX512CD | CPUID_7_EBX_AVX512BW | CPUID_7_EBX_AVX512VL)

#define ALLOW_7_EBX                                                                                \
	(CPUID_7_EBX_FSGSBASE | CPUID_7_EBX_BMI1 | CPUID_7_EBX_AVX2 | CPUID_7_EBX_SMEP |           \
	 CPUID_7_EBX_BMI2 | CPUID_7_EBX_ERMS | CPUID_7_EBX_INVPCID | CPUID_7_EBX_RDSEED |          \
	 CPUID_7_EBX_ADX | CPUID_7_EBX_SMAP | CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB |          \
	 CPUID_7_EBX_SHA | AVX512_7_EBX | BIT(6) /* FDP_EXCPTN_ONLY */ |                           \
	 BIT(13) /* the x87's FCS and FDS are saved as zeros */)

#define FORCE_7_EBX CPUID_7_EBX_TSC_ADJUST

#define AVX_7_ECX (CPUID_7_ECX_VAES | CPUID_7_ECX_VPCLMULQDQ)

#define AVX512_7_ECX                                                                               \
	(CPUID_7_ECX_AVX512VBMI | CPUID_7_ECX_AVX512VBMI2 | CPUID_7_ECX_AVX512VNNI |               \
	 CPUID_7_ECX_AVX512BITALG | CPUID_7_ECX_AVX512VPOPCNTDQ)

#define ALLOW_7_ECX                                                                                \
	(CPUID_7_ECX_UMIP | CPUID_7_ECX_PKU | CPUID_7_ECX_GFNI | CPUID_7_ECX_LA57 |                \
	 CPUID_7_ECX_RDPID | AVX_7_ECX | AVX512_7_ECX)

#define AVX512_7_EDX (BIT(2) /* 4VNNIW */ | BIT(3) /* 4FMAPS */ | BIT(8) /* VP2INTERSECT */)

#define ALLOW_7_EDX                                                                                \
	(CPUID_7_EDX_FSRM | CPUID_7_EDX_MD_CLEAR | AVX512_7_EDX | BIT(14) /* SERIALIZE */)

/*
 * No XSAVEC: Bochs 2.7 stores the AVX component 160 bytes below where XRSTOR looks for it, so that
 * a guest's programs lose the upper halves of their registers. XSAVEOPT saves as much work.
 */
#define ALLOW_D_1_EAX (CPUID_D_1_EAX_XSAVEOPT | CPUID_D_1_EAX_XGETBV1)

#define AVX_81_ECX (BIT(11) /* XOP */ | BIT(16) /* FMA4 */)

#define ALLOW_81_ECX                                                                               \
	(CPUID_81_ECX_LAHF | CPUID_81_ECX_LZCNT | CPUID_81_ECX_SSE4A | CPUID_81_ECX_MISALIGNSSE |  \
	 CPUID_81_ECX_PREFETCHW | CPUID_81_ECX_TOPOEXT | AVX_81_ECX | BIT(21) /* TBM */)

/* AMD repeats most of CPUID.1:EDX here */
#define REPEATED_81_EDX ((ALLOW_1_EDX | FORCE_1_EDX) & (BITS(9, 0) | BITS(17, 12) | BITS(24, 23)))

#define ALLOW_81_EDX                                                                               \
	(REPEATED_81_EDX | CPUID_81_EDX_SYSCALL | CPUID_81_EDX_NX | CPUID_81_EDX_MMXEXT |          \
	 CPUID_81_EDX_PAGE1GB | CPUID_81_EDX_RDTSCP | CPUID_81_EDX_LM | BITS(31, 30) /* 3DNow */)

#define ALLOW_88_EBX (CPUID_88_EBX_CLZERO | CPUID_88_EBX_XSAVEERPTR | CPUID_88_EBX_WBNOINVD)

#define ALLOW_XCR0 (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)
