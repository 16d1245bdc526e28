/* SPDX-License-Identifier: MIT */
/*
 * Initialises what a VMX guest and its vCPUs consist of: MSR bitmaps, control fields and the rest
 * of the VMCS. kernel/guest/vm.c and kernel/guest/vcpu.c call it through vmx_ops, state.c for
 * VCPU_TRAPS and VCPU_APIC. It writes the current VMCS and pages that the VM's quota pays for.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/paging.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"
#include "mm/address.h"
#include "mm/table.h"

/* In TSC cycles: PAUSEs at most PLE_GAP apart form a loop, which exits after PLE_WINDOW. */
#define PLE_GAP	   128
#define PLE_WINDOW 4096

/* the order of a vCPU's control structure, two pages: the VMCS and struct vmx_scratch */
#define CONTROL_ORDER 1

/* The x2APIC registers that the CPU virtualizes in the APIC page; bit 0 is MSR_X2APIC_BASE. */
#define X2APIC_READABLE                                                                            \
	(BITS(0x03, 0x02) | BIT(0x08) | BIT(0x0a) | BIT(0x0d) | BIT(0x0f) | BITS(0x28, 0x10) |     \
	 BITS(0x38, 0x32) | BIT(0x3e))
#define X2APIC_WRITABLE (BIT(0x08) | BIT(0x0b) | BIT(0x3f)) /* TPR, EOI, SELF_IPI */

static void vmx_msr_pass(struct vmx_msr_bitmap *bitmap, u32 msr, bool write)
{
	u32 bit = msr % VMX_MSR_RANGE;
	bool high = msr >= VMX_MSR_HIGH_BASE;
	u8 *read_bits = high ? bitmap->read_high : bitmap->read_low;
	u8 *write_bits = high ? bitmap->write_high : bitmap->write_low;

	read_bits[bit / 8] &= (u8)~BIT(bit % 8);
	if (write)
		write_bits[bit / 8] &= (u8)~BIT(bit % 8);
}

/*
 * Lets the guest access without an exit the MSRs that belong to it alone while it is loaded.
 * Accesses to all others exit.
 */
static void vmx_msr_bitmap_fill(struct vmx_msr_bitmap *bitmap)
{
	for (size_t i = 0; i < ARRAY_COUNT(virt_guest_msrs); i++)
		vmx_msr_pass(bitmap, virt_guest_msrs[i], true);
	vmx_msr_pass(bitmap, MSR_PAT, true);
	vmx_msr_pass(bitmap, MSR_TSC, false); /* RDMSR adds the TSC offset: SDM vol. 3, 26.3 */
}

/* Creates a VM's two MSR bitmaps; the second is for vCPUs whose CPU virtualizes x2APIC mode. */
enum status vmx_vm_init(struct virt_vm *vm)
{
	enum status status = virt_vm_alloc(vm, 1);
	struct vmx_msr_bitmap *bitmap = vm->msr_bitmap;

	if (status != STATUS_OK)
		return status;
	vmx_msr_bitmap_fill(&bitmap[0]);
	vmx_msr_bitmap_fill(&bitmap[1]);
	*(u64 *)&bitmap[1].read_low[MSR_X2APIC_BASE / 8] = ~X2APIC_READABLE;
	*(u64 *)&bitmap[1].write_low[MSR_X2APIC_BASE / 8] = ~X2APIC_WRITABLE;
	return STATUS_OK;
}

/*
 * Takes over the register group VCPU_APIC from the vCPU page. Accesses to the x2APIC's MSRs do not
 * exit in VAPIC_MSRS, where the CPU virtualizes them.
 */
