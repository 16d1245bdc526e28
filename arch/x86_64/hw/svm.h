/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/* AMD secure virtual machine: APM vol. 2, chapter 15 and appendices B and C. */

/* A segment register in the VMCB state-save area */
struct vmcb_segment {
	u16 selector;
	u16 attributes; /* enum vmcb_attribute */
	u32 limit;	/* the segment's limit in bytes, after scaling by the granularity bit */
	u64 base;
};
_Static_assert(sizeof(struct vmcb_segment) == 16, "APM vol. 2, table B-2");

/* Descriptor bits 40-47 and 52-55 side by side (APM vol. 2, 15.5.1) */
enum vmcb_attribute {
	VMCB_ATTRIBUTE_DPL_SHIFT = 5,
	VMCB_ATTRIBUTE_P = 1 << 7,
	VMCB_ATTRIBUTE_L = 1 << 9,
	VMCB_ATTRIBUTE_DB = 1 << 10,
	VMCB_ATTRIBUTE_G = 1 << 11,
};

/* Control area, APM vol. 2, table B-1 */
struct vmcb_control {
	u16 intercept_cr_read;
	u16 intercept_cr_write;
	u16 intercept_dr_read;
	u16 intercept_dr_write;
	u32 intercept_exceptions;
	u32 intercept1; /* VMCB_INTERCEPT1_* */
	u32 intercept2; /* VMCB_INTERCEPT2_* */
	u32 intercept3; /* VMCB_INTERCEPT3_* */
	u8 reserved0[36];
	u16 pause_filter_threshold;
	u16 pause_filter_count;
	u64 iopm_base_pa;
	u64 msrpm_base_pa;
	u64 tsc_offset;
	u32 guest_asid;
	u8 tlb_control; /* enum vmcb_tlb_control */
	u8 reserved1[3];
	u64 virtual_interrupt; /* VMCB_V_* */
	u64 interrupt_shadow;  /* VMCB_SHADOW */
	u64 exit_code;
	u64 exit_info1;
	u64 exit_info2;
	u64 exit_int_info;
	u64 np_control; /* VMCB_NP_ENABLE */
	u64 avic_apic_bar;
	u64 ghcb_gpa;
	u64 event_injection;
	u64 n_cr3;
	u64 lbr_control;
	u32 clean;
	u32 reserved2;
	u64 next_rip;
	u8 fetched_count;
	u8 fetched_bytes[15];
	u64 avic_backing_page;
	u64 reserved3;
	u64 avic_logical_table;
	u64 avic_physical_table;
	u64 reserved4;
	u64 vmsa_pointer;
	u8 reserved5[16];
	u16 bus_lock_counter; /* the number of bus locks that the guest may take before one exits */
	u8 reserved6[734];
};
_Static_assert(sizeof(struct vmcb_control) == 0x400, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, intercept1) == 0x00c, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, pause_filter_threshold) == 0x03c, "PAUSE filter");
_Static_assert(offsetof(struct vmcb_control, iopm_base_pa) == 0x040, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, guest_asid) == 0x058, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, virtual_interrupt) == 0x060, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, exit_code) == 0x070, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, np_control) == 0x090, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, event_injection) == 0x0a8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, n_cr3) == 0x0b0, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, clean) == 0x0c0, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, next_rip) == 0x0c8, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, fetched_count) == 0x0d0, "APM vol. 2, table B-1");
_Static_assert(offsetof(struct vmcb_control, avic_physical_table) == 0x0f8, "table B-1");
_Static_assert(offsetof(struct vmcb_control, bus_lock_counter) == 0x120, "table B-1");

