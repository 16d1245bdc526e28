/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * Intel VMX: SDM vol. 3, chapters 24 to 31 and appendices A to D. A VMCS field's type gives its
 * width (appendix B), so an accessor of another width does not compile.
 */
enum vmcs16 {
	VMCS_VPID = 0x0000,
	/* the first of the selectors up to TR's, two apart, in the order of enum vcpu_segment */
	VMCS_GUEST_ES_SELECTOR = 0x0800,
	VMCS_GUEST_TR_SELECTOR = 0x080e,
	VMCS_GUEST_INTERRUPT_STATUS = 0x0810, /* RVI in bits 7:0, SVI in 15:8 */
	VMCS_HOST_ES_SELECTOR = 0x0c00,
	VMCS_HOST_CS_SELECTOR = 0x0c02,
	VMCS_HOST_SS_SELECTOR = 0x0c04,
	VMCS_HOST_DS_SELECTOR = 0x0c06,
	VMCS_HOST_FS_SELECTOR = 0x0c08,
	VMCS_HOST_GS_SELECTOR = 0x0c0a,
	VMCS_HOST_TR_SELECTOR = 0x0c0c,
};

enum vmcs64 {
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_EXIT_MSR_LOAD = 0x2008,
	VMCS_ENTRY_MSR_LOAD = 0x200a,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_VIRTUAL_APIC = 0x2012,
	VMCS_APIC_ACCESS = 0x2014,
	VMCS_EPT_POINTER = 0x201a,
	/* the first of the four fields EOI_EXIT0 to EOI_EXIT3, two apart */
	VMCS_EOI_EXIT0 = 0x201c,
	VMCS_ENCLS_BITMAP = 0x202e,
	VMCS_ENCLV_BITMAP = 0x2036,
	VMCS_GUEST_PHYSICAL_ADDRESS = 0x2400,
	VMCS_LINK_POINTER = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE0 = 0x280a, /* the first of the four fields up to PDPTE3, two apart */
	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,
};

enum vmcs32 {
	VMCS_PIN_CONTROLS = 0x4000,
	VMCS_PRIMARY_CONTROLS = 0x4002,
	VMCS_EXCEPTION_BITMAP = 0x4004,
	VMCS_PF_ERROR_MASK = 0x4006,
	VMCS_PF_ERROR_MATCH = 0x4008,
	VMCS_CR3_TARGET_COUNT = 0x400a,
	VMCS_EXIT_CONTROLS = 0x400c,
	VMCS_EXIT_MSR_STORE_COUNT = 0x400e,
	VMCS_EXIT_MSR_LOAD_COUNT = 0x4010,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_MSR_LOAD_COUNT = 0x4014,
	VMCS_ENTRY_INTERRUPTION_INFO = 0x4016,
	VMCS_ENTRY_ERROR_CODE = 0x4018,
	VMCS_ENTRY_INSTRUCTION_LENGTH = 0x401a,
	VMCS_TPR_THRESHOLD = 0x401c,
	VMCS_SECONDARY_CONTROLS = 0x401e,
	VMCS_PLE_GAP = 0x4020,
	VMCS_PLE_WINDOW = 0x4022,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_INTERRUPTION_INFO = 0x4404,
	VMCS_EXIT_ERROR_CODE = 0x4406,
	VMCS_IDT_VECTORING_INFO = 0x4408,
	VMCS_IDT_VECTORING_ERROR_CODE = 0x440a,
	VMCS_EXIT_INSTRUCTION_LENGTH = 0x440c,
	VMCS_EXIT_INSTRUCTION_INFO = 0x440e,
	VMCS_GUEST_ES_LIMIT = 0x4800, /* ES's limit; those of CS to TR follow in steps of 2 */
	VMCS_GUEST_TR_LIMIT = 0x480e,
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ES_ACCESS = 0x4814, /* ES's access; that of CS to TR follows in steps of 2 */
	VMCS_GUEST_CS_ACCESS = 0x4816,
	VMCS_GUEST_SS_ACCESS = 0x4818,
	VMCS_GUEST_LDTR_ACCESS = 0x4820,
	VMCS_GUEST_TR_ACCESS = 0x4822,
	VMCS_GUEST_INTERRUPTIBILITY = 0x4824,
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_PREEMPTION_TIMER = 0x482e,
	VMCS_HOST_SYSENTER_CS = 0x4c00,
};

