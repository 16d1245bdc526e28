/* SPDX-License-Identifier: MIT */
/*
 * Creates and frees vCPUs, loads and unloads their registers on a CPU, and kicks them. System calls
 * create, read and kick; kernel/vcpu_run.c and kernel/cpu_loop.c load. At most one CPU holds a
 * vCPU's registers (`loaded`), and at most one thread runs or reads it (`runner`); both are atomic,
 * without a lock.
 */
#include "kernel/vcpu.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/group.h"
#include "kernel/log.h"
#include "kernel/long_lock.h"
#include "kernel/process.h"
#include "kernel/queue.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/vm.h"
#include "lib/string.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/tlb.h"

#define NOT_LOADED (~0u)

enum status vcpu_create(struct vm *vm, struct memory *memory, u64 index, struct queue *queue,
			struct vcpu **result)
{
	struct vcpu *vcpu;
	enum status status =
		cache_alloc_object(&vm->group->quota, OBJECT_VCPU, sizeof(*vcpu), (void **)&vcpu);

	if (status != STATUS_OK)
		return status;
	vcpu->virt.vm = &vm->virt;
	vcpu->virt.page = memory_pointer(memory, index);
	vcpu->virt.apic = memory_pointer(memory, index + VCPU_APIC_PAGE);
	if (memory_range_valid(memory, index, VCPU_CPUID_PAGE + 1))
		vcpu->cpuid = memory_pointer(memory, index + VCPU_CPUID_PAGE);
	if (memory_range_valid(memory, index, VCPU_XSAVE_PAGE + 1))
		vcpu->xsave = memory_pointer(memory, index + VCPU_XSAVE_PAGE);
	vcpu->account = vm->group->page;
	long_aside();
	status = virt->vcpu_init(&vcpu->virt);
	long_back();
	if (status != STATUS_OK) {
		cache_free(vcpu);
		return status;
	}
	object_get(&vm->object);
	object_get(&memory->object);
	object_get(&queue->object);
	vcpu->vm = vm;
	vcpu->memory = memory;
	vcpu->queue = queue;
	queue->vcpu = vcpu;
	vcpu->signalled = !list_empty(&queue->pending);
	group_adopt(vm->group, &vcpu->object);
	*result = vcpu;
	return STATUS_OK;
}

/*
 * Unloads the vCPU, on the CPU itself. Afterwards nothing of the guest's registers is left that
 * ring 3 could read.
 */
void vcpu_unload(struct cpu *cpu)
{
	if (cpu->loaded == NULL)
		return;
	tlb_space_leave(cpu->loaded->vm->space, cpu->id);
	virt->vcpu_unload(&cpu->loaded->virt); /* last use: from now on the vCPU may be freed */
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

enum status vcpu_free(struct vcpu *vcpu)
{
	if (__atomic_load_n(&vcpu->runner, __ATOMIC_ACQUIRE) != NULL) {
		vcpu_kick(vcpu);
		return STATUS_AGAIN;
	}
	/* Once this CPU has held its registers, no other CPU holds them. */
	if (vcpu_load(this_cpu(), vcpu) != STATUS_OK)
		return STATUS_AGAIN;
	vcpu_unload(this_cpu());
	long_aside();
	virt_vcpu_free(&vcpu->virt);
	long_back();
	if (vcpu->queue->vcpu == vcpu)
		vcpu->queue->vcpu = NULL;
	object_put(&vcpu->queue->object);
	object_put(&vcpu->memory->object);
	object_put(&vcpu->vm->object);
	cache_free(vcpu);
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
 * Copies register groups to the shared pages. The FPU registers come last, because reading them
 * unloads the vCPU; the other groups need it loaded.
 */
static void vcpu_get(struct vcpu *vcpu, u32 groups)
{
	virt->get(&vcpu->virt, groups);
	if ((groups & VCPU_DUMP) != 0)
		virt->dump(&vcpu->virt);
	if ((groups & VCPU_XSAVE) != 0 && vcpu->xsave != NULL) {
		vcpu_unload(this_cpu());
		memcpy(vcpu->xsave, vcpu->virt.xsave_area, MIN(fpu_area_bytes(), PAGE_SIZE));
	}
	vcpu->virt.page->valid |= groups;
}

enum status vcpu_show(struct thread *caller, struct vcpu *vcpu, u32 groups)
{
	enum status status;

	if (!vcpu_claim(vcpu, caller))
		return STATUS_IN_USE;
	status = vcpu_load(this_cpu(), vcpu);
	if (status == STATUS_OK)
		vcpu_get(vcpu, groups & (VCPU_ALL | VCPU_XSAVE | VCPU_DUMP));
	if (caller->process->group != vcpu->vm->group)
		vcpu_unload(this_cpu());
	vcpu_unclaim(vcpu);
	return status;
}

/*
 * Makes the current or next run return EXIT_KICK. The runner's CPU checks `kicked` before it
 * enters, and the interrupt makes it leave the guest. A thread that has set `kicked` before has
 * also sent the interrupt. A runner that waits for its turn needs none: a CPU makes it `running`,
 * sets its timer (by an exchange) and checks `kicked`, in this order.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	bool kicked = __atomic_exchange_n(&vcpu->kicked, true, __ATOMIC_SEQ_CST);
	struct thread *runner = __atomic_load_n(&vcpu->runner, __ATOMIC_SEQ_CST);

	if (!kicked && runner != NULL && runner->cpu != this_cpu() &&
	    __atomic_load_n(&runner->cpu->running, __ATOMIC_RELAXED) == runner)
		cpus_pend(runner->cpu, PENDING_KICK);
}