/* State-save area at offset 0x400, APM vol. 2, table B-2 */
struct vmcb_save {
	struct vmcb_segment es;
	struct vmcb_segment cs;
	struct vmcb_segment ss;
	struct vmcb_segment ds;
	struct vmcb_segment fs;
	struct vmcb_segment gs;
	struct vmcb_segment gdtr;
	struct vmcb_segment ldtr;
	struct vmcb_segment idtr;
	struct vmcb_segment tr;
	u8 reserved0[43];
	u8 cpl;
	u32 reserved1;
	u64 efer;
	u8 reserved2[112];
	u64 cr4;
	u64 cr3;
	u64 cr0;
	u64 dr7;
	u64 dr6;
	u64 rflags;
	u64 rip;
	u8 reserved3[88];
	u64 rsp;
	u64 s_cet;
	u64 ssp;
	u64 isst_addr;
	u64 rax;
	u64 msr[8]; /* STAR, LSTAR, CSTAR, SFMASK, KERNEL_GS_BASE, SYSENTER_CS, _ESP, _EIP */
	u64 cr2;
	u8 reserved4[32];
	u64 g_pat;
	u64 debugctl;
	u64 br_from;
	u64 br_to;
	u64 last_exception_from;
	u64 last_exception_to;
	u8 reserved5[72];
	u64 spec_ctrl;
};
_Static_assert(offsetof(struct vmcb_save, cpl) == 0x0cb, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, efer) == 0x0d0, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, cr4) == 0x148, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, rip) == 0x178, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, g_pat) == 0x268, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, last_exception_to) == 0x290, "APM vol. 2, table B-2");
_Static_assert(offsetof(struct vmcb_save, spec_ctrl) == 0x2e0, "APM vol. 2, table B-2");

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
	u8 reserved[0x1000 - 0x400 - sizeof(struct vmcb_save)];
};
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "one page");
_Static_assert(offsetof(struct vmcb, save) == 0x400, "APM vol. 2, appendix B");

/* intercept1, offset 0x00c */
#define VMCB_INTERCEPT1_INTR	      BIT(0)
#define VMCB_INTERCEPT1_NMI	      BIT(1)
#define VMCB_INTERCEPT1_SMI	      BIT(2)
#define VMCB_INTERCEPT1_INIT	      BIT(3)
#define VMCB_INTERCEPT1_VINTR	      BIT(4)
#define VMCB_INTERCEPT1_CR0_SELECTIVE BIT(5)
#define VMCB_INTERCEPT1_RDPMC	      BIT(15)
#define VMCB_INTERCEPT1_CPUID	      BIT(18)
#define VMCB_INTERCEPT1_IRET	      BIT(20)
#define VMCB_INTERCEPT1_INTN	      BIT(21)
#define VMCB_INTERCEPT1_INVD	      BIT(22)
#define VMCB_INTERCEPT1_PAUSE	      BIT(23)
#define VMCB_INTERCEPT1_HLT	      BIT(24)
#define VMCB_INTERCEPT1_INVLPGA	      BIT(26)
#define VMCB_INTERCEPT1_IOIO	      BIT(27)
#define VMCB_INTERCEPT1_MSR	      BIT(28)
#define VMCB_INTERCEPT1_SHUTDOWN      BIT(31)

/* intercept2, offset 0x010 */
#define VMCB_INTERCEPT2_VMRUN	BIT(0)
#define VMCB_INTERCEPT2_VMMCALL BIT(1)
#define VMCB_INTERCEPT2_VMLOAD	BIT(2)
#define VMCB_INTERCEPT2_VMSAVE	BIT(3)
#define VMCB_INTERCEPT2_STGI	BIT(4)
#define VMCB_INTERCEPT2_CLGI	BIT(5)
#define VMCB_INTERCEPT2_SKINIT	BIT(6)
#define VMCB_INTERCEPT2_WBINVD	BIT(9) /* intercepts WBINVD and WBNOINVD */
#define VMCB_INTERCEPT2_MONITOR BIT(10)
/* intercepts MWAIT and MWAITX, whether or not they would wait */
#define VMCB_INTERCEPT2_MWAIT  BIT(11)
#define VMCB_INTERCEPT2_XSETBV BIT(13)
#define VMCB_INTERCEPT2_RDPRU  BIT(14)

/* intercept3, offset 0x014 */
#define VMCB_INTERCEPT3_BUS_LOCK BIT(5)

enum vmcb_tlb_control {
	VMCB_TLB_NOTHING = 0,
	VMCB_TLB_FLUSH_ALL = 1,
	/* flushes the TLB entries of the guest's ASID; needs the feature FlushByAsid */
	VMCB_TLB_FLUSH_ASID = 3,
};

/* virtual_interrupt, offset 0x060 */
#define VMCB_V_TPR		 BITS(7, 0)
#define VMCB_V_IRQ		 BIT(8)
#define VMCB_V_INTR_PRIO	 BITS(19, 16)
#define VMCB_V_IGN_TPR		 BIT(20)
#define VMCB_V_INTR_MASKING	 BIT(24)
#define VMCB_V_INTR_VECTOR	 BITS(39, 32)
#define VMCB_V_INTR_VECTOR_SHIFT 32

/* interrupt_shadow, offset 0x068 */
#define VMCB_SHADOW BIT(0)

