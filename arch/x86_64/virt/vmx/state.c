/* SPDX-License-Identifier: MIT */
/*
 * Copies the guest's registers, by group, between VMCS, CPU and the vCPU page. The kernel calls
 * vmx_get and vmx_set through vmx_ops for a loaded vCPU; kernel/guest/vcpu_run.c handles VCPU_EVENT
 * and the setting of VCPU_XCR0. vmx_set reads each word of the page once and trusts none: VM entry
 * checks the state.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"

#define SELECTOR_FIELD(i) ((enum vmcs16)(VMCS_GUEST_ES_SELECTOR + 2 * (i)))
#define BASE_FIELD(i)	  ((enum vmcs_natural)(VMCS_GUEST_ES_BASE + 2 * (i)))
#define LIMIT_FIELD(i)	  ((enum vmcs32)(VMCS_GUEST_ES_LIMIT + 2 * (i)))
#define ACCESS_FIELD(i)	  ((enum vmcs32)(VMCS_GUEST_ES_ACCESS + 2 * (i)))

static void vmx_rip_get(struct vcpu_page *page)
{
	u32 state = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);

	page->rip = vmcs_read_natural(VMCS_GUEST_RIP);
	page->rflags = vmcs_read_natural(VMCS_GUEST_RFLAGS);
	page->shadow = (state & INTERRUPTIBILITY_STI ? SHADOW_STI : 0) |
		       (state & INTERRUPTIBILITY_MOV_SS ? SHADOW_MOV_SS : 0) |
		       (state & INTERRUPTIBILITY_NMI ? SHADOW_NMI : 0);
}

static void vmx_rip_set(const struct vcpu_page *page)
{
	u32 shadow = READ_ONCE(page->shadow);
	u64 rflags = READ_ONCE(page->rflags);

	/* An interrupt shadow with TF needs a pending single step (SDM vol. 3, 27.3.1.5). */
	vmcs_change_natural(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS,
			    shadow & SHADOW_MOV_SS && rflags & RFLAGS_TF ? PENDING_DEBUG_BS : 0);
	vmcs_write_natural(VMCS_GUEST_RIP, READ_ONCE(page->rip));
	vmcs_write_natural(VMCS_GUEST_RFLAGS, rflags);
	vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY,
		     (shadow & SHADOW_STI ? INTERRUPTIBILITY_STI : 0) |
			     (shadow & SHADOW_MOV_SS ? INTERRUPTIBILITY_MOV_SS : 0) |
			     (shadow & SHADOW_NMI ? INTERRUPTIBILITY_NMI : 0));
}

static void vmx_segments_get(struct vcpu_page *page)
{
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){
			.base = vmcs_read_natural(BASE_FIELD(i)),
			.limit = vmcs_read32(LIMIT_FIELD(i)),
			.access = vmcs_read32(ACCESS_FIELD(i)),
			.selector = vmcs_read16(SELECTOR_FIELD(i)),
		};
}

static void vmx_segments_set(const struct vcpu_page *page)
{
	for (u32 i = 0; i < SEG_COUNT; i++) {
		u32 access = READ_ONCE(page->segment[i].access);

		/* SVM knows only "not present"; on VMX such a register must be unusable. */
		if (!(access & SEGMENT_P))
			access |= SEGMENT_UNUSABLE;
		vmcs_write_natural(BASE_FIELD(i), READ_ONCE(page->segment[i].base));
		vmcs_write32(LIMIT_FIELD(i), READ_ONCE(page->segment[i].limit));
		vmcs_write32(ACCESS_FIELD(i), access);
		vmcs_write16(SELECTOR_FIELD(i), READ_ONCE(page->segment[i].selector));
	}
}

static void vmx_tables_get(struct vcpu_page *page)
{
	page->gdtr.base = vmcs_read_natural(VMCS_GUEST_GDTR_BASE);
	page->gdtr.limit = vmcs_read32(VMCS_GUEST_GDTR_LIMIT);
	page->idtr.base = vmcs_read_natural(VMCS_GUEST_IDTR_BASE);
	page->idtr.limit = vmcs_read32(VMCS_GUEST_IDTR_LIMIT);
}

static void vmx_tables_set(const struct vcpu_page *page)
{
	vmcs_write_natural(VMCS_GUEST_GDTR_BASE, READ_ONCE(page->gdtr.base));
	vmcs_write32(VMCS_GUEST_GDTR_LIMIT, READ_ONCE(page->gdtr.limit));
	vmcs_write_natural(VMCS_GUEST_IDTR_BASE, READ_ONCE(page->idtr.base));
	vmcs_write32(VMCS_GUEST_IDTR_LIMIT, READ_ONCE(page->idtr.limit));
}

static void vmx_control_get(const struct virt_vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;

	page->cr0 = vmx_cr0_get();
	page->cr2 = vmx_of(vcpu)->cr2;
	page->cr3 = vmcs_read_natural(VMCS_GUEST_CR3);
	page->cr4 = vmx_cr4_get();
	page->efer = vmcs_read64(VMCS_GUEST_EFER);
}

static void vmx_debug_get(struct virt_vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;

	vmx_of(vcpu)->dr6 = read_dr6();
	virt_debug_get(vcpu);
	page->dr[6] = vmx_of(vcpu)->dr6;
	page->dr[7] = vmcs_read_natural(VMCS_GUEST_DR7);
}

