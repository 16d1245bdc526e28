/* SPDX-License-Identifier: MIT */
/*
 * Injects events into an SVM guest, and arranges the exits that tell when the guest can take one.
 * enter.c and state.c call it, kernel/guest/vcpu_run.c through svm_ops. It writes the VMCB's
 * injection, intercept and virtual-interrupt fields and the vCPU's NMI state.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/svm/svm.h"
#include "lib/bits.h"
#include "mm/address.h"

/* The VMCB's bits for a virtual interrupt of the highest priority. */
#define INTERRUPT	 (VMCB_V_IRQ | VMCB_V_IGN_TPR | VMCB_V_INTR_PRIO)
#define INTERRUPT_FIELDS (INTERRUPT | VMCB_V_INTR_VECTOR)

_Static_assert((u32)VMCB_EVENT_INTR == EVENT_INTERRUPT && (u32)VMCB_EVENT_NMI == EVENT_NMI &&
		       (u32)VMCB_EVENT_EXCEPTION == EVENT_EXCEPTION &&
		       (u32)VMCB_EVENT_SOFTWARE == EVENT_SOFTWARE_INTERRUPT,
	       "svm_event_decode and svm_inject move them as they are");

/*
 * Decodes an event whose delivery the exit interrupted (APM vol. 2, 15.7.2). INTn, INT3 and INTO
 * leave RIP at the instruction, which will raise them again, also if they were injected
 * (svm_pass_instruction). Emulated CPUs may report an interrupt as an exception, but no exception
 * has a vector above 31.
 */
void svm_event_decode(u64 info, struct vcpu_event *event)
{
	u8 type = (u8)bits_get(info, 10, VMCB_EVENT_TYPE_SHIFT);

	*event = (struct vcpu_event){.vector = (u8)(info & VMCB_EVENT_VECTOR), .type = type};
	if (!(info & VMCB_EVENT_V) || type >= VMCB_EVENT_SOFTWARE ||
	    (type == VMCB_EVENT_EXCEPTION &&
	     (event->vector == VECTOR_BP || event->vector == VECTOR_OF)))
		return;
	if (event->vector >= VECTOR_FIRST_EXTERNAL)
		event->type = EVENT_INTERRUPT;
	event->valid = 1;
	if (event->type == EVENT_EXCEPTION && (info & VMCB_EVENT_EV)) {
		event->has_error_code = 1;
		event->error_code = (u32)(info >> VMCB_EVENT_ERROR_CODE_SHIFT);
	}
}

static ALWAYS_INLINE void svm_rip_advance(struct vmcb *vmcb, u64 length)
{
	u64 rip = vmcb->save.rip + length;

	if (unlikely((u32)rip < length) &&
	    !((vmcb->save.efer & EFER_LMA) && (vmcb->save.cs.attributes & VMCB_ATTRIBUTE_L)))
		rip = (u32)rip;
	vmcb->save.rip = rip;
	vmcb->control.interrupt_shadow &= ~VMCB_SHADOW;
}

/*
 * Makes an injected INT3, INTO or INT n push the address behind the instruction. With NRIP save the
 * VMCB has a field for that address, and RIP stays, so that a fault during the delivery pushes RIP.
 * Otherwise RIP must be moved (APM vol. 2, 15.20), and back again if an exit cuts the delivery
 * short: see enter_specially. INT1 counts as an exception: an exit during its delivery leaves RIP
 * behind the instruction, where INT1 is injected again.
 */
static void svm_pass_instruction(struct virt_vcpu *vcpu, const struct vcpu_event *event)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	svm_of(vcpu)->moved_rip = vmcb->save.rip;
	svm_of(vcpu)->rip_moved = event->type != EVENT_PRIVILEGED_EXCEPTION;
	svm_rip_advance(vmcb, event->instruction_length);
	vmcb->save.rflags &= ~RFLAGS_RF;
	if (svm_capabilities.nrip_save && svm_of(vcpu)->rip_moved) {
		vmcb->control.next_rip = vmcb->save.rip;
		vmcb->save.rip = svm_of(vcpu)->moved_rip;
	}
}

/*
 * Makes the next entry deliver the event. If the guest's state does not allow that event, that
 * entry fails.
 */
static void svm_inject(struct virt_vcpu *vcpu, const struct vcpu_event *event)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	/* SVM counts INT1, INT3 and INTO as exceptions */
	u64 type = event->type > EVENT_SOFTWARE_INTERRUPT ? EVENT_EXCEPTION : event->type;
	u64 info = VMCB_EVENT_V | event->vector | type << VMCB_EVENT_TYPE_SHIFT;

	if (event->type == EVENT_NMI)
		svm_nmi_block(vcpu, true);
	if (event->type >= EVENT_SOFTWARE_INTERRUPT)
		svm_pass_instruction(vcpu, event);
	/* VMRUN pushes RFLAGS unchanged, while a fault must push them with RF set */
	if (event->type == EVENT_EXCEPTION && EXCEPTIONS_FAULTS & BIT(event->vector & 31))
		vmcb->save.rflags |= RFLAGS_RF;
	/* In real mode exceptions push no error code (APM vol. 2, 8.2). */
	if (event->has_error_code && (vmcb->save.cr0 & CR0_PE))
		info |= VMCB_EVENT_EV | (u64)event->error_code << VMCB_EVENT_ERROR_CODE_SHIFT;
	vmcb->control.interrupt_shadow &= ~VMCB_SHADOW;
	vmcb->control.event_injection = info;
}

/*
 * Sets the VMCB's virtual interrupt. QEMU, which has no NRIP save, fails at a MOV to CR8 while a
 * virtual interrupt is set (docs/platforms.md), so MOV to CR8 then exits.
 */
