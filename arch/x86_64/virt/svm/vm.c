/* SPDX-License-Identifier: MIT */
/*
 * Initialises what the vCPUs of an SVM guest share: the permission map for MSRs. kernel/guest/vm.c
 * calls it through svm_ops when a VM is created. It writes the map's pages, which the VM's quota
 * pays for.
 */
#include "arch/x86_64/virt/svm/svm.h"

#define MSRPM_ORDER 1
_Static_assert(MSRPM_BYTES == PAGE_SIZE << MSRPM_ORDER, "APM vol. 2, 15.11");

/*
 * Lets the guest access without an exit the MSRs that VMLOAD and VMSAVE switch. PAT and TSC exit
 * although VMRUN switches them: some emulated CPUs give the guest the host's PAT, and no TSC at
 * all.
 */
enum status svm_vm_init(struct virt_vm *vm)
{
	enum status status = virt_vm_alloc(vm, MSRPM_ORDER);
	u8 *msrpm = vm->msr_bitmap;

	for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(virt_guest_msrs); i++) {
		u32 range = virt_guest_msrs[i] < MSRPM_RANGE1 ? 0 : MSRPM_RANGE_BYTES;
		u32 bit = virt_guest_msrs[i] % MSRPM_RANGE_MSRS * 2;

		msrpm[range + bit / 8] &= (u8) ~(3u << bit % 8);
	}
	return status;
}
