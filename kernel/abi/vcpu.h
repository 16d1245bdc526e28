/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Why a guest stopped running, the same on VMX and SVM. */
enum exit_reason {
	EXIT_NONE,
	EXIT_HOST_INTERRUPT,     /* kernel only */
	EXIT_KICK,               /* SYS_VCPU_KICK or a signal in the vCPU's queue */
	EXIT_DEADLINE,           /* deadline_tsc has passed */
	EXIT_INTERRUPT_WINDOW,   /* asked for; the guest can take an interrupt now */
	EXIT_NMI_WINDOW,         /* asked for; the guest can take an NMI now */
	EXIT_IO,
	EXIT_MEMORY,             /* second-stage fault that no mapping covers */
	EXIT_CPUID,
	EXIT_HLT,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_CR,                 /* control-register access that the back end does not settle */
	EXIT_DR,
	EXIT_XSETBV,
	EXIT_EXCEPTION,          /* intercepted: event.vector, event.error_code */
	EXIT_HYPERCALL,          /* VMCALL or VMMCALL */
	EXIT_TRIPLE_FAULT,
	EXIT_INVALID_OPCODE,     /* virtualization instruction: give #UD */
	EXIT_INVD,               /* INVD, WBINVD, WBNOINVD */
	EXIT_PAUSE,
	EXIT_MONITOR,
	EXIT_MWAIT,
	EXIT_RDPMC,
	EXIT_RDTSC,              /* RDTSC, RDTSCP */
	EXIT_INVLPG,
	EXIT_TASK_SWITCH,
	EXIT_DESCRIPTOR_TABLE,
	EXIT_INIT,
	EXIT_SIPI,
	EXIT_SMI,
	EXIT_EOI,                /* the CPU has done the EOI of a vector in eoi_exit */
	EXIT_TPR,                /* TPR fell below tpr_threshold (SVM: EXIT_CR before it) */
	EXIT_APIC_ACCESS,        /* to the APIC's memory, that the CPU does not do: qualification */
	EXIT_ENTRY_FAILED,       /* guest state refused: vendor_code; VCPU_DUMP says more */
	EXIT_UNKNOWN,            /* vendor_code, qualification hold what the CPU said */
	EXIT_NO_MEMORY,          /* guest RAM could not be populated */
	EXIT_APIC_WRITE,         /* a register was written; what follows from it is to be done */
	EXIT_REASON_COUNT
};
_Static_assert(EXIT_REASON_COUNT <= 64, "reasons fit a mask and struct group_page");

enum exit_access {
	ACCESS_READ = 1 << 0,
	ACCESS_WRITE = 1 << 1,
	ACCESS_EXECUTE = 1 << 2,
	ACCESS_TABLE_WALK = 1 << 3, /* by the walk of the guest's own page tables */
};

enum exit_io_flag {
	IO_IN = 1 << 0,
	IO_STRING = 1 << 1,
	IO_REP = 1 << 2,
};

/* Which fields mean something depends on reason; the others may hold anything. */
struct vcpu_exit {
	u32 reason;             /* enum exit_reason */
	u32 instruction_length; /* 0: not known, decode the instruction */
	u64 tsc;                /* host TSC at the exit */
	u32 access;             /* EXIT_MEMORY: enum exit_access */
	u16 io_port;
	u8 io_size;             /* 1, 2, 4 */
	u8 io_flags;            /* enum exit_io_flag */
	u64 gpa;                /* EXIT_MEMORY: address */
	u64 gva;                /* EXIT_MEMORY: linear address where known, else 0 */
	u32 vector;             /* EXIT_EXCEPTION, EXIT_EOI, EXIT_SIPI; EXIT_HYPERCALL: CPL */
	u32 error_code;         /* EXIT_EXCEPTION, EXIT_TASK_SWITCH (SVM: EXITINFO2's) */
	u64 vendor_code;        /* the CPU's own exit code or VM-instruction error */
	u64 qualification;      /* VMX exit qualification, SVM EXITINFO1 */
	u64 qualification2;     /* VMX instruction information, SVM EXITINFO2 */
};

