/* SPDX-License-Identifier: MIT */
/*
 * VMs: the state that all vCPUs of one guest share, a second-stage space and the back end's part.
 * SYS_VM_CREATE creates a VM with the object lock held alone; the VM is freed when its last
 * reference goes. Entering a guest only reads the VM.
 */
#include "kernel/guest/vm.h"
#include "kernel/group/group_types.h"
#include "kernel/object/long_lock.h"
#include "mm/cache.h"
#include "mm/space.h"

enum status vm_create(struct group *group, struct space *space, struct vm **result)
{
	enum status status;
	struct vm *vm;

	status = cache_alloc_object(&group->quota, OBJECT_VM, sizeof(*vm), (void **)&vm);
	if (status != STATUS_OK)
		return status;
	vm->virt.second_stage = space->table;
	vm->virt.quota = &group->quota;
	long_aside();
	status = virt->vm_init(&vm->virt);
	long_back();
	if (status != STATUS_OK) {
		cache_free(vm);
		return status;
	}
	object_get(&space->object);
	vm->group = group;
	vm->space = space;
	*result = vm;
	return STATUS_OK;
}

void vm_release(struct object *object)
{
	struct vm *vm = CONTAINER_OF(object, struct vm, object);

	list_remove(&object->node);
	virt_vm_free(&vm->virt);
	object_put(&vm->space->object);
	cache_free(vm);
}
