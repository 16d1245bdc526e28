/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The reasons for which a guest stops running, the same on VMX and SVM. */
enum exit_reason {
	EXIT_NONE,
	EXIT_HOST_INTERRUPT,   /* for the kernel only: an interrupt of the host */
	EXIT_KICK,	       /* SYS_VCPU_KICK, or signals in the vCPU's queue, taken by the run */
	EXIT_DEADLINE,	       /* deadline_tsc has passed */
	EXIT_INTERRUPT_WINDOW, /* the guest can take an interrupt now; comes unrequested too */
	EXIT_NMI_WINDOW,       /* the guest can take an NMI now; comes on request only */
	EXIT_IO,
	EXIT_MEMORY, /* access to a guest-physical address that no mapping covers */
	EXIT_CPUID,
	EXIT_HLT,
	EXIT_RDMSR,
	EXIT_WRMSR,
	EXIT_CR, /* control-register access that the kernel's back end does not handle */
	EXIT_DR,
	EXIT_XSETBV,
	EXIT_EXCEPTION, /* an intercepted exception: exit.vector, exit.error_code */
	EXIT_HYPERCALL, /* VMCALL or VMMCALL */
	EXIT_TRIPLE_FAULT,
	EXIT_INVALID_OPCODE, /* an instruction that no guest may use: the monitor injects #UD */
	EXIT_INVD,	     /* INVD, WBINVD, WBNOINVD */
	EXIT_PAUSE,
	EXIT_MONITOR,
	EXIT_MWAIT,
	EXIT_RDPMC,
	EXIT_RDTSC, /* the guest executes RDTSC or RDTSCP */
	EXIT_INVLPG,
	EXIT_TASK_SWITCH,
	EXIT_DESCRIPTOR_TABLE,
	EXIT_INIT,
	EXIT_SIPI,
	EXIT_SMI,
	EXIT_EOI, /* the CPU has done an EOI for the guest, of a vector in eoi_exit */
	/*
	 * the guest's TPR fell below tpr_threshold (SVM: the write of CR8 comes as EXIT_CR before)
	 */
	EXIT_TPR,
	/*
	 * access to the local APIC's registers in memory that the CPU leaves to the monitor;
	 * `qualification` gives the offset and the kind of access
	 */
	EXIT_APIC_ACCESS,
	/*
	 * the CPU refused the guest's state: vendor_code gives the reason; VCPU_DUMP shows the
	 * state
	 */
	EXIT_ENTRY_FAILED,
	/* another exit: vendor_code and qualification hold the CPU's report */
	EXIT_UNKNOWN,
	EXIT_NO_MEMORY, /* no page is left to populate guest RAM */
	/* an APIC register was written; the monitor must bring about the write's effects */
	EXIT_APIC_WRITE,
	/*
	 * the guest locks the memory bus for all CPUs: the monitor should let it wait for a while
	 */
	EXIT_BUS_LOCK,
	EXIT_REASON_COUNT
};
_Static_assert(EXIT_REASON_COUNT <= 64, "reasons fit a mask and struct group_page");

enum exit_access {
	ACCESS_READ = 1 << 0,
	ACCESS_WRITE = 1 << 1,
	ACCESS_EXECUTE = 1 << 2,
	/* the access was made by a walk of the guest's own page tables */
	ACCESS_TABLE_WALK = 1 << 3,
};

enum exit_io_flag {
	IO_IN = 1 << 0,
	IO_STRING = 1 << 1,
	IO_REP = 1 << 2,
};

/* `reason` decides which fields are valid; the others may hold anything. */
struct vcpu_exit {
	u32 reason;		/* enum exit_reason */
	u32 instruction_length; /* in bytes; 0: unknown, the monitor decodes the instruction */
	u64 tsc;		/* host TSC at the exit */
	u32 access;		/* EXIT_MEMORY: enum exit_access */
	u16 io_port;
	u8 io_size;  /* EXIT_IO: the width of the access: 1, 2 or 4 bytes */
	u8 io_flags; /* enum exit_io_flag */
	u64 gpa;     /* EXIT_MEMORY: the guest-physical address of the access */
	u64 gva;     /* EXIT_MEMORY: the linear address if known, else 0 */
	/* EXIT_EXCEPTION, EXIT_EOI, EXIT_SIPI: the vector; EXIT_HYPERCALL: the CPL */
	u32 vector;
	/* EXIT_EXCEPTION, EXIT_TASK_SWITCH: the error code (the latter on SVM: from EXITINFO2) */
	u32 error_code;
	u64 vendor_code;    /* the CPU's own number of the exit, or VMX's VM-instruction error */
	u64 qualification;  /* VMX exit qualification, SVM EXITINFO1 */
	u64 qualification2; /* VMX instruction information, SVM EXITINFO2 */
};