void vmx_apic_set(struct virt_vcpu *vcpu)
{
	static const u32 controls[] = {
		[VAPIC_NONE] = 0,
		[VAPIC_DELIVERY] = SECONDARY_INTERRUPT_DELIVERY,
		[VAPIC_MEMORY] = SECONDARY_INTERRUPT_DELIVERY | SECONDARY_APIC_REGISTERS |
				 SECONDARY_APIC_ACCESSES,
		[VAPIC_MSRS] = SECONDARY_INTERRUPT_DELIVERY | SECONDARY_APIC_REGISTERS |
			       SECONDARY_X2APIC_MODE,
	};
	const struct vmx_msr_bitmap *bitmap = vcpu->vm->msr_bitmap;
	u32 mode = READ_ONCE(vcpu->page->apic_mode) % ARRAY_COUNT(controls);

	if (vmx_capability.apic == 0)
		return;
	vmcs_change32(VMCS_SECONDARY_CONTROLS, vmx_capability.apic, controls[mode]);
	vmcs_write64(VMCS_MSR_BITMAP, pointer_to_hpa(&bitmap[mode == VAPIC_MSRS]).value);
	vmcs_write64(VMCS_APIC_ACCESS, vcpu->apic_access.value);
	for (u32 i = 0; i < ARRAY_COUNT(vcpu->page->eoi_exit); i++)
		vmcs_write64((enum vmcs64)(VMCS_EOI_EXIT0 + 2 * i),
			     READ_ONCE(vcpu->page->eoi_exit[i]));
	/* The TLB may hold translations of the APIC's memory as if it were RAM. */
	vcpu->flush = true;
}

