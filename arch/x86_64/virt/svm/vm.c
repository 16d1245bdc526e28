/* SPDX-License-Identifier: MIT */
/* What the vCPUs of a VM share: the permission map for MSRs. */
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"

#define MSRPM_ORDER 1
_Static_assert(MSRPM_BYTES == PAGE_SIZE << MSRPM_ORDER, "APM vol. 2, 15.11");

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
	enum status status = virt_vm_alloc(vm, MSRPM_ORDER);

	if (status != STATUS_OK)
		return status;
	for (size_t i = 0; i < ARRAY_COUNT(guest_msrs); i++)
		msr_allow(vm->msr_bitmap, guest_msrs[i]);
	return STATUS_OK;
}
