/* SPDX-License-Identifier: MIT */
/*
 * Copies the guest's registers, by group, between VMCB, CPU and the vCPU page. The kernel calls
 * svm_get and svm_set through svm_ops for a loaded vCPU. svm_set reads each word of the page once
 * and trusts none: VMRUN checks the state.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/segment.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/read_once.h"

static void svm_rip_set(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	const struct vcpu_page *page = vcpu->page;
	u32 shadow = READ_ONCE(page->shadow);

	vmcb->save.rip = READ_ONCE(page->rip);
	vmcb->save.rflags = READ_ONCE(page->rflags) | RFLAGS_FIXED;
	vmcb->control.interrupt_shadow = shadow & (SHADOW_STI | SHADOW_MOV_SS) ? VMCB_SHADOW : 0;
	svm_nmi_block(vcpu, shadow & SHADOW_NMI);
}

static struct vmcb_segment *svm_segment_of(struct vmcb_save *save, enum vcpu_segment index)
{
	switch (index) {
	case SEG_LDTR:
		return &save->ldtr;
	case SEG_TR:
		return &save->tr;
	default:
		return &save->es + index;
	}
}
_Static_assert(offsetof(struct vmcb_save, gs) == SEG_GS * sizeof(struct vmcb_segment),
	       "ES to GS in the order of enum vcpu_segment");

static void svm_segments_get(const struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	struct vcpu_page *page = vcpu->page;

	for (u32 i = 0; i < SEG_COUNT; i++)
		segment_from_vmcb(svm_segment_of(save, i), &page->segment[i]);
	/* VMX takes SS.DPL as the CPL; the VMCB has a field for the CPL. */
	page->segment[SEG_SS].access &= ~(3u << SEGMENT_DPL_SHIFT);
	page->segment[SEG_SS].access |= (u32)save->cpl << SEGMENT_DPL_SHIFT;
}

static void svm_segments_set(const struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	for (u32 i = 0; i < SEG_COUNT; i++) {
		struct vcpu_segment_state segment = READ_ONCE(vcpu->page->segment[i]);

		*svm_segment_of(save, i) = segment_to_vmcb(&segment);
	}
	save->cpl = save->ss.attributes >> VMCB_ATTRIBUTE_DPL_SHIFT & 3;
}

static void svm_tables_get(const struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	vcpu->page->gdtr = (struct vcpu_table_state){save->gdtr.base, save->gdtr.limit, 0};
	vcpu->page->idtr = (struct vcpu_table_state){save->idtr.base, save->idtr.limit, 0};
}

static void svm_tables_set(const struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	save->gdtr.base = READ_ONCE(vcpu->page->gdtr.base);
	save->gdtr.limit = READ_ONCE(vcpu->page->gdtr.limit);
	save->idtr.base = READ_ONCE(vcpu->page->idtr.base);
	save->idtr.limit = READ_ONCE(vcpu->page->idtr.limit);
}

/*
 * Copies the control registers to the vCPU page. VMRUN requires EFER.SVME, which the guest must not
 * see (APM vol. 2, 15.5.1).
 */
static void svm_control_get(const struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	struct vcpu_page *page = vcpu->page;

	page->cr0 = save->cr0;
	page->cr2 = save->cr2;
	page->cr3 = save->cr3;
	page->cr4 = save->cr4;
	page->efer = save->efer & ~EFER_SVME;
}

static void svm_control_set(struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	const struct vcpu_page *page = vcpu->page;

	save->cr0 = READ_ONCE(page->cr0);
	save->cr2 = READ_ONCE(page->cr2);
	save->cr3 = READ_ONCE(page->cr3);
	save->cr4 = READ_ONCE(page->cr4);
	save->efer = READ_ONCE(page->efer) | EFER_SVME;
	/* a guest's instructions that write these registers flush the TLB too */
	vcpu->flush = true;
}

static void svm_debug_get(struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	virt_debug_get(vcpu);
	vcpu->page->dr[6] = save->dr6;
	vcpu->page->dr[7] = save->dr7;
}

static void svm_debug_set(struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;

	virt_debug_set(vcpu);
	save->dr6 = READ_ONCE(vcpu->page->dr[6]);
	save->dr7 = READ_ONCE(vcpu->page->dr[7]);
}