enum vmcs_natural {
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_CR3_TARGET0 = 0x6008, /* the first of the four CR3-target values, two apart */
	VMCS_EXIT_QUALIFICATION = 0x6400,
	VMCS_GUEST_LINEAR_ADDRESS = 0x640a,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_ES_BASE = 0x6806, /* the first of the segments' bases up to TR's, two apart */
	VMCS_GUEST_CS_BASE = 0x6808,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14,
	VMCS_HOST_RIP = 0x6c16,
};

/* Pin-based controls: SDM vol. 3, table 25-5 */
#define PIN_EXTERNAL_INTERRUPT_EXITING (1u << 0)
#define PIN_NMI_EXITING		       (1u << 3)
#define PIN_VIRTUAL_NMIS	       (1u << 5)
#define PIN_PREEMPTION_TIMER	       (1u << 6)

/* Primary processor-based controls: SDM vol. 3, table 25-6 */
#define PRIMARY_INTERRUPT_WINDOW_EXITING (1u << 2)
#define PRIMARY_USE_TSC_OFFSETTING	 (1u << 3)
#define PRIMARY_HLT_EXITING		 (1u << 7)
#define PRIMARY_INVLPG_EXITING		 (1u << 9)
#define PRIMARY_MWAIT_EXITING		 (1u << 10)
#define PRIMARY_RDPMC_EXITING		 (1u << 11)
#define PRIMARY_CR3_LOAD_EXITING	 (1u << 15)
#define PRIMARY_CR3_STORE_EXITING	 (1u << 16)
#define PRIMARY_CR8_LOAD_EXITING	 (1u << 19)
#define PRIMARY_USE_TPR_SHADOW		 (1u << 21)
#define PRIMARY_NMI_WINDOW_EXITING	 (1u << 22)
#define PRIMARY_MOV_DR_EXITING		 (1u << 23)
#define PRIMARY_UNCONDITIONAL_IO_EXITING (1u << 24)
#define PRIMARY_USE_MSR_BITMAPS		 (1u << 28)
#define PRIMARY_MONITOR_EXITING		 (1u << 29)
#define PRIMARY_SECONDARY		 (1u << 31)

/* Secondary processor-based controls: SDM vol. 3, table 25-7 */
#define SECONDARY_APIC_ACCESSES	     (1u << 0)
#define SECONDARY_EPT		     (1u << 1)
#define SECONDARY_RDTSCP	     (1u << 3)
#define SECONDARY_X2APIC_MODE	     (1u << 4)
#define SECONDARY_VPID		     (1u << 5)
#define SECONDARY_WBINVD_EXITING     (1u << 6)
#define SECONDARY_UNRESTRICTED_GUEST (1u << 7)
#define SECONDARY_APIC_REGISTERS     (1u << 8)
#define SECONDARY_INTERRUPT_DELIVERY (1u << 9)
#define SECONDARY_PAUSE_LOOP_EXITING (1u << 10)
#define SECONDARY_INVPCID	     (1u << 12)
#define SECONDARY_ENCLS_EXITING	     (1u << 15)
#define SECONDARY_XSAVES	     (1u << 20)
#define SECONDARY_ENCLV_EXITING	     (1u << 28)
#define SECONDARY_BUS_LOCK_DETECTION (1u << 30)

/* VM-exit controls: SDM vol. 3, table 25-13 */
#define EXIT_SAVE_DEBUG_CONTROLS   (1u << 2)
#define EXIT_HOST_64_BIT	   (1u << 9)
#define EXIT_ACKNOWLEDGE_INTERRUPT (1u << 15)
#define EXIT_SAVE_PAT		   (1u << 18)
#define EXIT_LOAD_PAT		   (1u << 19)
#define EXIT_SAVE_EFER		   (1u << 20)
#define EXIT_LOAD_EFER		   (1u << 21)

/* VM-entry controls: SDM vol. 3, table 25-15 */
#define ENTRY_LOAD_DEBUG_CONTROLS (1u << 2)
#define ENTRY_IA32E_GUEST	  (1u << 9)
#define ENTRY_LOAD_PAT		  (1u << 14)
#define ENTRY_LOAD_EFER		  (1u << 15)

/* Interruption information: SDM vol. 3, tables 25-17, 25-19 and 25-20 */
#define INTERRUPTION_VECTOR	BITS(7, 0)
#define INTERRUPTION_TYPE_SHIFT 8
#define INTERRUPTION_TYPE	BITS(10, 8)
#define INTERRUPTION_ERROR_CODE (1u << 11)
/* in an exit's interruption information: IRET had unblocked NMIs */
#define INTERRUPTION_NMI_UNBLOCKED (1u << 12)
#define INTERRUPTION_VALID	   (1u << 31)

