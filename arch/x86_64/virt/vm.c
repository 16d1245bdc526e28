/* SPDX-License-Identifier: MIT */
/* What the vCPUs of a VM share: permission maps, in which at first everything exits. */
#include "arch/x86_64/virt/virt.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"

static enum status map_alloc(struct virt_vm *vm, unsigned int order, void **map)
{
	enum status status = page_alloc_cleared(order, PAGE_CONTROL, vm->quota, map);

	if (status == STATUS_OK)
		memset(*map, 0xff, PAGE_SIZE << order);
	else
		*map = NULL;
	return status;
}

enum status virt_maps_alloc(struct virt_vm *vm, unsigned int msr_order, unsigned int io_order)
{
	enum status status = map_alloc(vm, msr_order, &vm->msr_bitmap);

	if (status == STATUS_OK)
		status = map_alloc(vm, io_order, &vm->io_bitmap);
	if (status != STATUS_OK)
		virt_maps_free(vm);
	return status;
}

void virt_block_free(void **block, struct quota *quota)
{
	if (*block)
		page_free(pointer_to_hpa(*block), quota);
	*block = NULL;
}

void virt_maps_free(struct virt_vm *vm)
{
	virt_block_free(&vm->msr_bitmap, vm->quota);
	virt_block_free(&vm->io_bitmap, vm->quota);
}