_Static_assert(ARRAY_COUNT(((struct vmcb_save *)0)->msr) == VMSR_SYSENTER_EIP + 1 &&
		       VMSR_STAR == 0 && VMSR_KERNEL_GS_BASE == 4,
	       "in the order of enum vcpu_msr");

/*
 * Copies the MSRs to the vCPU page. The guest can write TSC_AUX only through the monitor, so the
 * back end's copy is always right.
 */
static void svm_msrs_get(const struct virt_vcpu *vcpu)
{
	const struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	u64 *msr = vcpu->page->msr;

	for (u32 i = 0; i < ARRAY_COUNT(save->msr); i++)
		msr[i] = save->msr[i];
	msr[VMSR_PAT] = save->g_pat;
	msr[VMSR_TSC_AUX] = svm_of(vcpu)->tsc_aux;
}

static void svm_msrs_set(struct virt_vcpu *vcpu)
{
	struct vmcb_save *save = &svm_vmcb(vcpu)->save;
	const u64 *msr = vcpu->page->msr;

	for (u32 i = 0; i < ARRAY_COUNT(save->msr); i++)
		save->msr[i] = READ_ONCE(msr[i]);
	save->g_pat = READ_ONCE(msr[VMSR_PAT]);
	svm_of(vcpu)->tsc_aux = (u32)READ_ONCE(msr[VMSR_TSC_AUX]);
	if (vcpu->loaded_cpu != ~0u && features.rdtscp)
		wrmsr(MSR_TSC_AUX, svm_of(vcpu)->tsc_aux);
}

static NOINLINE void svm_get_others(struct virt_vcpu *vcpu, u32 groups)
{
	if (groups & VCPU_SEGMENTS)
		svm_segments_get(vcpu);
	if (groups & VCPU_TABLES)
		svm_tables_get(vcpu);
	if (groups & VCPU_CONTROL)
		svm_control_get(vcpu);
	if (groups & VCPU_DEBUG)
		svm_debug_get(vcpu);
	if (groups & VCPU_MSRS)
		svm_msrs_get(vcpu);
	/*
	 * Some emulated CPUs do not intercept XSETBV: only the CPU's register is sure to be right.
	 */
	if (groups & VCPU_XCR0)
		vcpu->page->xcr0 = vcpu->xcr0 = fpu_xcr0_get();
	if (groups & VCPU_TSC)
		vcpu->page->tsc_offset = svm_vmcb(vcpu)->control.tsc_offset;
	if (groups & VCPU_CODE)
		virt_code_show(vcpu, svm_code_find(vcpu));
}

void svm_get(struct virt_vcpu *vcpu, u32 groups)
{
	if (groups & VCPU_RIP)
		svm_rip_get(vcpu);
	if (likely((groups & ~(u32)VCPU_RIP) == 0)) /* most exits give the monitor RIP or nothing */
		return;
	/* at an access to device memory the monitor gets RIP and the instruction's bytes */
	if (groups == (VCPU_RIP | VCPU_CODE))
		virt_code_show(vcpu, svm_code_find(vcpu));
	else
		svm_get_others(vcpu, groups);
}

void svm_set(struct virt_vcpu *vcpu, u32 groups)
{
	/*
	 * VMRUN does not check RIP and RFLAGS (APM vol. 2, 15.5.1), the only ones that most exits
	 * change.
	 */
	if (groups & ~(u32)VCPU_RIP)
		svm_of(vcpu)->unchecked = true;
	if (groups & VCPU_RIP)
		svm_rip_set(vcpu);
	if (groups & VCPU_SEGMENTS)
		svm_segments_set(vcpu);
	if (groups & VCPU_TABLES)
		svm_tables_set(vcpu);
	if (groups & VCPU_CONTROL)
		svm_control_set(vcpu);
	if (groups & VCPU_DEBUG)
		svm_debug_set(vcpu);
	if (groups & VCPU_MSRS)
		svm_msrs_set(vcpu);
	if (groups & VCPU_TRAPS) {
		vcpu->trap_exceptions = READ_ONCE(vcpu->page->trap_exceptions);
		vcpu->trap = READ_ONCE(vcpu->page->trap);
		vcpu->flush |= (vcpu->trap & VTRAP_FLUSH) != 0;
		svm_traps_set(vcpu);
	}
	if (groups & VCPU_TSC)
		svm_vmcb(vcpu)->control.tsc_offset = READ_ONCE(vcpu->page->tsc_offset);
}
