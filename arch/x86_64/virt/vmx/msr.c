/* SPDX-License-Identifier: MIT */
/*
 * The guest's MSRs that VM entry and exit do not switch. The host uses none of them on Intel
 * (system calls use SYSENTER), so they stay the guest's until another vCPU is loaded. The first
 * entry after a load or a change loads them from the MSR-load area: a value that WRMSR would refuse
 * then fails that entry instead of faulting the host. enter.c and state.c call it for the loaded
 * vCPU.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"

static const struct {
	u32 index;
	enum vcpu_msr name;
} left_in_cpu[] = {
	{MSR_STAR, VMSR_STAR},
	{MSR_LSTAR, VMSR_LSTAR},
	{MSR_CSTAR, VMSR_CSTAR},
	{MSR_SFMASK, VMSR_SFMASK},
	{MSR_KERNEL_GS_BASE, VMSR_KERNEL_GS_BASE},
	{MSR_TSC_AUX, VMSR_TSC_AUX}, /* the last entry, used only if the CPU has RDTSCP */
};

/*
 * Makes the next entry load the MSRs from the MSR-load area, which holds their values until then.
 */
void vmx_msrs_load(struct virt_vcpu *vcpu)
{
	vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT,
		     (u32)ARRAY_COUNT(left_in_cpu) - (features.rdtscp ? 0 : 1));
	vmx_of(vcpu)->msrs_live = false;
}

u32 vmx_msrs_entered(struct virt_vcpu *vcpu, u32 reason)
{
	if (reason & EXIT_REASON_ENTRY_FAILURE)
		return reason;
	vmcs_write32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmx_of(vcpu)->msrs_live = true;
	vmx_of(vcpu)->launched = true;
	return reason;
}

void vmx_msrs_fetch(struct virt_vcpu *vcpu)
{
	struct vmx_msr_entry *entry = vmx_of(vcpu)->scratch->msr_load;

	if (!vmx_of(vcpu)->msrs_live)
		return;
	/*
	 * TSC_AUX, the last in the list, is left out: the guest can write it only through the
	 * monitor.
	 */
	for (u32 i = 0; i < ARRAY_COUNT(left_in_cpu) - 1; i++, entry++)
		entry->value = rdmsr(entry->index);
}

void vmx_msrs_get(struct virt_vcpu *vcpu)
{
	const struct vmx_scratch *scratch = vmx_of(vcpu)->scratch;

	vmx_msrs_fetch(vcpu);
	for (u32 i = 0; i < ARRAY_COUNT(left_in_cpu); i++)
		vcpu->page->msr[left_in_cpu[i].name] = scratch->msr_load[i].value;
}

void vmx_msrs_set(struct virt_vcpu *vcpu)
{
	struct vmx_scratch *scratch = vmx_of(vcpu)->scratch;

	for (u32 i = 0; i < ARRAY_COUNT(left_in_cpu); i++)
		scratch->msr_load[i] = (struct vmx_msr_entry){
			.index = left_in_cpu[i].index,
			.value = READ_ONCE(vcpu->page->msr[left_in_cpu[i].name]),
		};
	vmx_msrs_load(vcpu);
}
