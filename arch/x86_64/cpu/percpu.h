/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/trap_frame.h"
#include "arch/x86_64/hw/descriptor.h"
#include "arch/x86_64/hw/machine_check.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "lib/types.h"

#define KERNEL_STACK_BYTES 16384ul
#define IST_COUNT	   3
#define STACK_BASE_BYTES   16ul /* struct stack_base, at the highest address of every stack */

struct thread;
struct run_queue;
struct vcpu;
struct cpu_counters;

/* The 64-bit TSS (SDM vol. 3, 8.7), with the I/O permission bitmap and its closing byte. */
#define IO_BITMAP_BYTES 8192u
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_bitmap_offset;
	u8 io_bitmap[IO_BITMAP_BYTES];
	u8 io_bitmap_end;
} PACKED;
#define TSS_NO_IO_BITMAP ((u16)(sizeof(struct tss) + 1))

enum gdt_selector {
	SELECTOR_KERNEL_CODE = 0x08,
	SELECTOR_KERNEL_DATA = 0x10,
	/*
	 * The order is fixed: SYSRET takes CS and SS from 0x18 + 16 and + 8, SYSEXIT from 0x08 + 32
	 * and + 40.
	 */
	SELECTOR_USER_DATA = 0x20 | 3,
	SELECTOR_USER_CODE = 0x28 | 3,
	SELECTOR_TSS = 0x38,
	GDT_ENTRIES = 9,
};

/* The reasons for which a CPU leaves its guest or thread for its loop, bits of cpu->pending. */
enum cpu_pending {
	PENDING_RESCHEDULE = 1 << 0,
	PENDING_TIMER = 1 << 1,
	PENDING_NMI = 1 << 2,
	PENDING_MACHINE_CHECK = 1 << 3,
	/*
	 * The CPU shall pass through its loop (mm/tlb.h). Only the CPU itself sets this bit, while
	 * pages wait to be freed or `grace` is set.
	 */
	PENDING_PASS = 1 << 4,
	/* the CPU shall save and release the vCPU whose registers it holds */
	PENDING_UNLOAD = 1 << 5,
	PENDING_KICK = 1 << 7, /* the CPU shall pass through its loop, for nothing else */
	/* another CPU may have less to do: this CPU shall hand it a thread (sched_give) */
	PENDING_GIVE = 1 << 6,
	/* the kernel's log has grown: this CPU shall signal the log's reader, the manager */
	PENDING_LOG = 1 << 8,
	/* the CPU shall put the last references in `dropped` (object_drop) */
	PENDING_DROPPED = 1 << 9,
};

/*
 * The state of one CPU; only that CPU uses it unless a field says otherwise. Mapped outside the
 * direct map, so that the entry stubs can reach it in the user view of the page tables too.
 */
struct cpu {
	/* CR3 to load on entry from ring 3; 0: ring 3 runs on the kernel's tables */
	u64 kernel_root;
	/* CR3 to load on return to ring 3; 0: ring 3 runs on the kernel's tables */
	u64 user_root;
	/*
	 * the pending word, bits of enum cpu_pending; may be set at any instruction, by other CPUs
	 * too
	 */
	u64 pending;
	u32 id;
	u32 apic_id;
	u8 node;       /* the CPU's NUMA node */
	u64 nmi_rip;   /* RIP at which the last NMI hit this CPU */
	u64 nmi_count; /* number of NMIs that are not logged yet */
	/* the last machine check recorded, until the CPU loop handles it */
	struct machine_check machine_check;
	/* when the CPU last looked for corrected machine checks, as TSC / 2^POLL_SHIFT */
	u64 polled;

	struct thread *thread; /* the thread whose frame and address space this CPU has loaded */
	/* `serial` of the thread that last ran on this CPU, in ring 3 or as a guest */
	u64 ran;
	/*
	 * another thread, or its guest, has run on this CPU since ring 3 last did: see thread_clear
	 */
	bool foreign;
	/* the thread scheduled on this CPU; differs from `thread` while guests run */
	struct thread *running;
	u32 ports_version; /* ports_version of the process whose I/O bitmap is in the TSS */
	/* the vCPU whose registers, FPU and MSRs included, this CPU holds; NULL: none */
	struct vcpu *loaded;
	struct cpu_counters *counters;
	/* the address on the CPU's stack at which the frame of an entry from ring 3 ends */
	u64 stack_top;
	u64 ist[IST_COUNT]; /* tops of the stacks for NMI, double fault, machine check */
	const void *idt;    /* the IDT, shared by all CPUs, at an address that ring 3 may learn */

