/* SPDX-License-Identifier: MIT */
/* What the vCPUs of a VM share: the permission map for MSRs. */
#include "arch/x86_64/virt/svm/svm.h"

#define MSRPM_ORDER 1
_Static_assert(MSRPM_BYTES == PAGE_SIZE << MSRPM_ORDER, "APM vol. 2, 15.11");

static void msr_allow(u8 *msrpm, u32 msr)
{
	u32 range = msr < MSRPM_RANGE1 ? 0 : MSRPM_RANGE_BYTES;
	u32 bit = msr % MSRPM_RANGE_MSRS * 2;

	msrpm[range + bit / 8] &= (u8) ~(3u << bit % 8);
}

/*
 * Passes through the MSRs that VMLOAD and VMSAVE switch. PAT and TSC exit although VMRUN switches
 * them: some emulated CPUs give the guest the host's PAT, and no TSC at all.
 */
enum status svm_vm_init(struct virt_vm *vm)
{
	enum status status = virt_vm_alloc(vm, MSRPM_ORDER);

	if (status != STATUS_OK)
		return status;
	for (size_t i = 0; i < ARRAY_COUNT(virt_guest_msrs); i++)
		msr_allow(vm->msr_bitmap, virt_guest_msrs[i]);
	return STATUS_OK;
}
