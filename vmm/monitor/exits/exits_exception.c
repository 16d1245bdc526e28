/* SPDX-License-Identifier: MIT */
/*
 * Handles exceptions that exit for a debugger or the VM's setting `trap`. Called by exits.c; gives
 * the exception to the debugger, or to the guest as if there had been no exit.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/vcpu/trap.h"

enum opcode { OPCODE_INT3 = 0xcc, OPCODE_INT_N = 0xcd, OPCODE_INTO = 0xce };

/*
 * Returns whether the exit is SVM's intercept of INT n, by which emulated CPUs exit for INT3 and
 * INTO, too.
 */
static bool exits_is_any_software(const struct vcpu_exit *exit)
{
	return vcpu_is_svm() && exit->vendor_code == VMEXIT_SWINT;
}

/* Decodes the instruction at RIP. Returns whether it could have caused this exit. */
static bool exits_find_instruction(struct vcpu *vcpu, struct x86_instruction *in)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	/*
	 * a fault in reading the instruction, and the CR2 that it sets, are dropped: the guest has
	 * not caused them
	 */
	struct vcpu_event fault;
	bool found;
	u64 cr2;

	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	cr2 = vcpu->page->cr2;
	found = emulate_decode(&vcpu->emulator, in, &fault) == EMULATE_DONE &&
		in->encoding == X86_LEGACY && in->map == X86_MAP_PRIMARY;
	vcpu->page->cr2 = cr2;
	if (exits_is_any_software(exit))
		return found && in->opcode >= OPCODE_INT3 && in->opcode <= OPCODE_INTO;
	return found && in->opcode == (exit->vector == VECTOR_BP ? OPCODE_INT3 : OPCODE_INTO);
}

/*
 * Identifies the instruction (INT3, INTO, INT n) that has raised the event, and its length, where
 * the CPU does not report them. Returns false if the instruction is not there any more.
 */
static bool exits_identify(struct vcpu *vcpu, struct vcpu_event *event)
{
	struct x86_instruction in;

	if (!exits_find_instruction(vcpu, &in)) {
		event->instruction_length = 1;
		return !exits_is_any_software(&vcpu->page->exit);
	}
	event->instruction_length = in.length;
	if (in.opcode == OPCODE_INTO)
		event->vector = VECTOR_OF;
	if (in.opcode == OPCODE_INT_N) {
		event->type = EVENT_SOFTWARE_INTERRUPT;
		event->vector = (u8)in.immediate;
	}
	return true;
}

/*
 * Lets the guest fetch the instruction anew, as another vCPU has replaced it since, which Linux
 * does when it patches its own code. QEMU 7.2 may have translated the old bytes just when they were
 * replaced, and keep them for ever (docs/platforms.md); so one byte is stored again, unchanged.
 */
static void exits_fetch_anew(struct vcpu *vcpu)
{
	const struct guest_memory *memory = &vcpu->machine->memory;
	const struct vcpu_page *page = vcpu->page;
	u64 linear = page->segment[SEG_CS].base + page->rip;
	struct walk_result found;
	u8 *code = NULL;
	u8 byte;

	if ((page->efer & EFER_LMA) == 0)
		linear = (u32)linear;
	if (walk(memory, page, GVA(linear), WALK_PROBE, &found))
		code = guest_memory_pointer(memory, found.gpa, 1);
	if (code == NULL)
		return;
	byte = __atomic_load_n(code, __ATOMIC_RELAXED);
	(void)__atomic_compare_exchange_n(code, &byte, byte, false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST);
}

/*
 * Injects INT3, INT n or INTO, which exit with RIP at them; injected with their length, they count
 * as executed.
 */
static bool exits_raise_software(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	struct vcpu_event event = {.valid = 1,
				   .type = EVENT_SOFTWARE_EXCEPTION,
				   .vector = (u8)exit->vector,
				   .instruction_length = exit->instruction_length};

	if (exit->vector != VECTOR_BP && exit->vector != VECTOR_OF)
		return false;
	if ((exit->instruction_length == 0 || exits_is_any_software(exit)) &&
	    !exits_identify(vcpu, &event))
		exits_fetch_anew(vcpu);
	else
		vcpu->event = event;
	return true;
}

/*
 * Injects the #DB of INT1. Only on VMX does INT1 exit with RIP at it, and with its length; it
 * leaves DR6 as it is.
 */
static bool exits_raise_int1(struct vcpu *vcpu)
{
	u32 length = vcpu->page->exit.instruction_length;

	if (vcpu->page->exit.vector != VECTOR_DB || length == 0 || vcpu_is_svm())
		return false;
	vcpu_need(vcpu, VCPU_DEBUG);
	vcpu->page->dr[7] &= ~DR7_GD;
	vcpu->page->dirty |= VCPU_DEBUG;
	vcpu->event = (struct vcpu_event){.valid = 1,
					  .type = EVENT_PRIVILEGED_EXCEPTION,
					  .vector = VECTOR_DB,
					  .instruction_length = length};
	return true;
}

/*
 * Sets DR6 and CR2 as the CPU would have for an exception given to the guest (SDM vol. 3, 28.1; APM
 * vol. 2, 15.12).
 */
static void exits_leave_traces(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	struct vcpu_page *page = vcpu->page;

	if (exit->vector == VECTOR_PF) {
		vcpu_need(vcpu, VCPU_CONTROL);
		page->cr2 = vcpu_is_svm() ? exit->qualification2 : exit->qualification;
		page->dirty |= VCPU_CONTROL;
	}
	if (exit->vector == VECTOR_DB) {
		vcpu_need(vcpu, VCPU_DEBUG);
		if (!vcpu_is_svm())
			page->dr[6] = (page->dr[6] & ~DR6_BREAKPOINTS) |
				      (exit->qualification & DB_QUALIFICATION_DR6);
		page->dr[7] &= ~DR7_GD;
		page->dirty |= VCPU_DEBUG;
	}
}

void exits_exception(struct vcpu *vcpu)
{
	if (trap_exception(vcpu) || debugger_exception(vcpu))
		return;
	if (exits_raise_software(vcpu) || exits_raise_int1(vcpu))
		return;
	exits_leave_traces(vcpu);
	inject_raise(vcpu, vcpu->page->exit.vector & 31, vcpu->page->exit.error_code);
}
