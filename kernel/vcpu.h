/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/virt/virt.h"
#include "kernel/thread.h"
#include "lib/status.h"
#include "mm/object.h"

struct group_page;
struct memory;
struct vm;

/* A virtual CPU: the back end's state, and the pages shared with its monitor. */
struct vcpu {
	struct object object;
	struct vm *vm;	       /* holds a reference */
	struct queue *queue;   /* holds a reference; a signal in the queue ends a run */
	struct memory *memory; /* holds a reference: the shared pages */
	/* the thread that ran it first, while that lives; under the object lock */
	struct thread *thread;
	struct thread *runner;	    /* the thread that runs or reads it now; NULL: none; atomic */
	struct group_page *account; /* its group's counts */
	const struct vcpu_cpuid_entry *cpuid; /* shared page; NULL: the monitor handles CPUID */
	void *xsave;			      /* shared page for VCPU_XSAVE; NULL: there is none */
	struct virt_vcpu virt;
	u64 deadline_tsc; /* the monitor's deadline for this run; 0: none */
	u64 space_seen;	  /* the space's generation at the last entry (tlb_must_flush) */
	u64 nowhere; /* last byte of the page of the last fault that no mapping covers; 0: none */
	u64 nowhere_generation; /* the space's generation at that fault */
	u32 nowhere_mappings;	/* the space's mapping_count at that fault */
	u32 requested;		/* enum vcpu_request of this run */
	/* The flags that make the start of a run special, tested together as one word. */
	union {
		struct {
			bool preempted; /* MARK_PREEMPTED was written */
			bool kicked;	/* stays set until a run returns EXIT_KICK */
			bool signalled; /* its queue holds a signal */
			bool reserved;
		};
		u32 special;
	};
};

/*
 * Handles an EXIT_MEMORY. Returns true if the guest can go on: its page is mapped, or will be after
 * further attempts; false if the exit is the monitor's, perhaps as EXIT_NO_MEMORY.
 */
bool vcpu_handle_memory(struct vcpu *vcpu);
/*
 * Handles, while the CPU still holds the guest's state, the first write to a page of an object with
 * layers. Returns false for whatever it cannot do in one go, or only with the monitor: that is left
 * to vcpu_handle_memory.
 */
bool vcpu_handle_write(struct vcpu *vcpu);
/*
 * Sets virt.apic_access to the host physical address of the page mapped at apic_gpa, by which the
 * CPU recognizes APIC accesses. STATUS_BAD_ADDRESS: no page is mapped there.
 */
enum status vcpu_find_apic(struct vcpu *vcpu) MUST_CHECK;

/*
 * Creates a vCPU. `memory` holds the pages of enum vcpu_pages from page `index` on, those from
 * VCPU_PAGES on if it is large enough; all of them are present. STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status vcpu_create(struct vm *vm, struct memory *memory, u64 index, struct queue *queue,
			struct vcpu **vcpu) MUST_CHECK;
/* Frees the vCPU once no CPU has its registers; returns STATUS_AGAIN until then. */
enum status vcpu_free(struct vcpu *vcpu);

/*
 * Sets the timer and runs the guest until an exit that is not handled at once. Returns true if the
 * exit is the monitor's, and the thread's SYS_VCPU_RUN has ended; false if the guest goes on later.
 */
bool vcpu_step(struct cpu *cpu, struct vcpu *vcpu);

/*
 * Does SYS_VCPU_RUN: usually starts the run, does one step and returns to ring 3 itself. Otherwise
 * it returns here for the CPU loop: the CPU has other things to do, or the guest goes on.
 */
void vcpu_run(struct cpu *cpu, struct trap_frame *frame);

/*
 * Does SYS_VCPU_GET, for a vCPU that does not run. STATUS_IN_USE: a thread runs or reads it;
 * STATUS_AGAIN: another CPU has its registers.
 */
enum status vcpu_show(struct thread *caller, struct vcpu *vcpu, u32 groups) MUST_CHECK;

/* Makes the vCPU's current or next run return EXIT_KICK. With the objects shared or alone. */
void vcpu_kick(struct vcpu *vcpu);

/* Saves the registers of the vCPU that the CPU has loaded, if any; called by the CPU itself. */
void vcpu_unload(struct cpu *cpu);
/* Does what vcpu_load does, for a vCPU that is not the loaded one. */
enum status vcpu_load_anew(struct cpu *cpu, struct vcpu *vcpu) MUST_CHECK;
/*
 * Loads the vCPU's registers on this CPU. STATUS_AGAIN: another CPU still has them and was asked to
 * save them.
 */
static inline enum status vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	return likely(cpu->loaded == vcpu) ? STATUS_OK : vcpu_load_anew(cpu, vcpu);
}

/*
 * Returns true if the guest, loaded on this CPU and not in its monitor's hands, has interrupts off.
 * Then its run ends with EXIT_INTERRUPT_WINDOW, asked for or not, as soon as they are on.
 */
bool vcpu_await_window(struct vcpu *vcpu);

/*
 * Claims the vCPU for a thread, as only one thread at a time may run or read it; returns false if
 * another one does.
 */
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

/* Shows in its vCPU's page how long the thread has waited for a CPU. */
static inline void vcpu_show_waited(const struct thread *thread)
{
	if (thread->ran->thread == thread)
		thread->ran->virt.page->waited_tsc = thread->waited_tsc;
}

/* Tells the guest (preempted_gpa) that the vCPU loses the CPU, which is the caller's. */
void vcpu_preempt(struct vcpu *vcpu);

/* Puts the thread's reference to the vCPU it last ran. The caller has the objects alone. */
void vcpu_forget(struct thread *thread);