/* Interruptibility state: SDM vol. 3, table 25-3 */
#define INTERRUPTIBILITY_STI	(1u << 0)
#define INTERRUPTIBILITY_MOV_SS (1u << 1)
#define INTERRUPTIBILITY_NMI	(1u << 3)

#define ACTIVITY_ACTIVE	       0u
#define ACTIVITY_HLT	       1u
#define ACTIVITY_WAIT_FOR_SIPI 3u

/* Pending debug exceptions: SDM vol. 3, table 25-4 */
#define PENDING_DEBUG_BS BIT(14)

/* Exit qualification of an EPT violation: SDM vol. 3, table 28-7 */
#define EPT_VIOLATION_READ	   BIT(0)
#define EPT_VIOLATION_WRITE	   BIT(1)
#define EPT_VIOLATION_FETCH	   BIT(2)
#define EPT_VIOLATION_LINEAR_VALID BIT(7)
/* clear: the access was a walk of the guest's own tables */
#define EPT_VIOLATION_TRANSLATED    BIT(8)
#define EPT_VIOLATION_NMI_UNBLOCKED BIT(12)

/* Exit qualification of an I/O instruction: SDM vol. 3, table 28-5 */
#define IO_QUALIFICATION_SIZE	    BITS(2, 0) /* the access's bytes minus 1 */
#define IO_QUALIFICATION_IN	    BIT(3)
#define IO_QUALIFICATION_STRING	    BIT(4)
#define IO_QUALIFICATION_REP	    BIT(5)
#define IO_QUALIFICATION_PORT_SHIFT 16

/* Exit qualification of a control-register access: SDM vol. 3, table 28-3 */
#define CR_QUALIFICATION_NUMBER BITS(3, 0)
#define CR_ACCESS_MOV_TO	0u
#define CR_ACCESS_MOV_FROM	1u

/* Exit qualification of #DB: SDM vol. 3, table 28-1 */
#define DB_QUALIFICATION_B   BITS(3, 0)
#define DB_QUALIFICATION_DR6 (DB_QUALIFICATION_B | BITS(14, 13))

/* Exit reason: SDM vol. 3, table 25-18 and appendix C */
#define EXIT_REASON_BASIC BITS(15, 0)
/* the guest has taken a bus lock; the other bits may give any reason */
#define EXIT_REASON_BUS_LOCK	  (1u << 26)
#define EXIT_REASON_ENTRY_FAILURE (1u << 31)
enum vmx_exit_reason {
	VMX_EXIT_EXCEPTION_NMI = 0,
	VMX_EXIT_EXTERNAL_INTERRUPT = 1,
	VMX_EXIT_TRIPLE_FAULT = 2,
	VMX_EXIT_INIT = 3,
	VMX_EXIT_SIPI = 4,
	VMX_EXIT_IO_SMI = 5,
	VMX_EXIT_OTHER_SMI = 6,
	VMX_EXIT_INTERRUPT_WINDOW = 7,
	VMX_EXIT_NMI_WINDOW = 8,
	VMX_EXIT_TASK_SWITCH = 9,
	VMX_EXIT_CPUID = 10,
	VMX_EXIT_GETSEC = 11,
	VMX_EXIT_HLT = 12,
	VMX_EXIT_INVD = 13,
	VMX_EXIT_INVLPG = 14,
	VMX_EXIT_RDPMC = 15,
	VMX_EXIT_RDTSC = 16,
	VMX_EXIT_RSM = 17,
	VMX_EXIT_VMCALL = 18,
	VMX_EXIT_VMCLEAR = 19,
	VMX_EXIT_VMPTRLD = 21,
	VMX_EXIT_VMPTRST = 22,
	VMX_EXIT_VMREAD = 23,
	VMX_EXIT_VMWRITE = 25,
	VMX_EXIT_VMXON = 27,
	VMX_EXIT_CR_ACCESS = 28,
	VMX_EXIT_MOV_DR = 29,
	VMX_EXIT_IO = 30,
	VMX_EXIT_RDMSR = 31,
	VMX_EXIT_WRMSR = 32,
	VMX_EXIT_INVALID_GUEST_STATE = 33,
	VMX_EXIT_MSR_LOADING = 34,
	VMX_EXIT_MWAIT = 36,
	VMX_EXIT_MONITOR = 39,
	VMX_EXIT_PAUSE = 40,
	VMX_EXIT_MACHINE_CHECK = 41,
	VMX_EXIT_TPR_BELOW_THRESHOLD = 43,
	VMX_EXIT_APIC_ACCESS = 44,
	VMX_EXIT_VIRTUALIZED_EOI = 45,
	VMX_EXIT_GDTR_IDTR = 46,
	VMX_EXIT_LDTR_TR = 47,
	VMX_EXIT_EPT_VIOLATION = 48,
	VMX_EXIT_EPT_MISCONFIGURATION = 49,
	VMX_EXIT_INVEPT = 50,
	VMX_EXIT_RDTSCP = 51,
	VMX_EXIT_PREEMPTION_TIMER = 52,
	VMX_EXIT_INVVPID = 53,
	VMX_EXIT_WBINVD = 54,
	VMX_EXIT_XSETBV = 55,
	VMX_EXIT_APIC_WRITE = 56,
	VMX_EXIT_INVPCID = 58,
	VMX_EXIT_VMFUNC = 59,
	VMX_EXIT_ENCLS = 60,
	VMX_EXIT_PML_FULL = 62,
	VMX_EXIT_XRSTORS = 64,
	VMX_EXIT_ENCLV = 70,
	VMX_EXIT_BUS_LOCK = 74,
};

