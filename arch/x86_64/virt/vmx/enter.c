/* SPDX-License-Identifier: MIT */
/*
 * A VMX vCPU on its CPU: load, enter, leave, unload. kernel/guest/vcpu_run.c and
 * kernel/guest/vcpu.c call it through vmx_ops, with interrupts off. The loaded vCPU's VMCS is the
 * CPU's current one; between enter and leave the CPU holds part of the guest's state.
 */
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"

/* Runs the guest (entry.S). Returns false if the entry failed: VMCS_INSTRUCTION_ERROR says why. */
bool vmx_run(u64 gpr[GPR_COUNT], bool launched, u64 *host_rsp);

void vmx_vcpu_load(struct virt_vcpu *vcpu)
{
	CHECK(vmptrld(vcpu->control_hpa.value));
	if (vmx_of(vcpu)->host_cpu != this_cpu())
		vmx_host_state_write(vcpu);
	vcpu->loaded_cpu = this_cpu()->id;
	vmx_tag_assign(vcpu);
	vmx_msrs_load(vcpu);

	virt_debug_load(vcpu);
	write_dr6(vmx_of(vcpu)->dr6);
	fpu_load(vcpu->xsave_area, vcpu->xcr0);
}

/* Unloads the vCPU: VMCLEAR must come before another CPU may load the VMCS (SDM vol. 3, 25.11). */
void vmx_vcpu_unload(struct virt_vcpu *vcpu)
{
	fpu_save(vcpu->xsave_area);
	virt_debug_save(vcpu);
	vmx_of(vcpu)->dr6 = read_dr6();
	vmx_msrs_fetch(vcpu);

	vmx_of(vcpu)->msrs_live = false;
	vmx_of(vcpu)->launched = false;
	CHECK(vmclear(vcpu->control_hpa.value));
	__atomic_store_n(&vcpu->loaded_cpu, ~0u, __ATOMIC_RELEASE);
}

/*
 * The longest stay in a guest: Bochs 2.7 holds back interrupts that arrive after an entry with
 * RFLAGS.IF clear until the guest changes IF, in spite of external-interrupt exiting.
 */
#define STAY_MAX_MS 5u

/*
 * Returns the preemption timer's ticks to the deadline, rounded up: the timer must not fire before
 * the deadline (SDM vol. 3, 26.5.1).
 */
static u32 vmx_timer_ticks(u64 deadline_tsc)
{
	u64 stay = (u64)tsc_khz() * STAY_MAX_MS;
	u64 now;

	if (deadline_tsc != 0) {
		now = rdtsc();
		if (deadline_tsc <= now)
			return 0;
		stay = MIN(stay, deadline_tsc - now);
	}
	return (u32)MIN((stay >> vmx_capability.timer_shift) + 1, 0xffffffffull);
}

/*
 * Sets the VMCS's TPR threshold, at most to the guest's task priority: otherwise VM entry fails
 * (SDM vol. 3, 27.2.1.1).
 */
static NOINLINE void vmx_set_threshold(struct virt_vcpu *vcpu, u32 wanted)
{
	u8 threshold = (u8)MIN(wanted, virt_cr8(vcpu));

	if (threshold != vmx_of(vcpu)->tpr_threshold)
		vmcs_write32(VMCS_TPR_THRESHOLD, threshold);
	vmx_of(vcpu)->tpr_threshold = threshold;
}

/*
 * Before the first of a series of entries, loads into the VMCS and the CPU the guest's state that
 * may have changed since the last vmx_leave.
 */
static ALWAYS_INLINE void vmx_supply(struct virt_vcpu *vcpu)
{
	u64 cr3 = read_cr3();
	u64 rsp = READ_ONCE(vcpu->page->gpr[GPR_RSP]);
	u32 threshold = READ_ONCE(vcpu->page->tpr_threshold);

	if (unlikely(cr3 != vmx_of(vcpu)->host_cr3)) {
		vmcs_write_natural(VMCS_HOST_CR3, cr3);
		vmx_of(vcpu)->host_cr3 = cr3;
	}
	if (rsp != vmx_of(vcpu)->rsp) {
		vmcs_write_natural(VMCS_GUEST_RSP, rsp);
		vmx_of(vcpu)->rsp = rsp;
	}
	if (unlikely((threshold | vmx_of(vcpu)->tpr_threshold) != 0))
		vmx_set_threshold(vcpu, threshold);
	if (read_cr2() != vmx_of(vcpu)->cr2)
		write_cr2(vmx_of(vcpu)->cr2);
	vcpu->live = true;
}

