/* SPDX-License-Identifier: MIT */
/*
 * One run of an SVM guest: enters by VMRUN, decodes the exit, and handles the part of it that
 * concerns the back end alone. kernel/guest/vcpu_run.c calls it through svm_ops on the vCPU's CPU,
 * with interrupts off. It owns the vCPU's VMCB while the vCPU is loaded, and takes no lock.
 */
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/machine_check.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/read_once.h"

#define NO_SHADOW ~0ull /* for shadow_rip: a value that no RIP has */
/* The exits that svm_handle may handle itself. */
#define MAY_BE_SETTLED                                                                             \
	(BIT(EXIT_HOST_INTERRUPT) | BIT(EXIT_ENTRY_FAILED) | BIT(EXIT_INTERRUPT_WINDOW) |          \
	 BIT(EXIT_NMI_WINDOW) | BIT(EXIT_EXCEPTION) | BIT(EXIT_TRIPLE_FAULT) | BIT(EXIT_BUS_LOCK))

/* svm_switch_in and svm_switch_out, in entry.S, change the CPU's state to the guest's and back. */
void svm_switch_in(u64 vmcb_hpa);
void svm_switch_out(u64 vmcb_hpa, u64 host_area_hpa);
void svm_run(u64 vmcb_hpa, u64 gpr[GPR_COUNT]);

/* The exits caused by instructions whose length svm_code_length can find. */
#define LENGTH_FOUND                                                                               \
	(BIT(EXIT_CPUID) | BIT(EXIT_HLT) | BIT(EXIT_RDMSR) | BIT(EXIT_WRMSR) | BIT(EXIT_HYPERCALL))

/*
 * Returns true if the next entry must flush the TLB or change the vCPU's ASID, even if vcpu->flush
 * is not set.
 */
static bool svm_tag_is_stale(const struct virt_vcpu *vcpu, const struct asid_pool *asids)
{
	return asids->flush_all || vcpu->tag_generation != asids->generation;
}

/*
 * Changes whether MOV to CR8 exits. SVM has no TPR threshold, so while the monitor has set one,
 * every MOV to CR8 exits before it is executed. MOV to CR8 keeps exiting while V_IRQ is set: see
 * inject_set.
 */
static NOINLINE void svm_change_cr8(struct virt_vcpu *vcpu)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	if (svm_of(vcpu)->cr8_exits && (control->virtual_interrupt & VMCB_V_IRQ))
		return;
	svm_of(vcpu)->cr8_exits ^= 1;
	control->intercept_cr_write ^= SVM_INTERCEPT_CR8;
}

/*
 * Before the first of a series of entries, writes to the VMCB and the CPU the guest's state that
 * then stays there until svm_leave.
 */
static ALWAYS_INLINE void svm_supply(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	struct vcpu_page *page = vcpu->page;
	bool threshold = READ_ONCE(page->tpr_threshold) != 0;

	vmcb->control.virtual_interrupt =
		(vmcb->control.virtual_interrupt & ~VMCB_V_TPR) | virt_cr8(vcpu);
	if (unlikely(threshold != svm_of(vcpu)->cr8_exits))
		svm_change_cr8(vcpu);
	vmcb->save.rsp = READ_ONCE(page->gpr[GPR_RSP]);
	svm_switch_in(vcpu->control_hpa.value);
	vcpu->live = true;
}

/*
 * Injects an intercepted exception unchanged. #DB and #AC are intercepted only because delivering
 * one can raise the next in an endless loop, with no instruction in between at which the CPU would
 * exit: see virt_comes_once. DR6 and DR7 in the VMCB are already what the guest's handler expects
 * (APM vol. 2, 15.12.2).
 */
static void svm_reflect(struct virt_vcpu *vcpu)
{
	vcpu->exit.reason = EXIT_HOST_INTERRUPT;
	if (virt_comes_once(&vcpu->event))
		return;
	if (vcpu->exit.vector == VECTOR_PF)
		svm_vmcb(vcpu)->save.cr2 = vcpu->exit.qualification2;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_EXCEPTION};
	vcpu->event.vector = (u8)vcpu->exit.vector;
	vcpu->event.has_error_code = (EXCEPTIONS_WITH_ERROR_CODE & BIT(vcpu->exit.vector)) != 0;
	vcpu->event.error_code = vcpu->exit.error_code;
}

/*
 * Runs the host's #MC handler, which only records the machine check that has ended the guest's run.
 */
static void svm_take_machine_check(struct virt_vcpu *vcpu)
{
	svm_leave(vcpu, 0); /* brings back the host's TSS, which has the #MC handler's stack */
	int_machine_check();
}