enum vcpu_gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};

/*
 * Register groups. The general registers are always live in the page; every other group is only
 * valid there when its bit is in `valid`, and taken over on the next run when it is in `dirty`.
 */
enum vcpu_groups {
	VCPU_RIP = 1 << 0,      /* rip, rflags, shadow */
	VCPU_SEGMENTS = 1 << 1, /* cs to ldtr */
	VCPU_TABLES = 1 << 2,   /* gdtr, idtr */
	VCPU_CONTROL = 1 << 3,  /* cr0, cr2, cr3, cr4, efer */
	VCPU_DEBUG = 1 << 4,    /* dr0-dr3, dr6, dr7 */
	VCPU_MSRS = 1 << 5,     /* enum vcpu_msr */
	VCPU_EVENT = 1 << 6,    /* the event being delivered */
	VCPU_XCR0 = 1 << 7,
	VCPU_TSC = 1 << 8,      /* tsc_offset */
	VCPU_ALL = (1 << 9) - 1, /* the state of a vCPU; what follows is none */
	VCPU_CODE = 1 << 9,      /* code: by `want` alone */
	VCPU_XSAVE = 1 << 10,    /* the page VCPU_XSAVE_PAGE: by SYS_VCPU_GET and `dirty` */
	VCPU_TRAPS = 1 << 11,    /* trap_exceptions and what follows: by `dirty` alone */
	VCPU_APIC = 1 << 12,     /* apic_mode and what follows: by `dirty` alone */
	VCPU_INTERRUPTS = 1 << 13, /* interrupt_status: by `dirty` alone */
	VCPU_DUMP = 1 << 14,     /* dump, of the VMCS or VMCB: by SYS_VCPU_GET alone */
};

enum vcpu_segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* Access rights as in the VMCS (SDM vol. 3, 25.4.1, table 25-2). */
enum segment_access {
	SEGMENT_TYPE = 0xf,
	SEGMENT_S = 1 << 4,
	SEGMENT_DPL_SHIFT = 5,
	SEGMENT_P = 1 << 7,
	SEGMENT_AVL = 1 << 12,
	SEGMENT_L = 1 << 13,
	SEGMENT_DB = 1 << 14,
	SEGMENT_G = 1 << 15,
	SEGMENT_UNUSABLE = 1 << 16,
};

struct vcpu_segment_state {
	u64 base;
	u32 limit; /* in bytes, after scaling */
	u32 access;
	u16 selector;
	u16 reserved[3];
};

struct vcpu_table_state {
	u64 base;
	u32 limit;
	u32 reserved;
};

enum vcpu_msr {
	VMSR_STAR, VMSR_LSTAR, VMSR_CSTAR, VMSR_SFMASK, VMSR_KERNEL_GS_BASE,
	VMSR_SYSENTER_CS, VMSR_SYSENTER_ESP, VMSR_SYSENTER_EIP, VMSR_PAT, VMSR_TSC_AUX,
	VMSR_COUNT
};

enum vcpu_shadow {
	SHADOW_STI = 1 << 0,
	SHADOW_MOV_SS = 1 << 1, /* SVM knows one shadow only and reports SHADOW_STI */
	SHADOW_NMI = 1 << 2,    /* NMIs are blocked until IRET */
};

enum event_type { /* as in the VMX interruption information */
	EVENT_INTERRUPT = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
	EVENT_SOFTWARE_INTERRUPT = 4,
	EVENT_PRIVILEGED_EXCEPTION = 5, /* INT1 */
	EVENT_SOFTWARE_EXCEPTION = 6,
};

/* An event to deliver on entry, or one whose delivery an exit interrupted. */
struct vcpu_event {
	u8 valid;
	u8 type;   /* enum event_type */
	u8 vector;
	u8 has_error_code;
	u32 error_code;
	u32 instruction_length; /* software events */
	u32 reserved;
};

enum vcpu_request {
	REQUEST_INTERRUPT_WINDOW = 1 << 0, /* exit when an interrupt can be taken */
	REQUEST_NMI_WINDOW = 1 << 1,
	REQUEST_ADVANCE = 1 << 2,  /* move RIP by advance_length first, ending any shadow */
	REQUEST_FLUSH = 1 << 3,    /* flush the guest's TLB entries */
};

