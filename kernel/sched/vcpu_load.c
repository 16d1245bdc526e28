/* SPDX-License-Identifier: MIT */
/*
 * Keeps track of the CPU that holds a vCPU's registers, and ends runs from outside: loads, unloads,
 * kicks. kernel/guest/vcpu_run.c and kernel/cpu/cpu_loop.c load, threads that lose their CPU
 * unload, queues and system calls kick. At most one CPU holds a vCPU's registers (`loaded`), and at
 * most one thread runs or reads it (`runner`); both are atomic, without a lock.
 */
#include "kernel/sched/vcpu_load.h"
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/msr.h"
#include "kernel/guest/vm_types.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define NOT_LOADED (~0u)

/*
 * Unloads the vCPU, on the CPU itself. Afterwards nothing of the guest's registers is left that
 * ring 3 could read.
 */
void vcpu_unload(struct cpu *cpu)
{
	if (cpu->loaded == NULL)
		return;
	tlb_space_leave(cpu->loaded->vm->space, cpu->id);
	/* the last use of the vCPU here: from then on another CPU may free it */
	virt->vcpu_unload(&cpu->loaded->virt);
	cpu->loaded = NULL;
	if (features.rdtscp)
		wrmsr(MSR_TSC_AUX, 0);
}

enum status vcpu_load_anew(struct cpu *cpu, struct vcpu *vcpu)
{
	u32 where = __atomic_load_n(&vcpu->virt.loaded_cpu, __ATOMIC_ACQUIRE);

	if (where != NOT_LOADED && where != cpu->id) {
		cpus_pend(cpus_get(where), PENDING_UNLOAD);
		return STATUS_AGAIN;
	}
	vcpu_unload(cpu);
	virt->vcpu_load(&vcpu->virt);
	tlb_space_enter(vcpu->vm->space, cpu->id);
	cpu->loaded = vcpu;
	return STATUS_OK;
}

void vcpu_forget(struct thread *thread)
{
	struct vcpu *vcpu = thread->ran;

	if (vcpu == NULL)
		return;
	if (vcpu->thread == thread)
		vcpu->thread = NULL;
	thread->ran = NULL;
	thread->ran_closed = RAN_NOTHING;
	object_put(&vcpu->object);
}

/*
 * Makes the current or next run return EXIT_KICK. The runner's CPU checks `kicked` before it enters
 * the guest, and the interrupt sent here makes it leave the guest. A thread that has set `kicked`
 * before has also sent the interrupt. A runner that waits for a CPU needs no interrupt: the CPU
 * makes it `running`, sets its timer (by an exchange) and checks `kicked`, in this order.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	bool kicked = __atomic_exchange_n(&vcpu->kicked, true, __ATOMIC_SEQ_CST);
	struct thread *runner = __atomic_load_n(&vcpu->runner, __ATOMIC_SEQ_CST);

	if (!kicked && runner != NULL && runner->cpu != this_cpu() &&
	    __atomic_load_n(&runner->cpu->running, __ATOMIC_RELAXED) == runner)
		cpus_pend(runner->cpu, PENDING_KICK);
}