static void svm_handle_exception(struct virt_vcpu *vcpu)
{
	if (vcpu->exit.vector == VECTOR_MC) {
		svm_take_machine_check(vcpu);
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
	} else if (!(vcpu->trap_exceptions & BIT(vcpu->exit.vector))) {
		svm_reflect(vcpu);
	}
}

/* Returns whether the guest has not taken its virtual interrupt, which is not that of a window. */
static ALWAYS_INLINE bool svm_interrupt_is_left(const struct vmcb_control *control)
{
	return unlikely((control->virtual_interrupt & VMCB_V_IRQ) != 0) &&
	       !(control->intercept1 & VMCB_INTERCEPT1_VINTR);
}

/*
 * Turns a virtual interrupt that the guest has not taken back into an event, like one whose
 * delivery was cut short: the entry failed, or an interrupt, an NMI or a machine check of the
 * host's came first. QEMU may also forget that interrupt during an entry, and the guest goes on to
 * any other exit, without clearing V_IRQ (docs/platforms.md).
 */
static ALWAYS_INLINE void svm_requeue_interrupt(struct virt_vcpu *vcpu)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;
	u8 vector = (u8)(control->virtual_interrupt >> VMCB_V_INTR_VECTOR_SHIFT);

	if (!svm_interrupt_is_left(control))
		return;
	vcpu->event = (struct vcpu_event){.valid = 1, .type = EVENT_INTERRUPT, .vector = vector};
	svm_window_close(svm_vmcb(vcpu));
}

/*
 * Handles an interrupt window, which was opened for an interrupt, or for an exit soon after the
 * IRET that unblocks NMIs.
 */
static void svm_handle_window(struct virt_vcpu *vcpu)
{
	if (svm_vmcb(vcpu)->control.interrupt_shadow & VMCB_SHADOW) {
		/*
		 * the interrupt shadow must be set again before the next entry: see svm_shadow_keep
		 */
		svm_of(vcpu)->shadow_lost = true;
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
		return;
	}
	svm_window_close(svm_vmcb(vcpu));
	if (!vcpu->window)
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
	vcpu->window = false;
}

/*
 * Handles the intercepted IRET that ends NMI blocking (svm_nmi_block). The kernel then enters the
 * guest again, and the IRET runs.
 */
static void svm_handle_iret(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vmcb->control.intercept1 &= (u32)~VMCB_INTERCEPT1_IRET;
	svm_of(vcpu)->nmi_iret = true;
	svm_of(vcpu)->nmi_iret_rip = vmcb->save.rip;
	if (vcpu->nmi_window)
		svm_window_open(vcpu);
	vcpu->exit.reason = EXIT_HOST_INTERRUPT;
}

static void svm_handle(struct virt_vcpu *vcpu)
{
	if (svm_of(vcpu)->nmi_iret && svm_vmcb(vcpu)->save.rip != svm_of(vcpu)->nmi_iret_rip)
		svm_nmi_block(vcpu, false);
	if (vcpu->event.valid && vcpu->event.type == EVENT_NMI)
		/* the NMI was not delivered, so it does not block the guest's NMIs */
		svm_nmi_block(vcpu, false);
	svm_requeue_interrupt(vcpu);

	switch (vcpu->exit.reason) {
	case EXIT_INTERRUPT_WINDOW:
		svm_handle_window(vcpu);
		break;
	case EXIT_NMI_WINDOW:
		svm_handle_iret(vcpu);
		break;
	case EXIT_EXCEPTION:
		svm_handle_exception(vcpu);
		break;
	/* the exit comes before the bus lock: the next entry lets the guest take one bus lock */
	case EXIT_BUS_LOCK:
		svm_vmcb(vcpu)->control.bus_lock_counter = 1;
		break;
	case EXIT_TRIPLE_FAULT:
		/*
		 * With CR4.MCE clear a machine check shuts the CPU down. That leaves the guest's
		 * state undefined (APM vol. 2, 15.14.3), so for the guest it stays a shutdown.
		 */
		if (features.machine_check && (rdmsr(MSR_MCG_STATUS) & MCG_STATUS_MCIP))
			svm_take_machine_check(vcpu);
		break;
	}
}

/*
 * Begins a single step of the guest if one is needed. With IF clear no interrupt window opens after
 * the IRET that unblocks NMIs, so that IRET is single-stepped if an NMI waits; so is an instruction
 * that lost its interrupt shadow (see svm_shadow_keep). All exceptions exit meanwhile, and no event
 * is injected, so that no frame on the guest's stack shows this TF.
 */
