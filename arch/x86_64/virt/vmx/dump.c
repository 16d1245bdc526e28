/* SPDX-License-Identifier: MIT */
/*
 * Dumps the VMCS so that a failed entry can be explained. kernel/guest/vcpu.c calls it for
 * VCPU_DUMP. It reads the current VMCS, writes the vCPU's page, and leaves host addresses out: the
 * monitor must not learn the kernel's layout.
 */
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"

/* The runs of VMCS field encodings to dump, two apart, first and last included. */
static const struct {
	u16 first;
	u16 last;
} runs[] = {
	{VMCS_VPID, VMCS_VPID},
	{VMCS_GUEST_ES_SELECTOR, VMCS_GUEST_TR_SELECTOR},
	{VMCS_HOST_ES_SELECTOR, VMCS_HOST_TR_SELECTOR},
	{VMCS_TSC_OFFSET, VMCS_TSC_OFFSET},
	{VMCS_GUEST_PHYSICAL_ADDRESS, VMCS_GUEST_PHYSICAL_ADDRESS},
	{VMCS_LINK_POINTER, VMCS_GUEST_EFER},
	{VMCS_GUEST_PDPTE0, VMCS_GUEST_PDPTE0 + 6},
	{VMCS_HOST_PAT, VMCS_HOST_EFER},
	{VMCS_PIN_CONTROLS, VMCS_SECONDARY_CONTROLS},
	{VMCS_INSTRUCTION_ERROR, VMCS_EXIT_INSTRUCTION_INFO},
	{VMCS_GUEST_ES_LIMIT, VMCS_GUEST_ACTIVITY},
	{VMCS_GUEST_SYSENTER_CS, VMCS_GUEST_SYSENTER_CS},
	{VMCS_CR0_MASK, VMCS_CR4_SHADOW},
	{VMCS_EXIT_QUALIFICATION, VMCS_EXIT_QUALIFICATION},
	{VMCS_GUEST_LINEAR_ADDRESS, VMCS_GUEST_LINEAR_ADDRESS},
	{VMCS_GUEST_CR0, VMCS_GUEST_SYSENTER_EIP},
	{VMCS_HOST_CR0, VMCS_HOST_CR0},
	{VMCS_HOST_CR4, VMCS_HOST_CR4},
};

void vmx_dump(struct virt_vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u32 count = 0;

	for (u32 i = 0; i < ARRAY_COUNT(runs); i++)
		for (u32 field = runs[i].first; field <= runs[i].last; field += 2) {
			ASSERT(count < ARRAY_COUNT(page->dump));
			page->dump[count].id = field;
			page->dump[count].value = vmcs_read_any(field);
			count++;
		}
	page->dump_count = count;
}
