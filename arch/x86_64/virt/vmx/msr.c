/* SPDX-License-Identifier: MIT */
/*
 * MSRs that VMX leaves in the CPU. The host uses none of them on Intel (system calls enter by
 * SYSENTER), so they stay the guest's until another vCPU comes. The first entry after a load or a
 * change brings them in through the MSR-load area: what WRMSR would refuse then fails that entry
 * instead of faulting the host.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"

static const struct {
	u32 index;
	enum vcpu_msr name;
} left_in_cpu[] = {
	{MSR_STAR, VMSR_STAR},
	{MSR_LSTAR, VMSR_LSTAR},
	{MSR_CSTAR, VMSR_CSTAR},
	{MSR_SFMASK, VMSR_SFMASK},
	{MSR_KERNEL_GS_BASE, VMSR_KERNEL_GS_BASE},
	{MSR_TSC_AUX, VMSR_TSC_AUX}, /* last: only with RDTSCP */
};

static u32 left_count(void)
{
	return (u32)ARRAY_COUNT(left_in_cpu) - (features.rdtscp ? 0 : 1);
}

void vmx_msrs_stage(struct virt_vcpu *vcpu)
{
	struct vmx_scratch *scratch = vcpu->scratch;

	for (u32 i = 0; i < left_count(); i++)
		scratch->msr_load[i] = (struct vmx_msr_entry){
			.index = left_in_cpu[i].index,
			.value = vcpu->msr[left_in_cpu[i].name],
		};
	vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, left_count());
	vcpu->msrs_live = false;
}

void vmx_msrs_entered(struct virt_vcpu *vcpu)
{
	if (vcpu->msrs_live)
		return;
	vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vcpu->msrs_live = true;
}

void vmx_msrs_fetch(struct virt_vcpu *vcpu)
{
	if (!vcpu->msrs_live)
		return;
	for (u32 i = 0; i < left_count(); i++)
		vcpu->msr[left_in_cpu[i].name] = rdmsr(left_in_cpu[i].index);
}