static ALWAYS_INLINE void vmx_prepare(struct virt_vcpu *vcpu, u64 deadline_tsc)
{
	if (unlikely(vcpu->flush)) {
		vcpu->code.depth = 0;
		vmx_tag_flush(vcpu);
	}
	/*
	 * Every entry starts the preemption timer with the value that was last written to the VMCS.
	 */
	if ((deadline_tsc | vmx_of(vcpu)->timer_tsc) != 0 && vcpu->own_timer) {
		vmx_of(vcpu)->timer_tsc = deadline_tsc;
		vmcs_write32(VMCS_PREEMPTION_TIMER, vmx_timer_ticks(deadline_tsc));
	}
	if (!vcpu->live)
		vmx_supply(vcpu);
}

void vmx_collect(struct virt_vcpu *vcpu)
{
	vmx_of(vcpu)->cr2 = read_cr2();
	vmx_of(vcpu)->rsp = vmcs_read_natural(VMCS_GUEST_RSP);
	vcpu->page->gpr[GPR_RSP] = vmx_of(vcpu)->rsp;
}

/* Reports an entry that failed in the checks before those of the guest state (SDM vol. 3, 27.2). */
static void vmx_entry_refused(struct virt_vcpu *vcpu)
{
	vcpu->exit = (struct vcpu_exit){.reason = EXIT_ENTRY_FAILED};
	vcpu->exit.vendor_code = vmcs_read32(VMCS_INSTRUCTION_ERROR);
}

static void vmx_decode_io(struct vcpu_exit *exit)
{
	u64 qualification = vmcs_read_natural(VMCS_EXIT_QUALIFICATION);

	exit->reason = EXIT_IO;
	exit->instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
	exit->io_port = (u16)(qualification >> IO_QUALIFICATION_PORT_SHIFT);
	exit->io_size = (u8)((qualification & IO_QUALIFICATION_SIZE) + 1);
	exit->io_flags = (u8)((qualification & IO_QUALIFICATION_IN ? IO_IN : 0) |
			      (qualification & IO_QUALIFICATION_STRING ? IO_STRING : 0) |
			      (qualification & IO_QUALIFICATION_REP ? IO_REP : 0));
}

/*
 * Decodes the most common exits; vmx_exit_decode does the others. Returns true if the exit is
 * handled, so that the caller enters again.
 */
static ALWAYS_INLINE bool vmx_decode_exit(struct virt_vcpu *vcpu)
{
	u32 reason = vmcs_read32(VMCS_EXIT_REASON);
	struct vcpu_exit *exit = &vcpu->exit;

	if (unlikely(!vmx_of(vcpu)->msrs_live))
		reason = vmx_msrs_entered(vcpu, reason);
	if (reason == VMX_EXIT_IO) {
		vmx_decode_io(exit);
		return false;
	}
	if (!vmx_is_one_of(reason, IS_PLAIN))
		return vmx_exit_decode(vcpu, reason);
	exit->reason = vmx_plain_reasons[reason];
	exit->instruction_length = vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
	if (reason == VMX_EXIT_VMCALL) /* SS.DPL is the privilege level: SDM vol. 3, 25.4.1 */
		exit->vector = (u32)bits_get(vmcs_read32(VMCS_GUEST_SS_ACCESS), 6, 5);
	return false;
}

/* Enters the guest once; returns true if the exit is handled, so that the caller enters again. */
static ALWAYS_INLINE bool enter(struct virt_vcpu *vcpu, u64 deadline_tsc)
{
	vmx_prepare(vcpu, deadline_tsc);
	if (unlikely(!vmx_run(vcpu->page->gpr, vmx_of(vcpu)->launched, &vmx_of(vcpu)->host_rsp))) {
		vmx_entry_refused(vcpu);
		return false;
	}
	return vmx_decode_exit(vcpu);
}

static NOINLINE void enter_again(struct virt_vcpu *vcpu)
{
	for (u32 round = 1; round < VMX_ROUNDS; round++)
		if (!enter(vcpu, vmx_of(vcpu)->timer_tsc))
			return;
	vcpu->exit.reason = EXIT_HOST_INTERRUPT;
	vcpu->event = vmx_inject_cancel();
}

void vmx_enter(struct virt_vcpu *vcpu, u64 deadline_tsc)
{
	if (unlikely(enter(vcpu, deadline_tsc)))
		enter_again(vcpu);
}

/*
 * Ends a sequence of entries. Reloads GDTR for the GDT's limit, which a VM exit sets to FFFFh,
 * beyond the table's end (SDM vol. 3, 28.5.2).
 */
void vmx_leave(struct virt_vcpu *vcpu, u32 groups)
{
	if (likely(vcpu->live)) {
		vmx_collect(vcpu);
		lgdt(&vmx_of(vcpu)->host_cpu->gdtr);
		vcpu->live = false;
	}
	if (groups != 0)
		vmx_get(vcpu, groups);
}