static bool svm_step_begin(const struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	bool iret = vcpu->nmi_window && svm_of(vcpu)->nmi_iret &&
		    vmcb->save.rip == svm_of(vcpu)->nmi_iret_rip;

	if (unlikely(svm_of(vcpu)->shadow_lost))
		svm_window_close(vmcb);
	if ((!iret && !svm_of(vcpu)->shadow_lost) ||
	    (vmcb->control.event_injection & VMCB_EVENT_V) || (vmcb->save.rflags & RFLAGS_TF))
		return false;
	vmcb->save.rflags |= RFLAGS_TF;
	vmcb->control.intercept_exceptions = ~0u;
	return true;
}

/*
 * Ends a single step of the guest: clears TF, except after an IRET that has run, as this has loaded
 * RFLAGS. An IRET that raised an exception or has yet to run has not.
 */
static void svm_step_end(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	vmcb->control.intercept_exceptions = SVM_INTERCEPT_EXCEPTIONS | vcpu->trap_exceptions;
	if (svm_of(vcpu)->shadow_lost || vmcb->save.rip == svm_of(vcpu)->nmi_iret_rip)
		vmcb->save.rflags &= ~RFLAGS_TF;
	if (vcpu->exit.reason != EXIT_EXCEPTION || vcpu->exit.vector == VECTOR_MC)
		return;
	if (vcpu->exit.vector != VECTOR_DB) {
		svm_reflect(vcpu);
		return;
	}
	vmcb->save.dr6 &= ~DR6_BS;
	if (!(vmcb->save.dr6 & DR6_BREAKPOINTS))
		vcpu->exit.reason = EXIT_HOST_INTERRUPT;
}

/*
 * Keeps an interrupt shadow in force. A host interrupt's or NPF exit before the instruction in a
 * shadow must leave the shadow in force (APM vol. 2, 15.21.5). QEMU 7.2 stores the shadow at such
 * an exit but does not load it at the next entry: the exit after that shows none, or is the
 * interrupt window itself. Then the instruction must be single-stepped, lest an interrupt come
 * between STI and HLT.
 */
static void svm_shadow_keep(struct virt_vcpu *vcpu, u64 shadow_rip)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 code = vmcb->control.exit_code;

	if (vmcb->save.rip == shadow_rip && (code == VMEXIT_INTR || code == VMEXIT_NMI ||
					     code == VMEXIT_VINTR || code == VMEXIT_NPF))
		vmcb->control.interrupt_shadow |= VMCB_SHADOW;
}

static bool svm_nmi_window_is_open(const struct virt_vcpu *vcpu)
{
	const struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	return vcpu->nmi_window && !svm_of(vcpu)->nmi_blocked &&
	       !(control->event_injection & VMCB_EVENT_V) &&
	       !(control->interrupt_shadow & VMCB_SHADOW);
}

static ALWAYS_INLINE void svm_run_plainly(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	struct vcpu_page *page = vcpu->page;

	if (!vcpu->live)
		svm_supply(vcpu);
	vmcb->save.rax = READ_ONCE(page->gpr[GPR_RAX]);
	svm_run(vcpu->control_hpa.value, page->gpr);
	page->gpr[GPR_RAX] = vmcb->save.rax;
	vmcb->control.event_injection = 0;
}

static ALWAYS_INLINE void svm_decode_exit(struct virt_vcpu *vcpu)
{
	struct vcpu_exit *exit = &vcpu->exit;

	svm_exit_decode(svm_vmcb(vcpu), exit, &vcpu->event);
	if (exit->instruction_length == 0 && (LENGTH_FOUND >> exit->reason & 1))
		exit->instruction_length = svm_code_length(vcpu);
}

/*
 * Enters the guest with state that no entry has accepted yet, and restores the state if VMRUN
 * refuses it. QEMU then leaves a mix of guest and host state in the VMCB, which must be neither
 * shown nor run.
 */
static void svm_run_unchecked(struct virt_vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 rax = READ_ONCE(vcpu->page->gpr[GPR_RAX]);
	struct vmcb_save save;
	u64 virtual_interrupt;

	if (!vcpu->live)
		svm_supply(vcpu);
	save = vmcb->save;
	virtual_interrupt = vmcb->control.virtual_interrupt;
	svm_run_plainly(vcpu);
	svm_of(vcpu)->unchecked = (u32)vmcb->control.exit_code == VMEXIT_INVALID;
	if (!svm_of(vcpu)->unchecked)
		return;
	vmcb->save = save;
	vmcb->control.virtual_interrupt = virtual_interrupt;
	vcpu->page->gpr[GPR_RAX] = rax;
}

