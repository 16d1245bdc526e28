/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* Model-specific registers: SDM vol. 4, chapter 2; APM vol. 2, appendix A. */
enum msr {
	MSR_TSC = 0x10,
	MSR_APIC_BASE = 0x1b,
	MSR_FEATURE_CONTROL = 0x3a,
	MSR_TSC_ADJUST = 0x3b,
	MSR_SPEC_CTRL = 0x48,
	MSR_PRED_CMD = 0x49,
	MSR_BIOS_SIGN_ID = 0x8b, /* microcode revision */
	MSR_MTRR_CAP = 0xfe,
	MSR_ARCH_CAPABILITIES = 0x10a,
	MSR_FLUSH_CMD = 0x10b,
	MSR_MCU_OPT_CTRL = 0x123,
	MSR_SYSENTER_CS = 0x174,
	MSR_SYSENTER_ESP = 0x175,
	MSR_SYSENTER_EIP = 0x176,
	MSR_MCG_CAP = 0x179,
	MSR_MCG_STATUS = 0x17a,
	MSR_MCG_CTL = 0x17b,
	MSR_MISC_ENABLE = 0x1a0,
	MSR_DEBUGCTL = 0x1d9,
	MSR_MTRR_PHYS_BASE0 = 0x200, /* base and mask alternate, 0x200 to 0x20f */
	MSR_MTRR_FIX_64K_00000 = 0x250,
	MSR_MTRR_FIX_16K_80000 = 0x258,
	MSR_MTRR_FIX_16K_A0000 = 0x259,
	MSR_MTRR_FIX_4K_C0000 = 0x268, /* the first of eight MSRs, which end at 0x26f */
	MSR_PAT = 0x277,
	MSR_MTRR_DEF_TYPE = 0x2ff,
	MSR_MC0_CTL = 0x400, /* the first of the machine-check banks, with four MSRs each */
	MSR_VMX_BASIC = 0x480,
	MSR_VMX_MISC = 0x485,
	MSR_VMX_CR0_FIXED0 = 0x486,
	MSR_VMX_CR4_FIXED0 = 0x488,
	MSR_VMX_PROCBASED_CTLS2 = 0x48b,
	MSR_VMX_EPT_VPID_CAP = 0x48c,
	MSR_VMX_TRUE_PINBASED_CTLS = 0x48d,
	MSR_VMX_TRUE_PROCBASED_CTLS = 0x48e,
	MSR_VMX_TRUE_EXIT_CTLS = 0x48f,
	MSR_VMX_TRUE_ENTRY_CTLS = 0x490,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC_BASE = 0x800,
};

/* Numbers with the top bit set do not fit an enum constant of type int. */
#define MSR_EFER	   0xc0000080u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_CSTAR	   0xc0000083u
#define MSR_SFMASK	   0xc0000084u
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX	   0xc0000103u
#define MSR_SYSCFG	   0xc0010010u
#define MSR_HWCR	   0xc0010015u
#define MSR_VM_CR	   0xc0010114u
#define MSR_VM_HSAVE_PA	   0xc0010117u
#define MSR_DE_CFG	   0xc0011029u

/* IA32_APIC_BASE: SDM vol. 3, 11.4.4 */
#define APIC_BASE_BSP	  BIT(8)
#define APIC_BASE_EXTD	  BIT(10) /* x2APIC mode */
#define APIC_BASE_EN	  BIT(11)
#define APIC_BASE_ADDRESS BITS(51, 12)

/* IA32_FEATURE_CONTROL: SDM vol. 3, 24.7 */
#define FEATURE_CONTROL_LOCK		BIT(0)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX BIT(2)

/* IA32_ARCH_CAPABILITIES: SDM vol. 4, table 2-2 */
#define ARCH_CAP_RDCL_NO	    BIT(0)
#define ARCH_CAP_IBRS_ALL	    BIT(1)
#define ARCH_CAP_RSBA		    BIT(2)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY BIT(3)
#define ARCH_CAP_SSB_NO		    BIT(4)
#define ARCH_CAP_MDS_NO		    BIT(5)
#define ARCH_CAP_PSCHANGE_MC_NO	    BIT(6)
#define ARCH_CAP_TSX_CTRL	    BIT(7)
#define ARCH_CAP_TAA_NO		    BIT(8)
#define ARCH_CAP_SBDR_SSDP_NO	    BIT(13)
#define ARCH_CAP_FBSDP_NO	    BIT(14)
#define ARCH_CAP_PSDP_NO	    BIT(15)
#define ARCH_CAP_FB_CLEAR	    BIT(17)
#define ARCH_CAP_BHI_NO		    BIT(20)
#define ARCH_CAP_PBRSB_NO	    BIT(24)
#define ARCH_CAP_GDS_CTRL	    BIT(25)
#define ARCH_CAP_GDS_NO		    BIT(26)
#define ARCH_CAP_RFDS_NO	    BIT(27)
#define ARCH_CAP_RFDS_CLEAR	    BIT(28)
#define ARCH_CAP_ITS_NO		    BIT(62)
#define ARCH_CAP_MMIO_NO	    (ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO)

/*
 * Bits of IA32_SPEC_CTRL: SDM vol. 4, table 2-2; AMD has the first two as well (APM vol. 2, 3.2.9)
 */
#define SPEC_CTRL_IBRS	    BIT(0)
#define SPEC_CTRL_STIBP	    BIT(1)
#define SPEC_CTRL_SSBD	    BIT(2)
#define SPEC_CTRL_BHI_DIS_S BIT(10)
#define PRED_CMD_IBPB	    BIT(0)
#define FLUSH_CMD_L1D	    BIT(0)

/* IA32_MCU_OPT_CTRL: SDM vol. 4, table 2-2; set bits turn off defaults of the microcode */
#define MCU_OPT_RNGDS_MITG_DIS BIT(0)
#define MCU_OPT_GDS_MITG_DIS   BIT(4)

/* VM_CR: APM vol. 2, 15.30.1 */
#define VM_CR_LOCK   BIT(3)
#define VM_CR_SVMDIS BIT(4)

/* DE_CFG bit 1: LFENCE waits for all earlier instructions (APM vol. 2, 3.2.8) */
#define DE_CFG_LFENCE_SERIALIZE BIT(1)

/* IA32_PAT and G_PAT after RESET (SDM vol. 3, table 12-12) */
#define PAT_RESET 0x0007040600070406ull

/* Memory types of a PAT entry and of MTRRs (SDM vol. 3, tables 12-2 and 12-10) */
enum memory_type {
	MEMORY_TYPE_UC = 0,
	MEMORY_TYPE_WB = 6,
	/* uncached unless an MTRR says write-combining; the PAT alone has this type */
	MEMORY_TYPE_UC_MINUS = 7,
};
