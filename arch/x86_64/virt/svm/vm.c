/* SPDX-License-Identifier: MIT */
/* What the vCPUs of a VM share: the permission maps for MSRs and ports. */
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/page.h"

#define MSRPM_ORDER 1
#define IOPM_ORDER  2 /* three pages are used */
_Static_assert(MSRPM_BYTES == PAGE_SIZE << MSRPM_ORDER, "APM vol. 2, 15.11");
_Static_assert(IOPM_BYTES <= PAGE_SIZE << IOPM_ORDER, "APM vol. 2, 15.10.1");

/*
 * MSRs that VMLOAD and VMSAVE switch, so that the guest may have the real ones. PAT and TSC, which
 * VMRUN switches, exit all the same: some emulated CPUs show the host's PAT there, and no TSC at
 * all.
 */
static const u32 guest_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,		MSR_LSTAR,
	MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

static void msr_allow(u8 *msrpm, u32 msr)
{
	u32 range = msr < MSRPM_RANGE1 ? 0 : MSRPM_RANGE_BYTES;
	u32 bit = msr % MSRPM_RANGE_MSRS * 2;

	msrpm[range + bit / 8] &= (u8) ~(3u << bit % 8);
}

enum status svm_vm_init(struct virt_vm *vm)
{
	enum status status;

	status = page_alloc_cleared(MSRPM_ORDER, PAGE_CONTROL, vm->quota, &vm->msr_bitmap);
	if (status != STATUS_OK)
		return status;
	status = page_alloc_cleared(IOPM_ORDER, PAGE_CONTROL, vm->quota, &vm->io_bitmap);
	if (status != STATUS_OK) {
		vm->io_bitmap = NULL;
		svm_vm_free(vm);
		return status;
	}
	memset(vm->io_bitmap, 0xff, IOPM_BYTES);
	memset(vm->msr_bitmap, 0xff, MSRPM_BYTES);
	for (size_t i = 0; i < ARRAY_COUNT(guest_msrs); i++)
		msr_allow(vm->msr_bitmap, guest_msrs[i]);
	return STATUS_OK;
}

static void block_free(void *block, struct quota *quota)
{
	if (block)
		page_free(pointer_to_hpa(block), quota);
}

void svm_vm_free(struct virt_vm *vm)
{
	block_free(vm->msr_bitmap, vm->quota);
	block_free(vm->io_bitmap, vm->quota);
	vm->msr_bitmap = NULL;
	vm->io_bitmap = NULL;
}