static NOINLINE void enter_specially(struct virt_vcpu *vcpu, struct asid_pool *asids)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 injected = vmcb->control.event_injection;
	u64 rip = vmcb->save.rip;
	u64 shadow_rip = NO_SHADOW;
	bool flushed = vcpu->flush || svm_tag_is_stale(vcpu, asids);
	bool step;

	if (flushed)
		vcpu->code.depth = 0;
	if (svm_nmi_window_is_open(vcpu)) {
		vcpu->nmi_window = false;
		vcpu->exit = (struct vcpu_exit){.reason = EXIT_NMI_WINDOW};
		vcpu->event = (struct vcpu_event){0};
		return;
	}
	if (vmcb->control.interrupt_shadow & VMCB_SHADOW)
		shadow_rip = vmcb->save.rip;
	step = svm_step_begin(vcpu);
	if (flushed) {
		vmcb->control.tlb_control =
			asid_prepare(asids, vcpu, svm_capabilities.flush_by_asid);
		vmcb->control.guest_asid = vcpu->tag;
	}
	if (svm_of(vcpu)->unchecked)
		svm_run_unchecked(vcpu);
	else
		svm_run_plainly(vcpu);
	/*
	 * if another event was cut short, or RIP differs, the guest has taken the injected event
	 * and gone on
	 */
	if (svm_of(vcpu)->rip_moved && vmcb->control.exit_int_info == injected &&
	    vmcb->save.rip == rip)
		vmcb->save.rip = svm_of(vcpu)->moved_rip;
	svm_of(vcpu)->rip_moved = false;
	if (shadow_rip != NO_SHADOW)
		svm_shadow_keep(vcpu, shadow_rip);
	if (flushed && (u32)vmcb->control.exit_code != VMEXIT_INVALID)
		vmcb->control.tlb_control = asid_entered(asids, vcpu);
	svm_decode_exit(vcpu);
	if (step)
		svm_step_end(vcpu);
	if (svm_of(vcpu)->shadow_lost)
		svm_window_open(vcpu);
	svm_of(vcpu)->shadow_lost = false;
	svm_handle(vcpu);
}

void svm_enter(struct virt_vcpu *vcpu, u64 deadline_tsc)
{
	struct svm_cpu *cpu = svm_of(vcpu)->cpu;

	(void)deadline_tsc; /* SVM has no preemption timer */
	if (unlikely(vcpu->flush || vcpu->nmi_window || svm_of(vcpu)->special != 0 ||
		     svm_tag_is_stale(vcpu, &cpu->asids) ||
		     (svm_vmcb(vcpu)->control.interrupt_shadow & VMCB_SHADOW))) {
		enter_specially(vcpu, &cpu->asids);
		return;
	}
	svm_run_plainly(vcpu);
	if (svm_decode_io(svm_vmcb(vcpu), &vcpu->exit))
		return;
	svm_decode_exit(vcpu);
	if (unlikely(MAY_BE_SETTLED >> vcpu->exit.reason & 1 || vcpu->event.valid))
		svm_handle(vcpu);
}

/* Switches to the host's state, as a tail call, and keeps what the guest changes in the VMCB alone.
 */
static ALWAYS_INLINE void svm_switch_to_host(struct virt_vcpu *vcpu)
{
	u32 priority = svm_vmcb(vcpu)->control.virtual_interrupt & 0xf;

	vcpu->page->gpr[GPR_RSP] = svm_vmcb(vcpu)->save.rsp;
	if (unlikely(priority != virt_cr8(vcpu)))
		vcpu->apic->reg[LAPIC_TPR / 4] = priority << 4;
	vcpu->live = false;
	svm_switch_out(vcpu->control_hpa.value, svm_of(vcpu)->cpu->host_area.value);
}

static NOINLINE void svm_requeue_and_leave(struct virt_vcpu *vcpu)
{
	svm_requeue_interrupt(vcpu);
	svm_switch_to_host(vcpu);
}

static ALWAYS_INLINE void svm_leave_live(struct virt_vcpu *vcpu)
{
	if (unlikely(!vcpu->live))
		return;
	if (unlikely(svm_interrupt_is_left(&svm_vmcb(vcpu)->control)))
		svm_requeue_and_leave(vcpu);
	else
		svm_switch_to_host(vcpu);
}

static NOINLINE void svm_leave_and_get(struct virt_vcpu *vcpu, u32 groups)
{
	svm_leave_live(vcpu);
	svm_get(vcpu, groups);
}

/* Ends a sequence of entries; register groups other than VCPU_RIP are read after the switch. */
void svm_leave(struct virt_vcpu *vcpu, u32 groups)
{
	if (unlikely((groups & ~(u32)VCPU_RIP) != 0)) {
		svm_leave_and_get(vcpu, groups);
		return;
	}
	if (groups != 0)
		svm_rip_get(vcpu);
	svm_leave_live(vcpu);
}