/* np_control, offset 0x090 */
#define VMCB_NP_ENABLE BIT(0)

/* Fields of event_injection and exit_int_info: APM vol. 2, 15.20 */
#define VMCB_EVENT_VECTOR	    BITS(7, 0)
#define VMCB_EVENT_TYPE_SHIFT	    8
#define VMCB_EVENT_EV		    BIT(11) /* the event has an error code */
#define VMCB_EVENT_V		    BIT(31)
#define VMCB_EVENT_ERROR_CODE_SHIFT 32

enum vmcb_event_type {
	VMCB_EVENT_INTR = 0,
	VMCB_EVENT_NMI = 2,
	VMCB_EVENT_EXCEPTION = 3,
	VMCB_EVENT_SOFTWARE = 4,
};

/* exit_info1 of an IOIO exit: APM vol. 2, 15.10.2; exit_info2 is the RIP of the next instruction */
#define VMEXIT_IOIO_IN	       BIT(0)
#define VMEXIT_IOIO_STR	       BIT(2)
#define VMEXIT_IOIO_REP	       BIT(3)
#define VMEXIT_IOIO_SZ8	       BIT(4)
#define VMEXIT_IOIO_SZ16       BIT(5)
#define VMEXIT_IOIO_PORT_SHIFT 16

/* exit_info1 of an NPF exit: the low bits are those of a #PF error code (APM vol. 2, 15.25.6) */
#define VMEXIT_NPF_WALK BIT(33) /* the fault came in a walk of the guest's own page tables */

/* Exit codes: APM vol. 2, appendix C */
#define VMEXIT_CR_READ 0x000ull
#define VMEXIT_DR_READ 0x020ull
/* exit code of an exception: this number plus the vector */
#define VMEXIT_EXCEPTION	   0x040ull
#define VMEXIT_INTR		   0x060ull
#define VMEXIT_NMI		   0x061ull
#define VMEXIT_INIT		   0x063ull
#define VMEXIT_VINTR		   0x064ull
#define VMEXIT_CR0_SELECTIVE_WRITE 0x065ull
#define VMEXIT_IDTR_READ	   0x066ull
#define VMEXIT_TR_WRITE		   0x06dull
#define VMEXIT_RDTSC		   0x06eull
#define VMEXIT_RDPMC		   0x06full
#define VMEXIT_CPUID		   0x072ull
#define VMEXIT_IRET		   0x074ull
#define VMEXIT_SWINT		   0x075ull
#define VMEXIT_INVD		   0x076ull
#define VMEXIT_PAUSE		   0x077ull
#define VMEXIT_HLT		   0x078ull
#define VMEXIT_INVLPG		   0x079ull
#define VMEXIT_INVLPGA		   0x07aull
#define VMEXIT_IOIO		   0x07bull
#define VMEXIT_MSR		   0x07cull
#define VMEXIT_TASK_SWITCH	   0x07dull
#define VMEXIT_SHUTDOWN		   0x07full
#define VMEXIT_VMRUN		   0x080ull
#define VMEXIT_VMMCALL		   0x081ull
#define VMEXIT_VMLOAD		   0x082ull
#define VMEXIT_SKINIT		   0x086ull
#define VMEXIT_RDTSCP		   0x087ull
#define VMEXIT_WBINVD		   0x089ull
#define VMEXIT_MONITOR		   0x08aull
#define VMEXIT_MWAIT		   0x08bull
#define VMEXIT_MWAIT_CONDITIONAL   0x08cull
#define VMEXIT_XSETBV		   0x08dull
#define VMEXIT_RDPRU		   0x08eull
/* this exit comes before the instruction that would lock the bus */
#define VMEXIT_BUS_LOCK 0x0a5ull
#define VMEXIT_NPF	0x400ull
/* the low 32 bits of the code, which are all that QEMU writes of its 64 */
#define VMEXIT_INVALID 0xffffffffu

/*
 * MSR permission map: two bits per MSR (read low, write high; set: exits), 2 KiB for each of three
 * ranges of 8192 MSRs, from 0, C0000000h and C0010000h on, then 2 KiB reserved (APM vol. 2, 15.11).
 */
#define MSRPM_BYTES	  0x2000u
#define MSRPM_RANGE_BYTES 0x800u
#define MSRPM_RANGE_MSRS  0x2000u
#define MSRPM_RANGE1	  0xc0000000u

/* I/O permission map: one bit per port and three more, in 12 KiB (APM vol. 2, 15.10.1) */
#define IOPM_BYTES 0x3000u
