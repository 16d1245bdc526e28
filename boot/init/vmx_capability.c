/* SPDX-License-Identifier: MIT */
/*
 * Judges whether a CPU's VMX offers the features that Skerry needs, and derives the control words
 * of every VMCS. boot/init/vmx.c calls it for each CPU. It depends on its arguments alone;
 * `vmx_capability` holds the boot CPU's result.
 */
#include "boot/init/vmx_capability.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/vmx.h"
#include "mm/table.h"

struct vmx_capability vmx_capability SECTION(".data.ro_after_init");

struct control_wish {
	u32 required;
	u32 optional;
	u32 refused; /* controls that the CPU must not force to be 1 */
};

static const struct control_wish pin_wish = {
	.required = PIN_EXTERNAL_INTERRUPT_EXITING | PIN_NMI_EXITING | PIN_VIRTUAL_NMIS,
	.optional = PIN_PREEMPTION_TIMER,
};

static const struct control_wish primary_wish = {
	.required = PRIMARY_USE_TSC_OFFSETTING | PRIMARY_HLT_EXITING | PRIMARY_MWAIT_EXITING |
		    PRIMARY_RDPMC_EXITING | PRIMARY_USE_TPR_SHADOW |
		    PRIMARY_UNCONDITIONAL_IO_EXITING | PRIMARY_USE_MSR_BITMAPS |
		    PRIMARY_MONITOR_EXITING | PRIMARY_SECONDARY,
	.refused = PRIMARY_CR3_LOAD_EXITING | PRIMARY_CR3_STORE_EXITING | PRIMARY_INVLPG_EXITING,
};

/* Some optional controls decide which instructions a guest's CPUID may offer. */
static const struct control_wish secondary_wish = {
	.required = SECONDARY_EPT | SECONDARY_VPID | SECONDARY_WBINVD_EXITING,
	.optional = SECONDARY_RDTSCP | SECONDARY_INVPCID | SECONDARY_PAUSE_LOOP_EXITING |
		    SECONDARY_ENCLS_EXITING | SECONDARY_ENCLV_EXITING |
		    SECONDARY_BUS_LOCK_DETECTION,
};

static const struct control_wish exit_wish = {
	.required = EXIT_SAVE_DEBUG_CONTROLS | EXIT_HOST_64_BIT | EXIT_SAVE_PAT | EXIT_LOAD_PAT |
		    EXIT_SAVE_EFER | EXIT_LOAD_EFER,
	.refused = EXIT_ACKNOWLEDGE_INTERRUPT,
};

static const struct control_wish entry_wish = {
	.required = ENTRY_LOAD_DEBUG_CONTROLS | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,
	.refused = ENTRY_IA32E_GUEST,
};

/*
 * Forms a VMX control word of the controls wished for. Bits set in the MSR's low half must be 1 in
 * the word, bits clear in its high half 0 (SDM vol. 3, A.2). Returns false if the wish cannot be
 * met.
 */
static bool vmx_capability_control_adjust(u64 msr, const struct control_wish *wish, u32 *word)
{
	*word = ((wish->required | wish->optional) & (u32)(msr >> 32)) | (u32)msr;
	return (*word & wish->required) == wish->required && (*word & wish->refused) == 0;
}

static const char *vmx_capability_control_judge(const struct vmx_capability_msrs *msrs,
						struct vmx_capability *capability)
{
	struct control_wish secondary = secondary_wish;

	if (!vmx_capability_control_adjust(msrs->pin, &pin_wish, &capability->pin))
		return "VMX of this CPU lacks NMI exiting or virtual NMIs";
	if (!vmx_capability_control_adjust(msrs->primary, &primary_wish, &capability->primary))
		return "VMX of this CPU lacks a processor control that is needed "
		       "(TPR shadow, I/O exiting, MSR bitmap, secondary controls)";
	if (!vmx_capability_control_adjust(msrs->secondary, &secondary, &capability->secondary))
		return "this CPU has no nested paging for guests (EPT) or no VPID";
	secondary.required |= SECONDARY_UNRESTRICTED_GUEST;
	if (!vmx_capability_control_adjust(msrs->secondary, &secondary, &capability->secondary))
		return "this CPU cannot run guests in real mode (VMX unrestricted guest)";
	if (!vmx_capability_control_adjust(msrs->exit, &exit_wish, &capability->exit) ||
	    !vmx_capability_control_adjust(msrs->entry, &entry_wish, &capability->entry))
		return "VMX of this CPU cannot switch EFER and PAT";
	return NULL;
}

/*
 * The controls that avoid exits for EOIs and self-IPIs, but only all of them together (SDM vol. 3,
 * chapter 30).
 */
#define APIC_CONTROLS                                                                              \
	(SECONDARY_APIC_ACCESSES | SECONDARY_X2APIC_MODE | SECONDARY_APIC_REGISTERS |              \
	 SECONDARY_INTERRUPT_DELIVERY)

static const char *vmx_capability_ept_judge(u64 cap, struct vmx_capability *capability)
{
	const u64 ept = EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_INVEPT;

	if ((cap & ept) != ept)
		return "EPT of this CPU lacks 4-level tables, write-back memory or 2-MiB pages";
	if (!(cap & EPT_CAP_INVEPT_ALL) || !(cap & VPID_CAP_INVVPID) ||
	    !(cap & VPID_CAP_INVVPID_ALL))
		return "this CPU cannot flush its guests' translations (INVEPT, INVVPID)";

	capability->gib_pages = (cap & EPT_CAP_1G) != 0;
	capability->invept_type =
		cap & EPT_CAP_INVEPT_SINGLE ? INVALIDATE_SINGLE_CONTEXT : INVALIDATE_ALL_CONTEXTS;
	capability->invvpid_type =
		cap & VPID_CAP_INVVPID_SINGLE ? INVALIDATE_SINGLE_CONTEXT : INVALIDATE_ALL_CONTEXTS;
	return NULL;
}

const char *vmx_capability_judge(const struct vmx_capability_msrs *msrs,
				 struct vmx_capability *capability)
{
	const char *reason;

	if (!(msrs->basic & VMX_BASIC_TRUE_CONTROLS))
		return "VMX of this CPU is too old: it cannot leave CR3 accesses to guests";
	if (bits_get(msrs->basic, 44, 32) > PAGE_SIZE ||
	    bits_get(msrs->basic, 53, 50) != MEMORY_TYPE_WB)
		return "VMX of this CPU wants VMCS regions of an unsupported size or type";
	reason = vmx_capability_control_judge(msrs, capability);
	if (reason)
		return reason;
	reason = vmx_capability_ept_judge(msrs->ept_vpid, capability);
	if (reason)
		return reason;
	if (!(msrs->misc & VMX_MISC_STORES_LMA))
		return "VMX of this CPU does not store EFER.LMA at exits";

	capability->revision = (u32)(msrs->basic & VMX_BASIC_REVISION);
	capability->apic =
		(msrs->secondary >> 32 & APIC_CONTROLS) == APIC_CONTROLS ? APIC_CONTROLS : 0;
	capability->cr3_targets = MIN((u32)bits_get(msrs->misc, 24, 16), 4u);
	capability->timer_shift = (u32)(msrs->misc & VMX_MISC_TIMER_SHIFT);
	/* An unrestricted guest may clear CR0.PE and PG (SDM vol. 3, 24.8). */
	capability->cr0_fixed = (msrs->cr0_fixed0 & ~(CR0_PE | CR0_PG)) | CR0_NE;
	capability->cr4_fixed = msrs->cr4_fixed0 | CR4_VMXE;
	return NULL;
}
