/* SPDX-License-Identifier: MIT */
/*
 * Finds the length of the instruction that made the guest exit, for CPUs without NRIP save (APM
 * vol. 2, 15.7.1). enter.c and state.c call it. It reads guest memory; what it does not find is
 * left to the monitor, which can decode any instruction.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/svm/length.h"
#include "arch/x86_64/virt/svm/svm.h"

const u8 *svm_code_find(struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	if (!(save->efer & EFER_LMA) || !(save->cs.attributes & VMCB_ATTRIBUTE_L) ||
	    (save->cr4 & CR4_LA57))
		return NULL;
	return virt_code_find(vcpu, save->cr3, save->rip);
}

u32 svm_code_length(struct virt_vcpu *vcpu)
{
	const u8 *code = svm_code_find(vcpu);
	u64 bytes;

	if (code == NULL || ((u64)code & PAGE_MASK) > PAGE_SIZE - sizeof(bytes))
		return 0;
	/* The instruction's bytes are read by a single load, as other vCPUs may change them. */
	__asm__ volatile("mov %1, %0" : "=r"(bytes) : "m"(*(const u8(*)[sizeof(bytes)])code));
	return svm_length_of_exit(bytes);
}
