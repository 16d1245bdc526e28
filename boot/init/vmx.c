/* SPDX-License-Identifier: MIT */
/*
 * Finds out whether Skerry can use this host's VMX, and turns it on, on each CPU for itself.
 * boot/init/virt.c calls it. It fills vmx_capability once, locks IA32_FEATURE_CONTROL where the
 * firmware has not, and executes VMXON.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/vmx/instructions.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "boot/init/init.h"
#include "boot/init/virt.h"
#include "boot/init/vmx_capability.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/string.h"

static bool vmx_is_locked_off(u64 feature_control)
{
	return (feature_control & FEATURE_CONTROL_LOCK) &&
	       !(feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX);
}

/*
 * Reads the VMX capability MSRs of the running CPU, which has VMX. MSRs of features that it lacks
 * are returned as 0 (SDM vol. 3, A).
 */
static struct vmx_capability_msrs vmx_capability_msrs(void)
{
	struct vmx_capability_msrs msrs = {
		.basic = rdmsr(MSR_VMX_BASIC),
		.misc = rdmsr(MSR_VMX_MISC),
		.cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0),
		.cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0),
	};

	if (!(msrs.basic & VMX_BASIC_TRUE_CONTROLS))
		return msrs;
	msrs.pin = rdmsr(MSR_VMX_TRUE_PINBASED_CTLS);
	msrs.primary = rdmsr(MSR_VMX_TRUE_PROCBASED_CTLS);
	msrs.exit = rdmsr(MSR_VMX_TRUE_EXIT_CTLS);
	msrs.entry = rdmsr(MSR_VMX_TRUE_ENTRY_CTLS);
	if (!(msrs.primary >> 32 & PRIMARY_SECONDARY))
		return msrs;
	msrs.secondary = rdmsr(MSR_VMX_PROCBASED_CTLS2);
	if (msrs.secondary >> 32 & (SECONDARY_EPT | SECONDARY_VPID))
		msrs.ept_vpid = rdmsr(MSR_VMX_EPT_VPID_CAP);
	return msrs;
}

const struct virt_ops *vmx_probe(const char **reason)
{
	struct vmx_capability_msrs msrs;

	if (vmx_is_locked_off(rdmsr(MSR_FEATURE_CONTROL))) {
		*reason = "the firmware has locked VMX off (IA32_FEATURE_CONTROL): "
			  "enable it in its setup";
		return NULL;
	}
	msrs = vmx_capability_msrs();
	*reason = vmx_capability_judge(&msrs, &vmx_capability);
	if (*reason)
		return NULL;
	features.gib_pages = features.gib_pages && vmx_capability.gib_pages != 0;
	features.speculation.done |=
		(vmx_capability.secondary & SECONDARY_BUS_LOCK_DETECTION ? HOST_BUS_LOCKS : 0) |
		(vmx_capability.secondary & SECONDARY_ENCLS_EXITING ? HOST_ENCLS : 0);
	return &vmx_ops;
}

enum status vmx_cpu_enable(void *area, hpa_t area_hpa)
{
	struct vmx_capability_msrs msrs = vmx_capability_msrs();
	struct vmx_capability here = {0};
	u64 feature_control = rdmsr(MSR_FEATURE_CONTROL);

	if (vmx_is_locked_off(feature_control) || vmx_capability_judge(&msrs, &here) ||
	    memcmp(&here, &vmx_capability, sizeof(here)) != 0)
		return STATUS_NOT_SUPPORTED;
	if (!(feature_control & FEATURE_CONTROL_LOCK))
		wrmsr(MSR_FEATURE_CONTROL,
		      feature_control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX);

	*(u32 *)area = vmx_capability.revision;
	write_cr0(read_cr0() | msrs.cr0_fixed0);
	write_cr4(read_cr4() | msrs.cr4_fixed0 | CR4_VMXE);
	if (!vmxon(area_hpa.value)) {
		write_cr4(read_cr4() & ~CR4_VMXE);
		return STATUS_NOT_SUPPORTED;
	}
	CHECK(invept(INVALIDATE_ALL_CONTEXTS, 0));
	return STATUS_OK;
}