/* clang-format off */
enum vcpu_gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};
/* clang-format on */

/*
 * The register groups. The general registers in the vCPU page (struct vcpu_page) are always valid.
 * Any other group is valid there only if its bit is set in `valid`; the next run takes the group
 * over if its bit is set in `dirty`.
 */
enum vcpu_groups {
	VCPU_RIP = 1 << 0,	/* rip, rflags, shadow */
	VCPU_SEGMENTS = 1 << 1, /* cs to ldtr */
	VCPU_TABLES = 1 << 2,	/* gdtr and idtr */
	VCPU_CONTROL = 1 << 3,	/* cr0, cr2, cr3, cr4, efer */
	VCPU_DEBUG = 1 << 4,	/* dr0-dr3, dr6, dr7 */
	VCPU_MSRS = 1 << 5,	/* `msr`: the MSRs of enum vcpu_msr */
	VCPU_EVENT = 1 << 6,	/* `event`: the event whose delivery the exit cut short */
	VCPU_XCR0 = 1 << 7,
	VCPU_TSC = 1 << 8, /* tsc_offset alone */
	/* the groups of a vCPU's saved state; those below are not part of it */
	VCPU_ALL = (1 << 9) - 1,
	/* `code`: the guest's code bytes at RIP; may be asked for in `want` only */
	VCPU_CODE = 1 << 9,
	/*
	 * the registers in page VCPU_XSAVE_PAGE, which SYS_VCPU_GET writes there; if this bit is
	 * set in `dirty`, the next run loads the vCPU's registers from that page
	 */
	VCPU_XSAVE = 1 << 10,
	/* trap_exceptions, trap, cr3_target: may be set in `dirty` only */
	VCPU_TRAPS = 1 << 11,
	VCPU_APIC = 1 << 12,	   /* apic_mode, apic_gpa, eoi_exit: may be set in `dirty` only */
	VCPU_INTERRUPTS = 1 << 13, /* interrupt_status: may be set in `dirty` only */
	/* `dump`: fields of the VMCS or VMCB, which SYS_VCPU_GET alone writes to the vCPU page */
	VCPU_DUMP = 1 << 14,
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
	u32 limit; /* the segment's limit in bytes, after scaling by the granularity bit */
	u32 access;
	u16 selector;
	u16 reserved[3];
};

struct vcpu_table_state {
	u64 base;
	u32 limit;
	u32 reserved;
};

/* clang-format off */
enum vcpu_msr {
	VMSR_STAR, VMSR_LSTAR, VMSR_CSTAR, VMSR_SFMASK, VMSR_KERNEL_GS_BASE,
	VMSR_SYSENTER_CS, VMSR_SYSENTER_ESP, VMSR_SYSENTER_EIP, VMSR_PAT, VMSR_TSC_AUX,
	VMSR_COUNT
};
/* clang-format on */

enum vcpu_shadow {
	SHADOW_STI = 1 << 0,
	/* SVM has one kind of interrupt shadow, and reports SHADOW_STI for both */
	SHADOW_MOV_SS = 1 << 1,
	SHADOW_NMI = 1 << 2, /* NMIs are blocked until IRET */
};

enum event_type { /* values as in the VMX interruption information */
		  EVENT_INTERRUPT = 0,
		  EVENT_NMI = 2,
		  EVENT_EXCEPTION = 3,
		  EVENT_SOFTWARE_INTERRUPT = 4,
		  EVENT_PRIVILEGED_EXCEPTION = 5, /* INT1, the privileged software exception */
		  EVENT_SOFTWARE_EXCEPTION = 6,
};

/* An event to deliver on entry, or one whose delivery an exit interrupted. */
struct vcpu_event {
	u8 valid;
	u8 type; /* enum event_type */
	u8 vector;
	u8 has_error_code;
	u32 error_code;
	/* length in bytes of the instruction that raised a software event */
	u32 instruction_length;
	u32 reserved;
};

enum vcpu_request {
	/* the run shall end when the guest can take an interrupt */
	REQUEST_INTERRUPT_WINDOW = 1 << 0,
	REQUEST_NMI_WINDOW = 1 << 1,
	/* the run shall first move RIP by advance_length, which ends any interrupt shadow */
	REQUEST_ADVANCE = 1 << 2,
	REQUEST_FLUSH = 1 << 3, /* the run shall first flush the guest's TLB entries */
};