/*
 * The memory given to SYS_VCPU_CREATE: the vCPU page, the local APIC's registers and, when the
 * object is that large, a table by which the kernel settles CPUID and the image of VCPU_XSAVE: the
 * standard form of XSAVE (SDM vol. 1, 13.4), of FXSAVE where the CPU has no other.
 */
enum vcpu_pages {
	VCPU_PAGE,
	VCPU_APIC_PAGE,
	VCPU_PAGES, /* that there must be */
	VCPU_CPUID_PAGE = VCPU_PAGES,
	VCPU_XSAVE_PAGE,
	VCPU_PAGES_MAX
};

enum vcpu_cpuid_flag {
	CPUID_VALID = 1 << 0,   /* the slot is in use */
	CPUID_INDEXED = 1 << 1, /* for this subleaf alone */
	CPUID_OSXSAVE = 1 << 2, /* ECX bit 27 shows CR4.OSXSAVE */
	CPUID_OSPKE = 1 << 3,   /* ECX bit 4 shows CR4.PKE */
};

/*
 * One answer of CPUID. It lies in the first free slot from vcpu_cpuid_slot(leaf) on, round the end,
 * less than VCPU_CPUID_PROBES away; a leaf that is not found, or has no slot, exits to the monitor.
 */
struct vcpu_cpuid_entry {
	u32 flags; /* enum vcpu_cpuid_flag */
	u32 leaf;
	u32 subleaf;
	u32 eax;
	u32 ebx;
	u32 ecx;
	u32 edx;
	u32 reserved;
};

#define VCPU_CPUID_SLOTS (PAGE_SIZE / sizeof(struct vcpu_cpuid_entry))
#define VCPU_CPUID_PROBES 16u

/* Spreads the three ranges in use (0, 0x40000000, 0x80000000) and leaves room for subleaves. */
static inline u32 vcpu_cpuid_slot(u32 leaf)
{
	return (leaf * 4 + (leaf >> 25)) % VCPU_CPUID_SLOTS;
}

/* What a monitor may ask of the back end; what a CPU does not have has no effect. */
enum vcpu_trap {
	VTRAP_CR = 1 << 0,	  /* writes of CR0, CR3 and CR4: EXIT_CR, with nothing done */
	VTRAP_DR = 1 << 1,	  /* MOV from and to a debug register: EXIT_DR, likewise */
	VTRAP_MSR = 1 << 2,	  /* every MSR */
	VTRAP_NO_TIMER = 1 << 3,  /* VMX: no preemption timer */
	VTRAP_FLUSH = 1 << 4,	  /* an entry keeps nothing in the TLB */
	VTRAP_RESTRICTED = 1 << 5, /* VMX: no unrestricted guest, paging is always on */
};

/*
 * What a CPU may do of a local APIC's work by itself, in the APIC page (SDM vol. 3, chapter 30).
 * The page is the CPU's then while the guest runs.
 */
enum vcpu_apic_mode {
	VAPIC_NONE,     /* TPR alone, by CR8; taken at every entry, brought at every exit */
	VAPIC_DELIVERY, /* takes interrupts out of IRR */
	VAPIC_MEMORY,   /* and TPR, EOI, interrupts to itself and reads, by memory at apic_gpa */
	VAPIC_MSRS,     /* the same for an x2APIC, but for reads of ICR */
};

enum vcpu_settle {
	SETTLE_HYPERCALL = 1 << 0, /* those of the guest's kernel that are not in `hypercalls` */
};

enum vcpu_mark {
	MARK_PREEMPTED = 1 << 0,
	MARK_FLUSH = 1 << 1,
};

/*
 * One page shared by the kernel and the monitor; the monitor writes only between runs. The kernel
 * reads each word once and trusts none: what the CPU would refuse ends in EXIT_ENTRY_FAILED.
 * `request`, `dirty` and `inject` are taken (set to 0) by the run that obeys them.
 */
