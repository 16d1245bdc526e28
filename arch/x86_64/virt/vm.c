/* SPDX-License-Identifier: MIT */
/*
 * Allocates and frees the memory of a VM and of a vCPU, for both back ends: MSR bitmap, control
 * structure and XSAVE area. The back ends' vm_init and vcpu_init call it, kernel/guest/vm.c and
 * kernel/guest/vcpu.c have it freed. All pages are charged to the VM's quota. It also holds `virt`,
 * the back end that boot/init has chosen.
 */
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/virt.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"

const struct virt_ops *virt SECTION(".data.ro_after_init");

const u32 virt_guest_msrs[10] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,		MSR_LSTAR,
	MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

enum status virt_vm_alloc(struct virt_vm *vm, unsigned int order)
{
	enum status status = page_alloc_cleared(order, PAGE_CONTROL, vm->quota, &vm->msr_bitmap);

	if (status == STATUS_OK)
		memset(vm->msr_bitmap, 0xff, PAGE_SIZE << order);
	return status;
}

void virt_vm_free(struct virt_vm *vm)
{
	page_free(pointer_to_hpa(vm->msr_bitmap), vm->quota);
}

static enum status virt_xsave_alloc(struct virt_vcpu *vcpu)
{
	unsigned int order = 0;
	enum status status;

	while (PAGE_SIZE << order < fpu_area_bytes())
		order++;
	status = page_alloc_cleared(order, PAGE_CONTROL, vcpu->vm->quota, &vcpu->xsave_area);
	if (status == STATUS_OK)
		fpu_area_init(vcpu->xsave_area);
	return status;
}

enum status virt_vcpu_alloc(struct virt_vcpu *vcpu, unsigned int order)
{
	struct quota *quota = vcpu->vm->quota;
	enum status status = page_alloc_cleared(order, PAGE_CONTROL, quota, &vcpu->control);

	if (status != STATUS_OK)
		return status;
	vcpu->control_hpa = pointer_to_hpa(vcpu->control);
	status = virt_xsave_alloc(vcpu);
	if (status != STATUS_OK) {
		page_free(vcpu->control_hpa, quota);
		return status;
	}
	vcpu->loaded_cpu = ~0u;
	vcpu->xcr0 = XCR0_X87;
	return STATUS_OK;
}

void virt_vcpu_free(struct virt_vcpu *vcpu)
{
	page_free(vcpu->control_hpa, vcpu->vm->quota);
	page_free(pointer_to_hpa(vcpu->xsave_area), vcpu->vm->quota);
}
