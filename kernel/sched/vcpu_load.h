/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/percpu.h"
#include "kernel/sched/thread.h"
#include "kernel/guest/vcpu_types.h"

/* Saves the registers of the vCPU that the CPU has loaded, if any; called by the CPU itself. */
void vcpu_unload(struct cpu *cpu);
/* As vcpu_load, but for a vCPU other than the one that this CPU has loaded. */
enum status vcpu_load_anew(struct cpu *cpu, struct vcpu *vcpu) MUST_CHECK;
/*
 * Loads the vCPU's registers on this CPU, if they are not. STATUS_AGAIN: another CPU still has them
 * and was asked to save them.
 */
static inline enum status vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	return likely(cpu->loaded == vcpu) ? STATUS_OK : vcpu_load_anew(cpu, vcpu);
}

/*
 * Makes the vCPU's current or next run return EXIT_KICK. The caller has or shares the object lock.
 */
void vcpu_kick(struct vcpu *vcpu);

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

/*
 * Writes to the vCPU page of the vCPU that the thread ran last how long the thread has waited for a
 * CPU in total.
 */
static inline void vcpu_show_waited(const struct thread *thread)
{
	if (thread->ran->thread == thread)
		thread->ran->virt.page->waited_tsc = thread->waited_tsc;
}

/* Puts the thread's reference to the vCPU it last ran. The caller has the object lock alone. */
void vcpu_forget(struct thread *thread);