static void vmx_debug_set(struct virt_vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;

	virt_debug_set(vcpu);
	/* MOV to DR6 with bits 63:32 set would fault in the host; no guest can have set them. */
	vmx_of(vcpu)->dr6 = (u32)READ_ONCE(page->dr[6]);
	vmcs_write_natural(VMCS_GUEST_DR7, READ_ONCE(page->dr[7]));
	if (vcpu->loaded_cpu != ~0u)
		write_dr6(vmx_of(vcpu)->dr6);
}

static void vmx_state_msrs_get(struct virt_vcpu *vcpu)
{
	u64 *msr = vcpu->page->msr;

	vmx_msrs_get(vcpu);
	msr[VMSR_SYSENTER_CS] = vmcs_read32(VMCS_GUEST_SYSENTER_CS);
	msr[VMSR_SYSENTER_ESP] = vmcs_read_natural(VMCS_GUEST_SYSENTER_ESP);
	msr[VMSR_SYSENTER_EIP] = vmcs_read_natural(VMCS_GUEST_SYSENTER_EIP);
	msr[VMSR_PAT] = vmcs_read64(VMCS_GUEST_PAT);
}

static void vmx_state_msrs_set(struct virt_vcpu *vcpu)
{
	const u64 *msr = vcpu->page->msr;

	vmcs_write32(VMCS_GUEST_SYSENTER_CS, (u32)READ_ONCE(msr[VMSR_SYSENTER_CS]));
	vmcs_write_natural(VMCS_GUEST_SYSENTER_ESP, READ_ONCE(msr[VMSR_SYSENTER_ESP]));
	vmcs_write_natural(VMCS_GUEST_SYSENTER_EIP, READ_ONCE(msr[VMSR_SYSENTER_EIP]));
	vmcs_write64(VMCS_GUEST_PAT, READ_ONCE(msr[VMSR_PAT]));
	vmx_msrs_set(vcpu);
}

static const u8 *vmx_code_find(struct virt_vcpu *vcpu)
{
	if (!vmx_is_64_bit() || (vmcs_read_natural(VMCS_GUEST_CR4) & CR4_LA57))
		return NULL;
	return virt_code_find(vcpu, vmcs_read_natural(VMCS_GUEST_CR3),
			      vmcs_read_natural(VMCS_GUEST_RIP));
}

static NOINLINE void vmx_get_others(struct virt_vcpu *vcpu, u32 groups)
{
	if (groups & VCPU_SEGMENTS)
		vmx_segments_get(vcpu->page);
	if (groups & VCPU_TABLES)
		vmx_tables_get(vcpu->page);
	if (groups & VCPU_CONTROL)
		vmx_control_get(vcpu);
	if (groups & VCPU_DEBUG)
		vmx_debug_get(vcpu);
	if (groups & VCPU_MSRS)
		vmx_state_msrs_get(vcpu);
	if (groups & VCPU_XCR0)
		vcpu->page->xcr0 = vcpu->xcr0;
	if (groups & VCPU_TSC)
		vcpu->page->tsc_offset = vmcs_read64(VMCS_TSC_OFFSET);
	if (groups & VCPU_CODE)
		virt_code_show(vcpu, vmx_code_find(vcpu));
}

void vmx_get(struct virt_vcpu *vcpu, u32 groups)
{
	if (groups & VCPU_RIP)
		vmx_rip_get(vcpu->page);
	if (likely((groups & ~(u32)VCPU_RIP) == 0)) /* most exits give the monitor RIP or nothing */
		return;
	/* at an access to device memory the monitor gets RIP and the instruction's bytes */
	if (groups == (VCPU_RIP | VCPU_CODE))
		virt_code_show(vcpu, vmx_code_find(vcpu));
	else
		vmx_get_others(vcpu, groups);
}

void vmx_set(struct virt_vcpu *vcpu, u32 groups)
{
	/*
	 * A failed entry leaves the injected event in the VMCS for the next entry (SDM vol. 3,
	 * 27.8).
	 */
	if (unlikely(vcpu->exit.reason == EXIT_ENTRY_FAILED))
		vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	if (groups & VCPU_RIP)
		vmx_rip_set(vcpu->page);
	if (groups & VCPU_SEGMENTS)
		vmx_segments_set(vcpu->page);
	if (groups & VCPU_TABLES)
		vmx_tables_set(vcpu->page);
	if (groups & VCPU_CONTROL)
		vmx_control_set(vcpu);
	if (groups & VCPU_DEBUG)
		vmx_debug_set(vcpu);
	if (groups & VCPU_MSRS)
		vmx_state_msrs_set(vcpu);
	if (groups & VCPU_TRAPS)
		vmx_traps_set(vcpu);
	if (groups & VCPU_APIC)
		vmx_apic_set(vcpu);
	if (groups & VCPU_INTERRUPTS && vmx_capability.apic != 0)
		vmcs_write16(VMCS_GUEST_INTERRUPT_STATUS, READ_ONCE(vcpu->page->interrupt_status));
	if (groups & VCPU_TSC)
		vmcs_write64(VMCS_TSC_OFFSET, READ_ONCE(vcpu->page->tsc_offset));
}