/* VM-instruction error numbers: SDM vol. 3, table 31-1 */
enum vmx_instruction_error {
	VMX_ERROR_VMLAUNCH_NOT_CLEAR = 4,
	VMX_ERROR_VMRESUME_NOT_LAUNCHED = 5,
	VMX_ERROR_VMRESUME_AFTER_VMXOFF = 6,
	VMX_ERROR_CONTROL_FIELDS = 7,
	VMX_ERROR_HOST_STATE = 8,
	VMX_ERROR_EVENTS_BLOCKED_BY_MOV_SS = 26,
};

/* IA32_VMX_BASIC: SDM vol. 3, A.1 */
#define VMX_BASIC_REVISION	BITS(30, 0)
#define VMX_BASIC_TRUE_CONTROLS BIT(55)

/* IA32_VMX_MISC: SDM vol. 3, A.6 */
#define VMX_MISC_TIMER_SHIFT BITS(4, 0) /* the preemption timer counts changes of this TSC bit */
/* exits store EFER.LMA into the entry control "IA-32e mode guest" */
#define VMX_MISC_STORES_LMA BIT(5)

/* IA32_VMX_EPT_VPID_CAP: SDM vol. 3, A.10 */
#define EPT_CAP_WALK_4		BIT(6)
#define EPT_CAP_WB		BIT(14)
#define EPT_CAP_2M		BIT(16)
#define EPT_CAP_1G		BIT(17)
#define EPT_CAP_INVEPT		BIT(20)
#define EPT_CAP_INVEPT_SINGLE	BIT(25)
#define EPT_CAP_INVEPT_ALL	BIT(26)
#define VPID_CAP_INVVPID	BIT(32)
#define VPID_CAP_INVVPID_SINGLE BIT(41)
#define VPID_CAP_INVVPID_ALL	BIT(42)

/* Types of INVEPT and INVVPID: SDM vol. 3, 31.3 */
#define INVALIDATE_SINGLE_CONTEXT 1u
#define INVALIDATE_ALL_CONTEXTS	  2u

/* One entry of an MSR-load or MSR-store area: SDM vol. 3, table 25-16 */
struct vmx_msr_entry {
	u32 index;
	u32 reserved;
	u64 value;
};
_Static_assert(sizeof(struct vmx_msr_entry) == 16, "SDM vol. 3, table 25-16");

/*
 * MSR bitmap: a bit that is set makes the access exit (SDM vol. 3, 25.6.9). MSRs 0 to 1FFFh and
 * C0000000h to C0001FFFh have a bit each; all others exit.
 */
struct vmx_msr_bitmap {
	u8 read_low[1024];
	u8 read_high[1024];
	u8 write_low[1024];
	u8 write_high[1024];
};
_Static_assert(sizeof(struct vmx_msr_bitmap) == PAGE_SIZE, "SDM vol. 3, 25.6.9");
#define VMX_MSR_RANGE	  0x2000u
#define VMX_MSR_HIGH_BASE 0xc0000000u

/* Exit qualification of an access to the APIC's memory: SDM vol. 3, table 28-6 */
#define APIC_ACCESS_OFFSET     BITS(11, 0)
#define APIC_ACCESS_TYPE_SHIFT 12
/* type of access: a read by a linear address; the next two types also use linear addresses */
#define APIC_ACCESS_READ  0u
#define APIC_ACCESS_WRITE 1u
#define APIC_ACCESS_FETCH 2u
