/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"

/* Control registers and flags: SDM vol. 3, 2.3, 2.5 and 2.6; APM vol. 2, 3.1. */
#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR3_PWT	    BIT(3)
#define CR3_PCD	    BIT(4)
#define CR3_PCID    BITS(11, 0)
#define CR3_ADDRESS BITS(51, 12)

#define CR4_VME	       BIT(0)
#define CR4_PVI	       BIT(1)
#define CR4_TSD	       BIT(2)
#define CR4_DE	       BIT(3)
#define CR4_PSE	       BIT(4)
#define CR4_PAE	       BIT(5)
#define CR4_MCE	       BIT(6)
#define CR4_PGE	       BIT(7)
#define CR4_PCE	       BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_SMXE       BIT(14)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE	       BIT(22)
#define CR4_CET	       BIT(23)

#define EFER_SCE    BIT(0)
#define EFER_LME    BIT(8)
#define EFER_LMA    BIT(10)
#define EFER_NXE    BIT(11)
#define EFER_SVME   BIT(12)
#define EFER_AIBRSE BIT(21)
#define EFER_LMSLE  BIT(13)
#define EFER_FFXSR  BIT(14)
#define EFER_TCE    BIT(15)

#define RFLAGS_CF    BIT(0)
#define RFLAGS_FIXED BIT(1) /* the bit of RFLAGS that is always set */
#define RFLAGS_PF    BIT(2)
#define RFLAGS_AF    BIT(4)
#define RFLAGS_ZF    BIT(6)
#define RFLAGS_SF    BIT(7)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_OF    BIT(11)
#define RFLAGS_IOPL  BITS(13, 12)
#define RFLAGS_NT    BIT(14)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_VM    BIT(17)
#define RFLAGS_AC    BIT(18)
#define RFLAGS_ALL   (BITS(21, 16) | BITS(14, 6) | RFLAGS_AF | RFLAGS_PF | RFLAGS_FIXED | RFLAGS_CF)

/* State components of XCR0: SDM vol. 1, 13.3 */
#define XCR0_X87       BIT(0)
#define XCR0_SSE       BIT(1)
#define XCR0_AVX       BIT(2)
#define XCR0_OPMASK    BIT(5)
#define XCR0_ZMM_HI256 BIT(6)
#define XCR0_HI16_ZMM  BIT(7)
#define XCR0_AVX512    (XCR0_OPMASK | XCR0_ZMM_HI256 | XCR0_HI16_ZMM)
#define XCR0_PKRU      BIT(9)

/* Debug registers after RESET, and the bits that are not fixed: SDM vol. 3, 18.2 */
#define DR6_RESET	0xffff0ff0ull
#define DR6_BREAKPOINTS BITS(3, 0)
#define DR6_BS		BIT(14) /* the cause was a single step */
#define DR7_RESET	0x400ull
#define DR7_GD		BIT(13)

/* Exception vectors: SDM vol. 3, table 6-1; APM vol. 2, table 8-1 */
enum exception_vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_BP = 3,
	VECTOR_OF = 4,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC = 17,
	VECTOR_MC = 18,
	VECTOR_XM = 19,
	VECTOR_CP = 21,
	VECTOR_VC = 29,
	VECTOR_SX = 30,
	VECTOR_FIRST_EXTERNAL = 32,
};

/* Exceptions that push an error code: SDM vol. 3, table 6-1 */
#define EXCEPTIONS_WITH_ERROR_CODE                                                                 \
	(BIT(VECTOR_DF) | BIT(VECTOR_TS) | BIT(VECTOR_NP) | BIT(VECTOR_SS) | BIT(VECTOR_GP) |      \
	 BIT(VECTOR_PF) | BIT(VECTOR_AC) | BIT(VECTOR_CP) | BIT(VECTOR_VC) | BIT(VECTOR_SX))

/*
 * The exceptions that are faults push RFLAGS with RF set (SDM vol. 3, 18.3.1.1): RF must be set
 * before one of them is injected. #DB is not listed, as the exit for it has saved RFLAGS with the
 * right RF.
 */
#define EXCEPTIONS_FAULTS                                                                          \
	(BITS(31, 0) & ~(BIT(VECTOR_DB) | BIT(VECTOR_NMI) | BIT(VECTOR_BP) | BIT(VECTOR_OF) |      \
			 BIT(VECTOR_DF) | BIT(VECTOR_MC)))

/* Page-fault error code: SDM vol. 3, 4.7 */
#define PF_ERROR_P    BIT(0)
#define PF_ERROR_W    BIT(1)
#define PF_ERROR_U    BIT(2)
#define PF_ERROR_RSVD BIT(3)
#define PF_ERROR_I    BIT(4)
