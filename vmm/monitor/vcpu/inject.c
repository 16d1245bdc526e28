/* SPDX-License-Identifier: MIT */
/*
 * Chooses the event that the next VM entry injects: an exception, NMI or interrupt. Called by
 * loop.c, fast_path.c and exit handlers; changes the vCPU page and acknowledges interrupts.
 */
#include "vmm/monitor/vcpu/inject.h"

#include "arch/x86_64/hw/control.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/pv_eoi.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/vcpu/trap.h"
#include "vmm/monitor/vcpu/vapic.h"
#include "vmm/monitor/vcpu/vcpu_reset.h"

static bool inject_is_contributory(u32 vector)
{
	return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

/*
 * Combines an exception with the one during whose delivery it was raised, in *event: SDM vol. 3,
 * table 6-5.
 */
static void inject_combine(struct vcpu *vcpu, struct vcpu_event *event)
{
	u32 first = vcpu->event.vector;
	bool fault = first == VECTOR_PF || inject_is_contributory(first);

	if (first == VECTOR_DF) {
		event->valid = 0;
		machine_unasked_reset(vcpu, "triple fault");
	} else if ((fault && inject_is_contributory(event->vector)) ||
		   (first == VECTOR_PF && event->vector == VECTOR_PF)) {
		event->vector = VECTOR_DF;
		event->has_error_code = 1;
		event->error_code = 0;
	}
}

void inject_raise_event(struct vcpu *vcpu, const struct vcpu_event *event)
{
	struct vcpu_event next = *event;

	if (vcpu->event.valid && vcpu->event.type == EVENT_EXCEPTION &&
	    next.type == EVENT_EXCEPTION)
		inject_combine(vcpu, &next);
	else if (vcpu->event.valid &&
		 (vcpu->event.type == EVENT_INTERRUPT || vcpu->event.type == EVENT_NMI))
		vcpu->held = vcpu->event;
	/* a software interrupt comes again when its instruction is executed again */
	vcpu->event = next;
}

void inject_raise(struct vcpu *vcpu, u32 vector, u32 error_code)
{
	bool has_error_code = (EXCEPTIONS_WITH_ERROR_CODE & BIT(vector)) != 0;
	const struct vcpu_event event = {
		.valid = 1,
		.type = EVENT_EXCEPTION,
		.vector = (u8)vector,
		.has_error_code = has_error_code,
		.error_code = has_error_code ? error_code : 0,
	};

	inject_raise_event(vcpu, &event);
}

/*
 * Returns the rest of the interrupt shadow (of STI, MOV SS or an NMI) when the guest continues. The
 * trap of a single step comes before NMIs and interrupts (SDM vol. 3, table 6-2), so it holds them
 * back as MOV SS does.
 */
static u32 inject_shadow(const struct vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;

	if ((page->request & REQUEST_ADVANCE) == 0)
		return page->shadow;
	return (page->rflags & RFLAGS_TF) != 0 ? SHADOW_MOV_SS : page->shadow & SHADOW_NMI;
}

static ALWAYS_INLINE bool inject_can_take_interrupt(const struct vcpu *vcpu)
{
	return (vcpu->page->rflags & RFLAGS_IF) != 0 &&
	       (inject_shadow(vcpu) & (SHADOW_STI | SHADOW_MOV_SS)) == 0;
}

static bool inject_can_take_nmi(const struct vcpu *vcpu)
{
	return (inject_shadow(vcpu) & (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI)) == 0;
}

static void inject_deliver(struct vcpu *vcpu, struct vcpu_event event)
{
	vcpu->page->inject = event;
	vcpu->machine->channel->injected++;
}

/*
 * Returns the task priority (TPR threshold, 0 to 15) below which the CPU has to exit, for an
 * interrupt that only the present priority holds back.
 */
static u32 inject_tpr_threshold(const struct lapic *lapic)
{
	u32 priority = (u32)lapic_get_cr8(lapic);
	u32 class;
	u32 word;

	if (priority == 0 || likely(lapic->words.requested == 0))
		return 0;
	word = bit_highest(lapic->words.requested);
	class = (word * 32 + bit_highest(lapic_get(lapic, LAPIC_IRR + word * 0x10))) >> 4;
	return class <= priority ? class : 0;
}

static void inject_prepare_nmi(struct vcpu *vcpu, struct irqchip *irqchip, bool *taken)
{
	bool in_service = (inject_shadow(vcpu) & SHADOW_NMI) != 0 ||
			  (*taken && vcpu->page->inject.type == EVENT_NMI);

	if (in_service)
		irqchip_latch_nmi(irqchip, vcpu->id);
	if (*taken || !inject_can_take_nmi(vcpu)) {
		vcpu->page->request |= REQUEST_NMI_WINDOW;
		return;
	}
	irqchip_take_nmi(irqchip, vcpu->id);
	inject_deliver(vcpu,
		       (struct vcpu_event){.valid = 1, .type = EVENT_NMI, .vector = VECTOR_NMI});
	*taken = true;
}

static void inject_prepare_interrupt(struct vcpu *vcpu, struct irqchip *irqchip, bool *taken)
{
	int vector;

	if (*taken || !inject_can_take_interrupt(vcpu)) {
		vcpu->page->request |= REQUEST_INTERRUPT_WINDOW;
		return;
	}
	if (vcpu->held.valid) {
		inject_deliver(vcpu, vcpu->held);
		vcpu->held.valid = 0;
		*taken = true;
		return;
	}
	vector = irqchip_take_interrupt(irqchip, vcpu->id);
	if (vector < 0)
		return;
	inject_deliver(vcpu, (struct vcpu_event){
				     .valid = 1, .type = EVENT_INTERRUPT, .vector = (u8)vector});
	*taken = true;
}

/*
 * Lets an interrupt of a higher priority class go before one whose delivery was cut short: the
 * interrupted one waits again in IRR, as on a CPU that had not begun to deliver it. So no interrupt
 * window is needed behind an interrupt, which SVM would have to inject as an event (inject_virtual
 * in arch/x86_64/virt/svm/inject.c).
 */
static bool inject_give_way(struct vcpu *vcpu, struct irqchip *irqchip)
{
	if (machine_lapic(vcpu)->by_cpu || vcpu->event.type != EVENT_INTERRUPT ||
	    !inject_can_take_interrupt(vcpu) ||
	    !irqchip_put_back(irqchip, vcpu->id, vcpu->event.vector))
		return false;
	vcpu->event.valid = 0;
	return true;
}

/*
 * Hides interrupts from a CPU that virtualizes the local APIC and must not deliver them by itself.
 * Such a CPU delivers the interrupts in IRR as soon as the priority allows it. It may deliver too
 * early an interrupt that RFLAGS.IF or an interrupt shadow holds back, and may forget the interrupt
 * under delivery when a second-stage fault cuts the delivery short: Bochs 2.7 does both
 * (docs/platforms.md). So interrupts that can be taken now are injected, and the CPU gets only
 * those that nothing but the priority holds back. While an interrupt window is asked for it
 * delivers nothing (SDM vol. 3, 30.2.1).
 */
static void inject_keep_from_cpu(struct vcpu *vcpu, const struct lapic *lapic, bool taken)
{
	if (lapic->words.requested != 0 && (taken || !inject_can_take_interrupt(vcpu)))
		vcpu->page->request |= REQUEST_INTERRUPT_WINDOW;
}

/* Returns whether an NMI, or an interrupt that may be taken, ends HLT (SDM vol. 2, HLT). */
static bool inject_wakes(const struct vcpu *vcpu, u32 pending)
{
	return vcpu->event.valid || vcpu->held.valid || vcpu->unhalted ||
	       ((pending & PENDING_NMI) != 0 && inject_can_take_nmi(vcpu)) ||
	       ((pending & PENDING_MASKABLE) != 0 && inject_can_take_interrupt(vcpu));
}

/*
 * Handles a pending INIT or SIPI (SDM vol. 3, 9.4.2). Returns false if the vCPU still waits for
 * SIPI and so does not run.
 */
static bool inject_prepare_start(struct vcpu *vcpu, struct irqchip *irqchip, u32 pending)
{
	if ((pending & PENDING_INIT) != 0) {
		irqchip_take_init(irqchip, vcpu->id);
		pending = irqchip_pending(irqchip, vcpu->id);
		if ((pending & PENDING_WAIT) == 0) {
			/*
			 * an INIT of the boot processor is a crash: there is no firmware that would
			 * go on from there
			 */
			machine_unasked_reset(vcpu, "INIT of the boot processor");
			return false;
		}
		vcpu_take_init(vcpu);
	}
	if ((pending & PENDING_SIPI) == 0)
		return false;
	vcpu_take_sipi(vcpu, irqchip_take_sipi(irqchip, vcpu->id));
	return true;
}

bool inject_prepare(struct vcpu *vcpu)
{
	struct irqchip *irqchip = &vcpu->machine->platform.irqchip;
	struct lapic *lapic = machine_lapic(vcpu);
	u32 pending;
	bool taken = false;
	bool alone;

	if (vcpu->quiet && (irqchip->kick & BIT(vcpu->id)) == 0 && !vcpu->halted &&
	    !vcpu->event.valid)
		return true;
	irqchip->kick &= ~BIT(vcpu->id);
	lapic_recall(lapic);
	pending = irqchip_pending(irqchip, vcpu->id);
	if (unlikely((pending & (PENDING_INIT | PENDING_WAIT)) != 0)) {
		if (!inject_prepare_start(vcpu, irqchip, pending))
			return false;
		pending = irqchip_pending(irqchip, vcpu->id);
	}
	if (unlikely(vcpu->halted)) {
		if (!inject_wakes(vcpu, pending))
			return false;
		vcpu->halted = false;
		vcpu->unhalted = false;
	}

	if (unlikely(vcpu->event.valid) && !inject_give_way(vcpu, irqchip)) {
		inject_deliver(vcpu, vcpu->event);
		vcpu->event.valid = 0;
		taken = true;
	}
	/* a single step covers one instruction, not the handler of an interrupt */
	alone = unlikely(vcpu->machine->watched) && (debugger_steps(vcpu) || trap_steps(vcpu));
	if (alone)
		pending = 0;
	if (unlikely((pending & PENDING_NMI) != 0))
		inject_prepare_nmi(vcpu, irqchip, &taken);
	if ((pending & PENDING_MASKABLE) != 0 || (vcpu->held.valid && !alone))
		inject_prepare_interrupt(vcpu, irqchip, &taken);
	if (taken) {
		pending = irqchip_pending(irqchip, vcpu->id);
		/*
		 * interrupts come one at a time: the next interrupt comes as soon as it can be
		 * taken
		 */
		if (unlikely((pending & PENDING_MASKABLE) != 0 && !alone))
			vcpu->page->request |= REQUEST_INTERRUPT_WINDOW;
		if (unlikely((pending & PENDING_NMI) != 0 && !alone))
			vcpu->page->request |= REQUEST_NMI_WINDOW;
	}
	if (lapic->by_cpu) {
		if (!alone)
			inject_keep_from_cpu(vcpu, lapic, taken);
		vapic_prepare(vcpu, alone);
	} else if ((vcpu->pv_eoi.msr & PV_EOI_ENABLED) != 0) {
		pv_eoi_offer(vcpu);
	}
	vcpu->page->tpr_threshold = lapic->by_cpu ? 0 : inject_tpr_threshold(lapic);
	vcpu->quiet = pending == 0 && !vcpu->held.valid && !alone &&
		      (vcpu->page->request & REQUEST_INTERRUPT_WINDOW) == 0;
	return true;
}
