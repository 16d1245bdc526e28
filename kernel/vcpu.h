/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/virt/virt.h"
#include "kernel/thread.h"
#include "lib/status.h"
#include "mm/object.h"

struct trap_frame;
struct group_page;
struct memory;
struct queue;
struct thread;
struct vm;

/* A virtual CPU: state in the back end's hands, a page shared with its monitor. */
struct vcpu {
	struct object object;
	struct vm *vm;         /* holds a reference */
	struct queue *queue;   /* holds a reference: a signal in it ends a run */
	struct memory *memory; /* holds a reference: the shared pages */
	struct thread *thread; /* that ran it last, if it still lives; the object lock guards it */
	struct thread *runner; /* the thread that runs or reads it, NULL: none; taken atomically */
	struct group_page *account; /* its group's */
	const struct vcpu_cpuid_entry *cpuid; /* shared page, NULL: the monitor settles CPUID */
	void *xsave; /* shared page for VCPU_XSAVE, NULL: there is none */
	struct virt_vcpu virt;
	u64 deadline_tsc;      /* as the monitor asked for this run; 0: none */
	u64 space_seen;        /* for tlb_must_flush */
	u64 nowhere;           /* address of the last fault that no mapping covers, if any */
	u64 nowhere_generation; /* the space's then */
	u32 nowhere_mappings;  /* likewise */
	u32 requested;         /* enum vcpu_request of this run, obeyed at entry */
	/* What makes a run more than a run: one word, looked at once. */
	union {
		struct {
			bool preempted; /* the guest was told so */
			bool kicked;    /* sticky until a run has returned for it */
			bool signalled; /* its queue holds a signal */
			bool reserved;
		};
		u32 special;
	};
};

/*
 * vcpu_memory.c: an EXIT_MEMORY. True: the guest can go on, a page of its RAM was put in, or will
 * be at its next try; false: the monitor's, perhaps as EXIT_NO_MEMORY.
 */
bool vcpu_settle_memory(struct vcpu *vcpu);
/*
 * Where the local APIC's page lies, by the host's address of what is mapped there: the CPU tells
 * accesses by that. STATUS_BAD_ADDRESS: nothing is.
 */
enum status vcpu_find_apic(struct vcpu *vcpu) MUST_CHECK;

/*
 * `memory` holds the struct vcpu_page at page `index`, the APIC page after it and perhaps the
 * table for CPUID after that, all present.
 */
enum status vcpu_create(struct vm *vm, struct memory *memory, u64 index, struct queue *queue,
			struct vcpu **vcpu) MUST_CHECK;
/* Gives it back once no CPU has its registers; STATUS_AGAIN until then. */
enum status vcpu_free(struct vcpu *vcpu);

/*
 * Sets the timer and runs the guest to an exit that is not settled at once. What the kernel cannot
 * settle at all ends the system call of the thread: true.
 */
bool vcpu_step(struct cpu *cpu, struct vcpu *vcpu);

/*
 * SYS_VCPU_RUN: as a rule begins it, does a step and goes back to ring 3. Returns when it is the
 * CPU loop's turn: the CPU has other things to do, or the guest goes on.
 */
void vcpu_run(struct cpu *cpu, struct trap_frame *frame);

/* Brings groups of a vCPU that does not run into its page, or a dump of its control structure. */
enum status vcpu_show(struct thread *caller, struct vcpu *vcpu, u32 groups) MUST_CHECK;

void vcpu_kick(struct vcpu *vcpu);

/* Saves the registers of the vCPU that the CPU has loaded; by the CPU itself. */
void vcpu_unload(struct cpu *cpu);
enum status vcpu_load_anew(struct cpu *cpu, struct vcpu *vcpu) MUST_CHECK;
/* STATUS_AGAIN: another CPU still has its registers and was asked to let go of them. */
static inline enum status vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	return likely(cpu->loaded == vcpu) ? STATUS_OK : vcpu_load_anew(cpu, vcpu);
}

/* One thread at a time has to do with a vCPU. */
static inline bool vcpu_claim(struct vcpu *vcpu, struct thread *thread)
{
	struct thread *nobody = NULL;

	return __atomic_compare_exchange_n(&vcpu->runner, &nobody, thread, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void vcpu_unclaim(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->runner, NULL, __ATOMIC_RELEASE);
}

/* The page of the vCPU that is the thread's tells how long it has waited for a CPU. */
static inline void vcpu_show_waited(const struct thread *thread)
{
	if (thread->ran->thread == thread)
		thread->ran->virt.page->waited_tsc = thread->waited_tsc;
}

/* The CPU, which is the caller's, is taken from the guest. */
void vcpu_preempt(struct vcpu *vcpu);

/* The thread ends: it refers to no vCPU any more. Under the object lock. */
void vcpu_forget(struct thread *thread);

/* The runner ends: the vCPU is free for another. */
void vcpu_abandon(struct vcpu *vcpu);