	u64 charged_tsc; /* when `running` was last charged; guarded by `lock` */
	u64 surcharge;	 /* ticks that `running` is charged besides, for switches */
	u64 armed_tsc;	 /* the TSC for which the one-shot timer is set; 0: none */
	/* the guest's deadline with which the timer was last computed, or TIMER_STALE */
	u64 armed_for;
	/*
	 * The lock guards the queue of threads that want to run on this CPU and the list of those
	 * that sleep; other CPUs change both.
	 */
	struct lock lock;
	struct run_queue *queue;
	struct list sleeping; /* threads that wait with a deadline, the earliest first */
	/*
	 * The next two fields, TSC values, are written under `lock` and read without it; 0: never.
	 */
	u64 wake_tsc;  /* the earliest deadline of `sleeping` */
	u64 queue_tsc; /* TSC at which the CPU must choose anew which thread runs */
	/*
	 * TSC at which the CPU next looks for a less busy CPU to hand a thread to; guarded by the
	 * object lock
	 */
	u64 balance_tsc;
	u64 gave_nothing_tsc; /* TSC when this CPU last had no thread to hand over to another one */
	/* the thread `running` continues past its slice for a short while: see sched_extend */
	bool grace;
	bool idle; /* the CPU is halted, or about to ask another CPU for a thread */

	/* the CPU shares the object lock (kernel/object/object_lock.h); other CPUs read the flag */
	bool shares;
	struct list dropped; /* objects whose last reference this CPU has yet to put */

	u64 gdt[GDT_ENTRIES];
	/* describes the CPU's `gdt`; the VMX back end loads GDTR from it after each exit */
	struct descriptor_table_register gdtr;
	struct tss tss;
	void *virt_area; /* VMXON region (VMX) or host save area (SVM) */
	bool virt_on;
	u32 locks; /* DEBUG=1: BIT(enum lock_rank) of each lock that the CPU holds */
	/* the frame of the NMI that stopped the CPU for good; NULL: the CPU runs */
	const struct trap_frame *stopped;
};

struct stack_base {
	struct cpu *cpu;
	/*
	 * the address of the handler of SYSCALL, which the stub mapped just above the CPU's stack
	 * reads
	 */
	u64 syscall_entry;
};
_Static_assert(sizeof(struct stack_base) == STACK_BASE_BYTES, "known to entry.S");

/*
 * Returns the running CPU, found by the stack pointer: kernel and IST stacks all end in a
 * stack_base.
 */
static inline struct cpu *this_cpu(void)
{
	u64 rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	return ((struct stack_base *)((rsp | (KERNEL_STACK_BYTES - 1)) + 1))[-1].cpu;
}

/*
 * Fills the IDT that all CPUs share, CPU_IDT_BYTES long, loads it and returns it. Vector n leads to
 * stubs + n * TRAP_STUB_BYTES; NMI, #DF and #MC also need a TSS, for their stacks.
 */
#define CPU_IDT_BYTES	4096u
#define TRAP_STUB_BYTES 16u
extern const char trap_stubs[];
const void *cpu_idt_fill(const char *stubs);

/* Writes the TSS's descriptor and loads TR from it. */
void cpu_tss_load(struct cpu *cpu);

/*
 * Makes the TSS use `bitmap` (IO_BITMAP_BYTES; a 0 bit allows a port), which is copied there if
 * `changed`; NULL forbids every port.
 */
void cpu_ports_set(struct cpu *cpu, const u8 *bitmap, bool changed);

/* Returns true if the CPU loop has anything to do besides going on with the running thread. */
static inline bool cpu_has_pending(const struct cpu *cpu)
{
	return cpu->pending != 0;
}

/* Returns to ring 3 with the frame at the base of this CPU's stack. */
NORETURN void cpu_return_to_user(struct cpu *cpu);
/* Returns to ring 3 with the given frame, which is known to be a system call's. */
NORETURN void cpu_return_to_caller(struct cpu *cpu, const struct trap_frame *frame);
/* Calls `function(cpu)` at the base of the CPU's own stack; the current stack is abandoned. */
NORETURN void cpu_stack_reset(struct cpu *cpu, void (*function)(struct cpu *cpu));

/*
 * Handles an interrupt or exception of ring 3, then enters the CPU loop. The kernel implements this
 * function and the next three; the entry stubs call them.
 */
NORETURN void trap_from_user(struct trap_frame *frame);
/*
 * Handles a system call; returns to ring 3 itself, or to its caller, which then enters the CPU
 * loop.
 */
void trap_system_call(struct cpu *cpu, struct trap_frame *frame);
/* Handles an interrupt that ring 0 has let in; panics on an exception. */
void trap_from_kernel(struct trap_frame *frame);
/*
 * Handles an NMI or #MC on an IST stack, at any instruction: may only record the event and set
 * pending bits.
 */
void trap_nmi(struct trap_frame *frame);
