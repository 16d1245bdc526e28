/* SPDX-License-Identifier: MIT */
/*
 * CR0, CR4 and EFER of a VMX guest. The guest owns every bit that harms nobody else, so that
 * paging, long mode and lazy FPU switching cost no exit; the CPU does all checks. Host-owned are CD
 * and NW (a guest must not slow down its neighbours), NE and whatever else VMX operation fixes,
 * CR4.MCE (clearing it would let a machine check shut the CPU down) and the CR4 bits that no guest
 * is offered; the read shadows hold the guest's values of these. state.c, control.c and exit.c call
 * it.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"

/*
 * The bits of CR4 that the guest owns. A CPU without one of these features refuses to set its bit.
 */
#define CR4_GUEST_OWNED                                                                            \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE |            \
	 CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_LA57 | CR4_FSGSBASE | CR4_PCIDE |            \
	 CR4_OSXSAVE | CR4_SMEP | CR4_SMAP | CR4_PKE)

static u64 vmx_cr0_mask_for(void)
{
	return CR0_CD | CR0_NW | vmx_capability.cr0_fixed;
}

static u64 vmx_cr4_mask_for(void)
{
	return ~CR4_GUEST_OWNED | vmx_capability.cr4_fixed;
}

/*
 * Returns CR0's guest/host mask: host-owned bits, or all bits if the monitor wants to see every
 * write.
 */
u64 vmx_cr0_mask(const struct virt_vcpu *vcpu)
{
	if (vcpu->trap & VTRAP_CR)
		return ~0ull;
	return vmx_cr0_mask_for() | (vcpu->trap & VTRAP_RESTRICTED ? CR0_PE | CR0_PG : 0);
}

u64 vmx_cr4_mask(const struct virt_vcpu *vcpu)
{
	return vcpu->trap & VTRAP_CR ? ~0ull : vmx_cr4_mask_for();
}

static u64 vmx_merge(u64 value, u64 shadow, u64 mask)
{
	return (value & ~mask) | (shadow & mask);
}

u64 vmx_cr0_get(void)
{
	return vmx_merge(vmcs_read_natural(VMCS_GUEST_CR0), vmcs_read_natural(VMCS_CR0_SHADOW),
			 vmx_cr0_mask_for());
}

u64 vmx_cr4_get(void)
{
	return vmx_merge(vmcs_read_natural(VMCS_GUEST_CR4), vmcs_read_natural(VMCS_CR4_SHADOW),
			 vmx_cr4_mask_for());
}

bool vmx_is_64_bit(void)
{
	return (vmcs_read64(VMCS_GUEST_EFER) & EFER_LMA) &&
	       (vmcs_read32(VMCS_GUEST_CS_ACCESS) & SEGMENT_L);
}

static bool vmx_pae_paging(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA);
}

/*
 * Writes the guest's PDPTEs to the VMCS, from which VM entry takes them with EPT (SDM vol. 3,
 * 27.3.2.4). If the guest's table lies in RAM that is not populated, the PDPTEs are 0: nothing is
 * mapped.
 */
static void vmx_pdptes_load(const struct virt_vcpu *vcpu, u64 cr3)
{
	const u64 *pdpte = virt_guest_pointer(vcpu, cr3 & BITS(31, 5));

	for (u32 i = 0; i < 4; i++)
		vmcs_write64((enum vmcs64)(VMCS_GUEST_PDPTE0 + 2 * i),
			     pdpte ? READ_ONCE(pdpte[i]) : 0);
}

/*
 * Takes CR0, CR3, CR4 and EFER from the vCPU page that the monitor writes. VM entry will refuse
 * invalid values; EFER.LMA follows from LME and PG. PDPTEs are kept if CR3 is the same, because the
 * guest may have changed its table in RAM without reloading them.
 */
