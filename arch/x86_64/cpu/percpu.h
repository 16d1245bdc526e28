/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/trap_frame.h"
#include "arch/x86_64/hw/descriptor.h"
#include "arch/x86_64/hw/machine_check.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "lib/types.h"

#define KERNEL_STACK_BYTES 16384ul
#define IST_COUNT 3
#define STACK_BASE_BYTES 16ul /* struct stack_base, at the highest address of every stack */

struct thread;
struct run_queue;
struct vcpu;
struct cpu_counters;

/* SDM vol. 3, 8.7: the 64-bit TSS, with the I/O permission bitmap and its closing byte. */
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
	/* SYSRET: 0x18 + 8 and + 16; SYSEXIT: 0x08 + 32 and + 40 */
	SELECTOR_USER_DATA = 0x20 | 3,
	SELECTOR_USER_CODE = 0x28 | 3,
	SELECTOR_TSS = 0x38,
	GDT_ENTRIES = 9,
};

/* Reasons for the CPU loop to stop and look; bits of cpu->pending. */
enum cpu_pending {
	PENDING_RESCHEDULE = 1 << 0,
	PENDING_TIMER = 1 << 1,
	PENDING_NMI = 1 << 2,
	PENDING_MACHINE_CHECK = 1 << 3,
	/* Stays while pages wait to be given back, so nobody but the CPU itself sets it. */
	PENDING_PASS = 1 << 4,
	PENDING_UNLOAD = 1 << 5, /* let go of the vCPU whose registers are loaded */
	PENDING_KICK = 1 << 7,   /* only that it looks */
	PENDING_GIVE = 1 << 6,   /* another CPU may have less to do: hand a thread over */
	PENDING_LOG = 1 << 8,    /* the log has grown: its reader is to be told */
};

/*
 * What one CPU owns; touched by that CPU alone unless a field says otherwise. Lies outside the
 * direct map, so that entry stubs reach it through the user view of the tables too.
 */
struct cpu {
	u64 kernel_root; /* to load on entry from ring 3, 0: one table serves both views */
	u64 user_root;   /* to load on return, likewise */
	u64 pending;     /* enum cpu_pending; set at any instruction, also by other CPUs */
	u32 id;
	u32 apic_id;
	u8 zone;         /* of memory, where it is */
	u64 nmi_rip;     /* where the last NMI hit */
	u64 nmi_count;   /* that are not yet logged */
	struct machine_check machine_check; /* the last, until the loop settles it */
	u64 polled;      /* when corrected errors were last looked for, TSC / 2^POLL_SHIFT */

	struct thread *thread;       /* whose frame and address space are loaded */
	u64 ran;                     /* serial of the thread that last ran here, or its guest */
	struct thread *running;      /* the same when ring 3 is left to; NULL: nothing to do */
	u32 ports_version;           /* of the bitmap that the TSS holds */
	struct vcpu *loaded;         /* whose FPU and MSRs the registers hold */
	struct cpu_counters *counters;
	u64 stack_top;               /* frame of ring 3 ends here */
	u64 ist[IST_COUNT];          /* tops of the stacks for NMI, double fault, machine check */
	const void *idt;             /* all CPUs' one, where ring 3 may know it to be */

	u64 charged_tsc;             /* when `running` was last charged; guarded by `lock` */
	u64 armed_tsc;               /* what the one-shot timer is set to; 0: nothing */
	u64 armed_for;               /* the guest's deadline that it was set by; TIMER_STALE */
	/* Who wants to run here, and who sleeps; other CPUs change both. Guarded by `lock`. */
	struct lock lock;
	struct run_queue *queue;
	struct list sleeping;        /* threads with a deadline, earliest first */
	/* Written under the lock, read without; 0: never. */
	u64 wake_tsc;                /* the earliest deadline of `sleeping` */
	u64 queue_tsc;               /* when to look at the queue again */
	u64 balance_tsc;             /* when to look for CPUs with less to do; by the object lock */
	bool idle;                   /* halted, or about to look for work elsewhere */

	u64 gdt[GDT_ENTRIES];
	struct descriptor_table_register gdtr; /* of it; VMX loads it anew after exits */
	struct tss tss;
	void *virt_area;             /* VMXON region or host save area */
	bool virt_on;
	u32 locks; /* DEBUG=1: BIT(enum lock_rank) of those it holds */
	const struct trap_frame *stopped; /* where an NMI has stopped it for good; NULL: it runs */
};

struct stack_base {
	struct cpu *cpu;
	u64 syscall_entry; /* read by the stub that lies just above the stack */
};
_Static_assert(sizeof(struct stack_base) == STACK_BASE_BYTES, "known to entry.S");

/* The running CPU, found from the stack pointer: kernel and IST stacks all end in a stack_base. */
static inline struct cpu *this_cpu(void)
{
	u64 rsp;

	__asm__("mov %%rsp, %0" : "=r"(rsp));
	return ((struct stack_base *)((rsp | (KERNEL_STACK_BYTES - 1)) + 1))[-1].cpu;
}

/* The interrupt descriptor table of all CPUs, CPU_IDT_BYTES long. */
#define CPU_IDT_BYTES 4096u
const void *cpu_idt_fill(void);

/*
 * Loads GDT, IDT, TSS and the system-call MSRs on the running CPU, by cpu->idt, stack_top and ist.
 * Without UMIP ring 3 can read where the tables lie: `cpu` and cpu->idt must not give the image's
 * place away.
 */
void cpu_tables_load(struct cpu *cpu);

/* Makes the TSS use `bitmap` (IO_BITMAP_BYTES, a 0 bit allows); NULL: forbid every port. */
void cpu_ports_set(struct cpu *cpu, const u8 *bitmap, bool changed);

/* Leaves to ring 3 with the frame at the base of this CPU's stack. */
NORETURN void cpu_return_to_user(struct cpu *cpu);
/* The same for a frame, there, that is known to be a system call's. */
NORETURN void cpu_return_to_caller(struct cpu *cpu, const struct trap_frame *frame);
/* Calls `function(cpu)` on the CPU's own stack from its base; the present stack is forgotten. */
NORETURN void cpu_stack_reset(struct cpu *cpu, void (*function)(struct cpu *cpu));

/* Implemented by the kernel, called by the entry stubs. */
NORETURN void trap_from_user(struct trap_frame *frame);
/* Leaves to ring 3, or returns for the CPU loop. */
void trap_system_call(struct cpu *cpu, struct trap_frame *frame);
void trap_from_kernel(struct trap_frame *frame);
/* On an IST stack, at any instruction: may only set pending bits; returns to where it came from. */
void trap_nmi(struct trap_frame *frame);