/*
 * The pages of the memory object given to SYS_VCPU_CREATE: the vCPU page and the local APIC's
 * registers. A larger object also has a table by which the kernel answers CPUID, and the page for
 * the part VCPU_XSAVE of the state: the FPU's registers in XSAVE's standard format (SDM vol.
 * 1, 13.4), or FXSAVE's if the CPU has no XSAVE.
 */
enum vcpu_pages {
	VCPU_PAGE,
	VCPU_APIC_PAGE,
	VCPU_PAGES, /* number of mandatory pages, the first ones */
	VCPU_CPUID_PAGE = VCPU_PAGES,
	VCPU_XSAVE_PAGE,
	VCPU_PAGES_MAX
};

enum vcpu_cpuid_flag {
	CPUID_VALID = 1 << 0,	/* the table's slot is in use */
	CPUID_INDEXED = 1 << 1, /* the entry answers its own subleaf only; without: every subleaf */
	CPUID_OSXSAVE = 1 << 2, /* bit 27 of the answer in ECX shows the guest's CR4.OSXSAVE */
	CPUID_OSPKE = 1 << 3,	/* bit 4 of the answer in ECX shows the guest's CR4.PKE */
};

/*
 * One answer of CPUID. It lies in the first free slot from vcpu_cpuid_slot(leaf) on, wrapping at
 * the end, within VCPU_CPUID_PROBES slots; a leaf that is not found there exits to the monitor.
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

#define VCPU_CPUID_SLOTS  (PAGE_SIZE / sizeof(struct vcpu_cpuid_entry))
#define VCPU_CPUID_PROBES 16u

/*
 * Returns the slot of the CPUID table at which the search for a leaf begins: spreads the three
 * ranges in use (0, 0x40000000, 0x80000000) and leaves room for subleaves.
 */
static inline u32 vcpu_cpuid_slot(u32 leaf)
{
	return (leaf * 4 + (leaf >> 25)) % VCPU_CPUID_SLOTS;
}

/*
 * Changes in how the guest runs that a monitor may ask for (vcpu_page.trap); one that the CPU does
 * not support has no effect.
 */
enum vcpu_trap {
	VTRAP_CR = 1 << 0, /* writes of CR0, CR3 and CR4 exit as EXIT_CR, before they take effect */
	/* MOV from and to a debug register exits as EXIT_DR, before it takes effect */
	VTRAP_DR = 1 << 1,
	VTRAP_MSR = 1 << 2,	 /* the guest's accesses of every MSR exit */
	VTRAP_NO_TIMER = 1 << 3, /* VMX: the preemption timer never ends a run */
	VTRAP_FLUSH = 1 << 4,	 /* each entry flushes the guest's TLB entries */
	/* VMX: unrestricted guest mode is off, and paging is always on */
	VTRAP_RESTRICTED = 1 << 5,
};

/*
 * The parts of a local APIC's work that the CPU does by itself, in the APIC page (SDM vol. 3,
 * chapter 30). In the modes from VAPIC_DELIVERY on, the page belongs to the CPU while the guest
 * runs.
 */
enum vcpu_apic_mode {
	/*
	 * The CPU virtualizes only the TPR, as CR8 shows it: the TPR is read from the APIC page at
	 * every entry and written back at every exit.
	 */
	VAPIC_NONE,
	VAPIC_DELIVERY, /* the CPU delivers to the guest the interrupts that are set in IRR */
	/*
	 * like VAPIC_DELIVERY; the CPU also handles accesses to memory at apic_gpa: reads, and
	 * writes of TPR, EOI and self-IPIs
	 */
	VAPIC_MEMORY,
	/*
	 * like VAPIC_DELIVERY; the CPU also handles accesses by the x2APIC's MSRs, except for reads
	 * of ICR
	 */
	VAPIC_MSRS,
};

enum vcpu_settle {
	/*
	 * the kernel answers hypercalls from CPL 0 whose number has no bit in vcpu_page.hypercalls
	 */
	SETTLE_HYPERCALL = 1 << 0,
};

enum vcpu_mark {
	MARK_PREEMPTED = 1 << 0,
	MARK_FLUSH = 1 << 1,
};

/*
 * The vCPU page, shared by the kernel and the monitor; the monitor writes it only between two calls
 * of SYS_VCPU_RUN (runs). The kernel reads each word once and trusts none: a value that the CPU
 * refuses ends in EXIT_ENTRY_FAILED. The run that carries out `request`, `dirty` and `inject` sets
 * them to 0.
 */