static void controls_write(struct virt_vcpu *vcpu)
{
	struct vmx_scratch *scratch = vmx_of(vcpu)->scratch;
	u64 scratch_hpa = vcpu->control_hpa.value + PAGE_SIZE;

	vmcs_write32(VMCS_SECONDARY_CONTROLS, vmx_capability.secondary);
	vmcs_write32(VMCS_EXIT_CONTROLS, vmx_capability.exit);
	vmcs_write32(VMCS_ENTRY_CONTROLS, vmx_capability.entry);

	vmcs_write32(VMCS_PF_ERROR_MASK, 0);
	vmcs_write32(VMCS_PF_ERROR_MATCH, 0);
	vmcs_write32(VMCS_TPR_THRESHOLD, 0);
	vmcs_write32(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VMCS_EXIT_MSR_LOAD_COUNT,
		     features.speculation.done & HOST_IBRS_ON_EXIT ? 1 : 0);
	vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	if (vmx_capability.secondary & SECONDARY_PAUSE_LOOP_EXITING) {
		vmcs_write32(VMCS_PLE_GAP, PLE_GAP);
		vmcs_write32(VMCS_PLE_WINDOW, PLE_WINDOW);
	}

	/* A guest has no leaf function of SGX's ENCLS and ENCLV: all of them exit. */
	if (vmx_capability.secondary & SECONDARY_ENCLS_EXITING)
		vmcs_write64(VMCS_ENCLS_BITMAP, ~0ull);
	if (vmx_capability.secondary & SECONDARY_ENCLV_EXITING)
		vmcs_write64(VMCS_ENCLV_BITMAP, ~0ull);
	vmcs_write64(VMCS_MSR_BITMAP, pointer_to_hpa(vcpu->vm->msr_bitmap).value);
	vmcs_write64(VMCS_ENTRY_MSR_LOAD, scratch_hpa + offsetof(struct vmx_scratch, msr_load));
	scratch->exit_load[0] = (struct vmx_msr_entry){.index = MSR_SPEC_CTRL,
						       .value = features.speculation.spec_ctrl};
	vmcs_write64(VMCS_EXIT_MSR_LOAD, scratch_hpa + offsetof(struct vmx_scratch, exit_load));
	vmcs_write64(VMCS_VIRTUAL_APIC, pointer_to_hpa(vcpu->apic).value);
	vmcs_write64(VMCS_EPT_POINTER, vcpu->vm->second_stage.root.kernel.value |
					       (PT_LEVEL_COUNT - 1) << EPTP_WALK_LENGTH_SHIFT |
					       MEMORY_TYPE_WB);

	/* Guest state that no register group holds. */
	vmcs_write_natural(VMCS_GUEST_RSP, vmx_of(vcpu)->rsp);
	vmx_of(vcpu)->timer_tsc = ~0ull;
	vmcs_write64(VMCS_LINK_POINTER, ~0ull);
	vmcs_write64(VMCS_GUEST_DEBUGCTL, 0);
	vmcs_write32(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmcs_write_natural(VMCS_GUEST_PENDING_DEBUG, 0);
}

void vmx_traps_set(struct virt_vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;
	u32 trap = READ_ONCE(page->trap);
	u64 cr0 = vmx_cr0_get();
	u64 cr4 = vmx_cr4_get();
	u32 pin;

	vcpu->trap = trap;
	vcpu->trap_exceptions = READ_ONCE(page->trap_exceptions);
	vmx_of(vcpu)->primary = vmx_capability.primary;
	if (trap & VTRAP_CR)
		vmx_of(vcpu)->primary |= PRIMARY_CR3_LOAD_EXITING;
	if (trap & VTRAP_DR)
		vmx_of(vcpu)->primary |= PRIMARY_MOV_DR_EXITING;
	if (trap & VTRAP_MSR)
		vmx_of(vcpu)->primary &= ~PRIMARY_USE_MSR_BITMAPS;
	vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx_of(vcpu)->primary);
	pin = vmx_capability.pin & ~(trap & VTRAP_NO_TIMER ? PIN_PREEMPTION_TIMER : 0);
	vcpu->own_timer = (pin & PIN_PREEMPTION_TIMER) != 0;
	vmcs_write32(VMCS_PIN_CONTROLS, pin);
	/*
	 * VTRAP_FLUSH turns VPID off: without VPID each entry and each exit flushes the TLB (SDM
	 * vol. 3, 29.4.3.1).
	 */
	vmcs_change32(VMCS_SECONDARY_CONTROLS, ~vmx_capability.apic,
		      vmx_capability.secondary &
			      ~((trap & VTRAP_FLUSH ? SECONDARY_VPID : 0) |
				(trap & VTRAP_RESTRICTED ? SECONDARY_UNRESTRICTED_GUEST : 0)));
	vmcs_write32(VMCS_EXCEPTION_BITMAP, VMX_EXCEPTIONS | vcpu->trap_exceptions);
	vmcs_write_natural(VMCS_CR0_SHADOW, cr0);
	vmcs_write_natural(VMCS_CR4_SHADOW, cr4);
	vmcs_write_natural(VMCS_CR0_MASK, vmx_cr0_mask(vcpu));
	vmcs_write_natural(VMCS_CR4_MASK, vmx_cr4_mask(vcpu));
	vmcs_write32(VMCS_CR3_TARGET_COUNT, vmx_capability.cr3_targets);
	for (u32 i = 0; i < vmx_capability.cr3_targets; i++)
		vmcs_write_natural((enum vmcs_natural)(VMCS_CR3_TARGET0 + 2 * i),
				   READ_ONCE(page->cr3_target[i]));
}

enum status vmx_vcpu_init(struct virt_vcpu *vcpu)
{
	enum status status = virt_vcpu_alloc(vcpu, CONTROL_ORDER);
	u64 previous;

	if (status != STATUS_OK)
		return status;
	vmx_of(vcpu)->scratch = (void *)((u8 *)vcpu->control + PAGE_SIZE);
	*(u32 *)vcpu->control = vmx_capability.revision;
	CHECK(vmclear(vcpu->control_hpa.value));
	previous = vmptrst();
	CHECK(vmptrld(vcpu->control_hpa.value));
	controls_write(vcpu);
	vmx_set(vcpu, VCPU_ALL | VCPU_TRAPS | VCPU_APIC | VCPU_INTERRUPTS);
	vcpu->page->apic_virtualized = vmx_capability.apic != 0;
	CHECK(vmclear(vcpu->control_hpa.value));
	if (previous != ~0ull) /* makes the VMCS of the vCPU that was loaded here current again */
		CHECK(vmptrld(previous));
	return STATUS_OK;
}
