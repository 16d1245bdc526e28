/* SPDX-License-Identifier: MIT */
/*
 * Creates and frees vCPUs, and reads their registers for SYS_VCPU_GET. System calls create vCPUs
 * and read registers with the object lock held alone; kernel/group/teardown.c calls vcpu_free. To
 * read registers, the vCPU is loaded on the running CPU (kernel/sched/vcpu_load.c).
 */
#include "kernel/guest/vcpu.h"
#include "arch/x86_64/cpu/fpu.h"
#include "kernel/group/group_types.h"
#include "kernel/object/long_lock.h"
#include "kernel/group/process_types.h"
#include "kernel/guest/vm_types.h"
#include "lib/string.h"
#include "mm/cache.h"
#include "mm/memory.h"

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
	*result = vcpu;
	return STATUS_OK;
}

enum status vcpu_free(struct vcpu *vcpu)
{
	if (__atomic_load_n(&vcpu->runner, __ATOMIC_ACQUIRE) != NULL) {
		vcpu_kick(vcpu);
		return STATUS_AGAIN;
	}
	/* Loads the vCPU here once: afterwards no other CPU holds its registers. */
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
