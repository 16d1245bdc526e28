/* SPDX-License-Identifier: MIT */
/*
 * Injects events into a VMX guest, arranges the exits that tell when the guest can take one, and
 * moves RIP past handled instructions. enter.c, exit.c and cr.c call it, kernel/guest/vcpu_run.c
 * through vmx_ops. It writes the current VMCS.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "lib/read_once.h"

/* Exceptions that always push an error code in protected mode (SDM vol. 3, 27.2.1.3). */
#define ERROR_CODE_ALWAYS (EXCEPTIONS_WITH_ERROR_CODE & BITS(VECTOR_AC, 0))
#define ERROR_CODE_MASK	  0x7fffu

static bool vmx_pushes_error_code(const struct vcpu_event *event)
{
	return event->type == EVENT_EXCEPTION && (vmcs_read_natural(VMCS_GUEST_CR0) & CR0_PE) &&
	       (event->has_error_code ||
		(event->vector < 32 && (ERROR_CODE_ALWAYS & BIT(event->vector))));
}

/*
 * Makes the next entry deliver the event. If the guest's state does not allow that event, the entry
 * fails.
 */
void vmx_inject(const struct vcpu_event *event)
{
	u32 info = INTERRUPTION_VALID | event->vector |
		   ((u32)event->type << INTERRUPTION_TYPE_SHIFT & (u32)INTERRUPTION_TYPE);

	/*
	 * An NMI whose delivery was interrupted still blocks NMIs, and so itself, when it is
	 * injected again (SDM vol. 3, 27.3.1.5).
	 */
	if (event->type == EVENT_NMI)
		vmcs_change32(VMCS_GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY_NMI, 0);
	/* VM entry pushes RFLAGS unchanged, while a fault must push them with RF set */
	if (event->type == EVENT_EXCEPTION && EXCEPTIONS_FAULTS & BIT(event->vector & 31))
		vmcs_change_natural(VMCS_GUEST_RFLAGS, RFLAGS_RF, RFLAGS_RF);
	if (vmx_pushes_error_code(event)) {
		info |= INTERRUPTION_ERROR_CODE;
		vmcs_write32(VMCS_ENTRY_ERROR_CODE, event->error_code & ERROR_CODE_MASK);
	}
	if (event->type >= EVENT_SOFTWARE_INTERRUPT)
		vmcs_write32(VMCS_ENTRY_INSTRUCTION_LENGTH, event->instruction_length);
	vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, info);
}

/* Takes back the event that vmx_inject prepared and no entry has delivered yet; returns it. */
struct vcpu_event vmx_inject_cancel(void)
{
	struct vcpu_event event = vmx_event_decode(vmcs_read32(VMCS_ENTRY_INTERRUPTION_INFO),
						   vmcs_read32(VMCS_ENTRY_ERROR_CODE),
						   vmcs_read32(VMCS_ENTRY_INSTRUCTION_LENGTH));

	vmcs_write32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
	return event;
}

/* Decodes VM-entry, VM-exit or IDT-vectoring information, which have the same format. */
struct vcpu_event vmx_event_decode(u32 info, u32 error_code, u32 length)
{
	struct vcpu_event event = {0};

	if (!(info & INTERRUPTION_VALID))
		return event;
	event.valid = 1;
	event.vector = (u8)(info & INTERRUPTION_VECTOR);
	event.type = (u8)bits_get(info, 10, 8);
	if (info & INTERRUPTION_ERROR_CODE) {
		event.has_error_code = 1;
		event.error_code = error_code;
	}
	if (event.type >= EVENT_SOFTWARE_INTERRUPT)
		event.instruction_length = length;
	return event;
}

/* Wraps a guest's new RIP: only in 64-bit mode is it wider than 32 bits (SDM vol. 3, 27.3.1.4). */
static NOINLINE u64 vmx_wrap(u64 rip)
{
	return vmx_is_64_bit() ? rip : (u32)rip;
}

/*
 * Ends an instruction that was handled for the guest as the CPU would: RF is cleared, and TF raises
 * a single-step trap.
 */
static NOINLINE void vmx_advance_specially(u64 next, u64 length)
{
	const u32 shadow = INTERRUPTIBILITY_STI | INTERRUPTIBILITY_MOV_SS;

	vmcs_write_natural(VMCS_GUEST_RIP, (u32)next < length ? vmx_wrap(next) : next);
	vmcs_change32(VMCS_GUEST_INTERRUPTIBILITY, shadow, 0);
	if (vmcs_read_natural(VMCS_GUEST_RFLAGS) & RFLAGS_TF)
		vmcs_change_natural(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS, ~0ull);
	vmcs_change_natural(VMCS_GUEST_RFLAGS, RFLAGS_RF, 0);
}

void vmx_advance(struct virt_vcpu *vcpu, u64 length)
{
	const struct vcpu_page *page = vcpu->page;
	u64 rflags;
	u32 shadow;
	u64 next;

	/*
	 * the kernel has handled the instruction between two entries: the vCPU page is not up to
	 * date
	 */
	if (vcpu->live) {
		rflags = vmcs_read_natural(VMCS_GUEST_RFLAGS);
		shadow = vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY);
		next = vmcs_read_natural(VMCS_GUEST_RIP) + length;
	} else {
		rflags = READ_ONCE(page->rflags);
		shadow = READ_ONCE(page->shadow);
		next = READ_ONCE(page->rip) + length;
	}
	if (unlikely((rflags & (RFLAGS_TF | RFLAGS_RF)) != 0 || shadow != 0 || (u32)next < length))
		vmx_advance_specially(next, length);
	else
		vmcs_write_natural(VMCS_GUEST_RIP, next);
}

/* Opens the interrupt and NMI windows that are requested and closes the others. */
static void vmx_windows_set(struct virt_vcpu *vcpu, u32 request)
{
	u32 windows = 0;

	if (request & REQUEST_INTERRUPT_WINDOW)
		windows |= PRIMARY_INTERRUPT_WINDOW_EXITING;
	if (request & REQUEST_NMI_WINDOW)
		windows |= PRIMARY_NMI_WINDOW_EXITING;
	if (windows != 0 || vcpu->window)
		vmcs_write32(VMCS_PRIMARY_CONTROLS, vmx_of(vcpu)->primary | windows);
	vcpu->window = windows != 0;
}

void vmx_request(struct virt_vcpu *vcpu, const struct vcpu_event *inject, u32 request)
{
	if (request & REQUEST_FLUSH)
		vcpu->flush = true;
	vmx_windows_set(vcpu, request);
	if (inject != NULL)
		vmx_inject(inject);
}