void vmx_control_set(struct virt_vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;
	u64 cr0 = READ_ONCE(page->cr0);
	u64 cr3 = READ_ONCE(page->cr3);
	u64 cr4 = READ_ONCE(page->cr4);
	u64 efer = READ_ONCE(page->efer) & ~EFER_LMA;
	bool had_pdptes =
		vmx_pae_paging(vmcs_read_natural(VMCS_GUEST_CR0), vmcs_read_natural(VMCS_GUEST_CR4),
			       vmcs_read64(VMCS_GUEST_EFER)) &&
		vmcs_read_natural(VMCS_GUEST_CR3) == cr3;
	u64 real_cr4 = vmx_merge(cr4, vmx_capability.cr4_fixed | (read_cr4() & CR4_MCE),
				 vmx_cr4_mask_for());

	if ((efer & EFER_LME) && (cr0 & CR0_PG))
		efer |= EFER_LMA;
	if (vmx_pae_paging(cr0, real_cr4, efer) && !had_pdptes)
		vmx_pdptes_load(vcpu, cr3);

	vmx_of(vcpu)->cr2 = READ_ONCE(page->cr2);
	vmcs_write_natural(VMCS_GUEST_CR0,
			   vmx_merge(cr0, vmx_capability.cr0_fixed, vmx_cr0_mask_for()));
	vmcs_write_natural(VMCS_CR0_SHADOW, cr0);
	vmcs_write_natural(VMCS_GUEST_CR3, cr3);
	vmcs_write_natural(VMCS_GUEST_CR4, real_cr4);
	vmcs_write_natural(VMCS_CR4_SHADOW, cr4);
	vmcs_write64(VMCS_GUEST_EFER, efer);
	vmcs_change32(VMCS_ENTRY_CONTROLS, ENTRY_IA32E_GUEST,
		      efer & EFER_LMA ? ENTRY_IA32E_GUEST : 0);
	vmcs_write_natural(VMCS_CR0_MASK, vmx_cr0_mask(vcpu));
	vmcs_write_natural(VMCS_CR4_MASK, vmx_cr4_mask(vcpu));
	vcpu->flush = true;
}

/*
 * Returns true if MOV to CR0 of this value raises #GP in the guest (SDM vol. 2, MOV to control
 * register).
 */
static bool vmx_cr0_refused(u64 value)
{
	return value >> 32 || (value & (CR0_NW | CR0_CD)) == CR0_NW ||
	       (value & (CR0_PG | CR0_PE)) == CR0_PG;
}

/*
 * Handles a MOV to CR0 or CR4 that would change host-owned bits: the read shadow takes their new
 * values and the instruction runs again, now without an exit, so that the CPU itself does all the
 * rest, loading PDPTEs and EFER.LMA included. CLTS and LMSW change no host-owned bit; MOV to CR3
 * and CR8 does not exit. Returns true if the exit is handled.
 */
bool vmx_cr_handle(struct virt_vcpu *vcpu, u64 qualification)
{
	static const struct vcpu_event general_protection = {
		.valid = 1, .type = EVENT_EXCEPTION, .vector = VECTOR_GP};
	u64 number = qualification & CR_QUALIFICATION_NUMBER;
	u64 value;

	vmx_collect(vcpu); /* brings gpr[GPR_RSP] up to date: MOV's source may be RSP */
	value = READ_ONCE(vcpu->page->gpr[bits_get(qualification, 11, 8)]);
	if (bits_get(qualification, 5, 4) != CR_ACCESS_MOV_TO || (vcpu->trap & VTRAP_CR))
		return false;
	if (!vmx_is_64_bit())
		value = (u32)value;

	if (number == 0 && (vcpu->trap & VTRAP_RESTRICTED) &&
	    (value & (CR0_PE | CR0_PG)) != (CR0_PE | CR0_PG))
		return false;
	if (number != 0 && number != 4)
		return false;
	if (number == 0 ? vmx_cr0_refused(value) : (value & vmx_cr4_mask_for() & ~CR4_MCE) != 0)
		vmx_inject(&general_protection);
	else if (number == 0)
		vmcs_change_natural(VMCS_CR0_SHADOW, vmx_cr0_mask_for(), value);
	else
		vmcs_change_natural(VMCS_CR4_SHADOW, vmx_cr4_mask_for(), value);
	return true;
}