struct vcpu_page {
	u64 gpr[GPR_COUNT];

	/* from the kernel */
	struct vcpu_exit exit;
	u32 valid; /* enum vcpu_groups */
	u32 run_count;

	/* to the kernel */
	u32 request; /* enum vcpu_request */
	u32 advance_length;
	u64 deadline_tsc; /* host TSC; 0: none */
	u32 dirty;   /* enum vcpu_groups */
	struct vcpu_event inject;
	u32 tpr_threshold; /* 0: none */
	u32 want[EXIT_REASON_COUNT]; /* groups to bring along with each reason, besides VCPU_RIP */

	/* VCPU_EVENT: what was being delivered when the exit came; the monitor hands it back */
	struct vcpu_event event;

	/* VCPU_RIP */
	u64 rip ALIGNED(64);
	u64 rflags;
	u32 shadow; /* enum vcpu_shadow */
	u32 reserved;

	/* VCPU_CONTROL */
	u64 cr0;
	u64 cr2;
	u64 cr3;
	u64 cr4;
	u64 efer;

	u64 xcr0;
	u64 tsc_offset; /* guest TSC - host TSC */

	struct vcpu_segment_state segment[SEG_COUNT];
	struct vcpu_table_state gdtr;
	struct vcpu_table_state idtr;
	u64 dr[8]; /* 4 and 5 unused */
	u64 msr[VMSR_COUNT];

	/* VCPU_DUMP */
	u32 dump_count;
	u32 dump_reserved;
	struct vcpu_dump_field {
		u32 id; /* VMCS encoding, or offset into the VMCB */
		u32 reserved;
		u64 value;
	} dump[128];

	/* to the kernel, for the exits that it settles by itself; from the start or between runs */
	u32 settle;           /* enum vcpu_settle */
	u32 settle_reserved;
	u64 hypercalls;       /* numbers below 64 that come to the monitor: SETTLE_HYPERCALL */
	u64 hypercall_result; /* RAX for all others */

	/* VCPU_CODE: the bytes at RIP, all of one page; 0: not known, fetch them */
	u32 code_bytes;
	u32 code_reserved;
	u8 code[16];

	/*
	 * A byte in guest RAM, 0: none. When the CPU is taken from the guest the kernel writes
	 * MARK_PREEMPTED there, and 0 before the guest goes on; was MARK_FLUSH set meanwhile, it
	 * flushes the guest's TLB entries then (KVM's `preempted`: Linux
	 * Documentation/virt/kvm/x86/msr.rst, MSR_KVM_STEAL_TIME).
	 */
	u64 preempted_gpa;
	/* From the kernel: TSC cycles that the thread has waited for a CPU in all. */
	u64 waited_tsc;

	/*
	 * VCPU_TRAPS: exceptions that exit as EXIT_EXCEPTION before the guest gets them, a bit for
	 * each vector. With #BP software interrupts may too, as #BP: the instruction at RIP tells.
	 */
	u32 trap_exceptions;
	u32 trap; /* enum vcpu_trap */
	u64 cr3_target[4]; /* VTRAP_CR on VMX: values of CR3 that load without an exit */

	u32 apic_virtualized; /* from the kernel, at creation: all of enum vcpu_apic_mode work */
	/*
	 * VCPU_APIC. VAPIC_MEMORY: a page mapped writable at apic_gpa stands for the APIC's memory,
	 * the same for all vCPUs of the space; nobody sees what it holds. STATUS_BAD_ADDRESS if
	 * there is none.
	 */
	u32 apic_mode; /* enum vcpu_apic_mode */
	u64 apic_gpa;
	u64 eoi_exit[4]; /* vectors whose EOI exits */
	/* VCPU_INTERRUPTS: the highest vector in IRR, bits 15:8 in ISR; the CPU goes on with it */
	u16 interrupt_status;
	u16 interrupt_reserved[3];

	/* Nothing to the kernel: the monitor notes CR8, bits 7:4 of TPR, for who reads the page. */
	u64 cr8;
};
_Static_assert(sizeof(struct vcpu_page) <= PAGE_SIZE, "one page");
