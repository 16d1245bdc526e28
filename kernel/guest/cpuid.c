/* SPDX-License-Identifier: MIT */
/*
 * Handles CPUID and hypercall exits in the kernel with answers that the monitor has stored in pages
 * shared with the vCPU. kernel/guest/vcpu_run.c calls it right after the exit, while the CPU holds
 * the guest's state. It writes only the guest's general registers in the vCPU page; the shared
 * pages may change at any time, so each word is read once.
 */
#include "kernel/guest/cpuid.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/cpuid.h"
#include "kernel/guest/vcpu.h"
#include "lib/read_once.h"

/*
 * Finds the CPUID table's answer to the leaf and subleaf in the guest's EAX and ECX; NULL if there
 * is none. The monitor may write the table at any time: a wrong answer harms only its own guest.
 */
static const struct vcpu_cpuid_entry *cpuid_find(const struct vcpu_cpuid_entry *table,
						 const u64 *gpr)
{
	u32 leaf = (u32)READ_ONCE(gpr[GPR_RAX]);
	u32 slot = vcpu_cpuid_slot(leaf);

	for (u32 n = 0; n < VCPU_CPUID_PROBES; n++) {
		const struct vcpu_cpuid_entry *entry = &table[(slot + n) % VCPU_CPUID_SLOTS];
		u32 flags = READ_ONCE(entry->flags);

		if (!(flags & CPUID_VALID))
			return NULL;
		if (READ_ONCE(entry->leaf) == leaf &&
		    (!(flags & CPUID_INDEXED) ||
		     READ_ONCE(entry->subleaf) == (u32)READ_ONCE(gpr[GPR_RCX])))
			return entry;
	}
	return NULL;
}

/* Sets the guest's ECX to CPUID's answer, in which some bits mirror bits of the guest's CR4. */
static NOINLINE void cpuid_answer_ecx(struct vcpu *vcpu, u32 flags, u32 ecx)
{
	u64 cr4;

	virt->get(&vcpu->virt, VCPU_CONTROL);
	cr4 = READ_ONCE(vcpu->virt.page->cr4);
	if (flags & CPUID_OSXSAVE)
		ecx = (ecx & ~(u32)CPUID_1_ECX_OSXSAVE) |
		      (cr4 & CR4_OSXSAVE ? (u32)CPUID_1_ECX_OSXSAVE : 0);
	if (flags & CPUID_OSPKE)
		ecx = (ecx & ~(u32)CPUID_7_ECX_OSPKE) |
		      (cr4 & CR4_PKE ? (u32)CPUID_7_ECX_OSPKE : 0);
	vcpu->virt.page->gpr[GPR_RCX] = ecx;
}

bool cpuid_handle(struct vcpu *vcpu)
{
	u64 *gpr = vcpu->virt.page->gpr;
	const struct vcpu_cpuid_entry *entry;
	u32 flags;

	if (vcpu->cpuid == NULL || vcpu->virt.exit.instruction_length == 0)
		return false;
	entry = cpuid_find(vcpu->cpuid, gpr);
	if (entry == NULL)
		return false;
	flags = READ_ONCE(entry->flags);
	gpr[GPR_RAX] = READ_ONCE(entry->eax);
	gpr[GPR_RBX] = READ_ONCE(entry->ebx);
	gpr[GPR_RCX] = READ_ONCE(entry->ecx);
	gpr[GPR_RDX] = READ_ONCE(entry->edx);
	if (flags & (CPUID_OSXSAVE | CPUID_OSPKE))
		cpuid_answer_ecx(vcpu, flags, (u32)gpr[GPR_RCX]);
	return true;
}

bool cpuid_handle_hypercall(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->virt.page;
	/* Outside 64-bit mode the upper half of RAX is meaningless. */
	u32 number = (u32)READ_ONCE(page->gpr[GPR_RAX]);

	if (!(READ_ONCE(page->settle) & SETTLE_HYPERCALL) || vcpu->virt.exit.vector != 0 ||
	    vcpu->virt.exit.instruction_length == 0 ||
	    (number < 64 && (READ_ONCE(page->hypercalls) >> number & 1)))
		return false;
	page->gpr[GPR_RAX] = READ_ONCE(page->hypercall_result);
	return true;
}