struct vcpu_page {
	u64 gpr[GPR_COUNT];

	/* The fields from here on are written by the kernel. */
	struct vcpu_exit exit;
	u32 valid; /* enum vcpu_groups */
	u32 run_count;

	/* The fields from here on are written by the monitor. */
	u32 request; /* enum vcpu_request */
	u32 advance_length;
	u64 deadline_tsc; /* host TSC at which the run ends; 0: no deadline */
	u32 dirty;	  /* enum vcpu_groups */
	struct vcpu_event inject;
	/* the TPR below which a run ends (EXIT_TPR); 0: there is no threshold */
	u32 tpr_threshold;
	/* by exit reason: register groups to copy at such an exit, besides VCPU_RIP */
	u32 want[EXIT_REASON_COUNT];

	/*
	 * VCPU_EVENT: the event that was being delivered when the exit came; the monitor injects it
	 * again
	 */
	struct vcpu_event event;

	/* The group VCPU_RIP. */
	u64 rip ALIGNED(64);
	u64 rflags;
	u32 shadow; /* enum vcpu_shadow */
	u32 reserved;

	/* The group VCPU_CONTROL. */
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
	u64 dr[8]; /* the guest's DR0 to DR7; entries 4 and 5 are unused */
	u64 msr[VMSR_COUNT];

	/* The group VCPU_DUMP. */
	u32 dump_count;
	u32 dump_reserved;
	struct vcpu_dump_field {
		u32 id; /* the field's VMCS encoding, or offset into the VMCB */
		u32 reserved;
		u64 value;
	} dump[128];

	/*
	 * The fields from here on tell the kernel which exits to handle by itself. The monitor
	 * writes them, and may change them between any two runs.
	 */
	u32 settle; /* enum vcpu_settle */
	u32 settle_reserved;
	/* SETTLE_HYPERCALL: a bit for each hypercall number below 64 that is left to the monitor */
	u64 hypercalls;
	/* the value that the kernel returns in RAX of hypercalls that it answers */
	u64 hypercall_result;

	/*
	 * VCPU_CODE: the number of the guest's code bytes at RIP in `code`, all in one page; 0:
	 * unknown, the monitor fetches them
	 */
	u32 code_bytes;
	u32 code_reserved;
	u8 code[16];

	/*
	 * Guest-physical address of a byte in guest RAM; 0: none. When the vCPU loses its CPU, the
	 * kernel writes MARK_PREEMPTED there, and 0 before the vCPU continues; if the guest has set
	 * MARK_FLUSH meanwhile, the kernel then flushes the guest's TLB entries (KVM's `preempted`:
	 * Linux Documentation/virt/kvm/x86/msr.rst, MSR_KVM_STEAL_TIME).
	 */
	u64 preempted_gpa;
	/*
	 * TSC cycles that the vCPU's thread has waited for a CPU, in total; written by the kernel
	 */
	u64 waited_tsc;

	/*
	 * VCPU_TRAPS: the exceptions that exit as EXIT_EXCEPTION before the guest gets them, a bit
	 * for each vector. With #BP, INTn may exit too, also as #BP: the monitor tells them apart
	 * by the instruction at RIP.
	 */
	u32 trap_exceptions;
	u32 trap; /* enum vcpu_trap */
	/* VTRAP_CR on VMX: values that the guest loads into CR3 without an exit */
	u64 cr3_target[4];

	/*
	 * not 0: the CPU can do every enum vcpu_apic_mode; the kernel writes the field when it
	 * creates the vCPU
	 */
	u32 apic_virtualized;
	/*
	 * VCPU_APIC. With VAPIC_MEMORY a page mapped writable at apic_gpa stands for the APIC's
	 * memory, the same for all vCPUs of the guest; the guest never sees its contents. If no
	 * page is mapped there, the run returns STATUS_BAD_ADDRESS.
	 */
	u32 apic_mode; /* enum vcpu_apic_mode */
	u64 apic_gpa;
	u64 eoi_exit[4]; /* a bit for each vector whose EOI exits with EXIT_EOI */
	/*
	 * VCPU_INTERRUPTS: the value for RVI, and in bits 15:8 for SVI; the CPU changes both by
	 * itself afterwards
	 */
	u16 interrupt_status;
	u16 interrupt_reserved[3];

	/*
	 * The kernel does not use this field: the monitor stores CR8 (TPR bits 7:4) for readers of
	 * the page.
	 */
	u64 cr8;
};
_Static_assert(sizeof(struct vcpu_page) <= PAGE_SIZE, "one page");