static void inject_set(struct virt_vcpu *vcpu, u64 vector)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	control->virtual_interrupt |= INTERRUPT | vector << VMCB_V_INTR_VECTOR_SHIFT;
	if (!svm_capabilities.nrip_save) {
		control->intercept_cr_write |= SVM_INTERCEPT_CR8;
		svm_of(vcpu)->cr8_exits = true;
	}
}

/*
 * Injects an interrupt as a virtual interrupt, which the CPU takes before the guest's next
 * instruction (APM vol. 2, 15.21.4); returns false if the VMCB's only virtual interrupt is needed
 * for something else. If an interrupt is injected as an event, QEMU may deliver it a second time
 * (docs/platforms.md).
 */
static bool inject_virtual(struct virt_vcpu *vcpu, const struct vcpu_event *event)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	if (event->type != EVENT_INTERRUPT || !(vmcb->save.rflags & RFLAGS_IF) || vcpu->window ||
	    vcpu->nmi_window || svm_of(vcpu)->nmi_iret || svm_of(vcpu)->shadow_lost)
		return false;
	vmcb->control.virtual_interrupt &= ~INTERRUPT_FIELDS;
	inject_set(vcpu, event->vector);
	vmcb->control.interrupt_shadow &= ~VMCB_SHADOW;
	return true;
}

/*
 * Sets a dummy virtual interrupt of the highest priority, which is never delivered: it causes an
 * exit as soon as the guest could take it (APM vol. 2, 15.21.4).
 */
void svm_window_open(struct virt_vcpu *vcpu)
{
	inject_set(vcpu, 0);
	svm_vmcb(vcpu)->control.intercept1 |= (u32)VMCB_INTERCEPT1_VINTR;
}

void svm_window_close(struct vmcb *vmcb)
{
	vmcb->control.virtual_interrupt &= ~INTERRUPT_FIELDS;
	vmcb->control.intercept1 &= (u32)~VMCB_INTERCEPT1_VINTR;
}

void svm_traps_set(struct virt_vcpu *vcpu)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	control->intercept_exceptions = SVM_INTERCEPT_EXCEPTIONS | vcpu->trap_exceptions;
	control->intercept1 &= (u32)~VMCB_INTERCEPT1_INTN;
	if (vcpu->trap_exceptions & BIT(VECTOR_BP))
		control->intercept1 |= (u32)VMCB_INTERCEPT1_INTN;
	control->intercept_cr_write = (u16)((vcpu->trap & VTRAP_CR ? SVM_INTERCEPT_CR_WRITES : 0) |
					    (svm_of(vcpu)->cr8_exits ? SVM_INTERCEPT_CR8 : 0));
	control->intercept_dr_read = vcpu->trap & VTRAP_DR ? 0xffff : 0;
	control->intercept_dr_write = control->intercept_dr_read;
	control->msrpm_base_pa = vcpu->trap & VTRAP_MSR
					 ? svm_capabilities.all_exit.value
					 : pointer_to_hpa(vcpu->vm->msr_bitmap).value;
}

/*
 * Notes that the guest's NMIs are blocked, or are not. The CPU does not tell when they are
 * unblocked, so the guest's next IRET is intercepted. That exit comes before the IRET; the blocking
 * ends with the first exit at another RIP.
 */
void svm_nmi_block(struct virt_vcpu *vcpu, bool blocked)
{
	struct vmcb_control *control = &svm_vmcb(vcpu)->control;

	svm_of(vcpu)->nmi_blocked = blocked;
	svm_of(vcpu)->nmi_iret = false;
	control->intercept1 &= (u32)~VMCB_INTERCEPT1_IRET;
	if (blocked)
		control->intercept1 |= (u32)VMCB_INTERCEPT1_IRET;
}

/*
 * Ends an instruction that was handled for the guest as the CPU would: RF is cleared, and TF raises
 * a single-step trap.
 */
static NOINLINE void svm_end_specially(struct vmcb *vmcb)
{
	vmcb->save.rflags &= ~RFLAGS_RF;
	if (!(vmcb->save.rflags & RFLAGS_TF))
		return;
	vmcb->save.dr6 |= DR6_BS;
	vmcb->control.event_injection =
		VMCB_EVENT_V | VMCB_EVENT_EXCEPTION << VMCB_EVENT_TYPE_SHIFT | VECTOR_DB;
}

void svm_advance(struct virt_vcpu *vcpu, u64 length)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);

	svm_rip_advance(vmcb, length);
	if (unlikely((vmcb->save.rflags & (RFLAGS_TF | RFLAGS_RF)) != 0))
		svm_end_specially(vmcb);
}

/*
 * Opens interrupt and NMI windows, injects an event, flushes. A requested window stays open until
 * it has ended a run, or an interrupt is injected without another request for it.
 */
void svm_request(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request)
{
	if (request & REQUEST_NMI_WINDOW)
		vcpu->nmi_window = true;
	if (request & REQUEST_INTERRUPT_WINDOW) {
		vcpu->window = true;
	} else if (vcpu->window && inject != NULL && inject->type == EVENT_INTERRUPT) {
		/*
		 * a host interrupt ended the run just before the window's exit: the monitor injects
		 * its interrupt now and needs the window no more
		 */
		if (!vcpu->nmi_window)
			svm_window_close(svm_vmcb(vcpu));
		vcpu->window = false;
	}
	if (inject != NULL && !inject_virtual(vcpu, inject))
		svm_inject(vcpu, inject);
	if (vcpu->window || (vcpu->nmi_window && !svm_of(vcpu)->nmi_blocked))
		svm_window_open(vcpu);
	if (request & REQUEST_FLUSH)
		vcpu->flush = true;
}
