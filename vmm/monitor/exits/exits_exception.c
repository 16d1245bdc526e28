/* SPDX-License-Identifier: MIT */
/* Exceptions that exit because somebody wants to see them: a debugger, or the key `trap`. */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/vmx.h"
#include "lib/string.h"
#include "vmm/monitor/debugger.h"
#include "vmm/monitor/exits/exits.h"
#include "vmm/monitor/machine.h"
#include "vmm/monitor/walk.h"
#include "vmm/rt/start.h"

bool exits_is_svm(void)
{
	return string_starts_with(start_info->backend, "SVM");
}

u64 exits_debug_bits(const struct vcpu *vcpu)
{
	return exits_is_svm() ? vcpu->page->dr[6] : vcpu->page->exit.qualification;
}

/* The bytes of an instruction as far as they lie in one page; 0 where nothing can be read. */
static u32 read_code(const struct vcpu *vcpu, u8 *bytes, u32 count)
{
	const struct vcpu_page *page = vcpu->page;
	u64 linear = page->segment[SEG_CS].base + page->rip;
	struct walk_result result;

	count = (u32)MIN(count, PAGE_SIZE - (linear & PAGE_MASK));
	if (!walk(&vcpu->machine->memory, page, GVA(linear), WALK_PROBE, &result) ||
	    !guest_memory_read(&vcpu->machine->memory, result.gpa, bytes, count))
		return 0;
	return count;
}

/* INT3, INT n and INTO exit with RIP at them: injected with their length, they count as done. */
static bool raise_software(struct vcpu *vcpu)
{
	struct vcpu_event event = {.valid = 1, .type = EVENT_SOFTWARE_EXCEPTION, .vector = 3,
				   .instruction_length = 1};
	u8 code[2] = {0};
	u32 count;

	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	count = read_code(vcpu, code, sizeof(code));
	if (count == 2 && code[0] == 0xcd) {
		event.type = EVENT_SOFTWARE_INTERRUPT;
		event.vector = code[1];
		event.instruction_length = 2;
	} else if (count > 0 && code[0] == 0xce) {
		event.vector = VECTOR_OF;
	} else if (count == 0 || code[0] != 0xcc) {
		return false;
	}
	vcpu->event = event;
	return true;
}

/* On VMX alone INT1 exits with RIP at it, and with its length; it leaves DR6 as it is. */
static bool raise_int1(struct vcpu *vcpu)
{
	u32 length = vcpu->page->exit.instruction_length;

	if (vcpu->page->exit.vector != VECTOR_DB || length == 0 || exits_is_svm())
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

/* Leaves DR6 and CR2 as the CPU would have (SDM vol. 3, 28.1; APM vol. 2, 15.12). */
static void leave_traces(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	struct vcpu_page *page = vcpu->page;

	if (exit->vector == VECTOR_PF) {
		vcpu_need(vcpu, VCPU_CONTROL);
		page->cr2 = exits_is_svm() ? exit->qualification2 : exit->qualification;
		page->dirty |= VCPU_CONTROL;
	}
	if (exit->vector == VECTOR_DB) {
		vcpu_need(vcpu, VCPU_DEBUG);
		if (!exits_is_svm())
			page->dr[6] = (page->dr[6] & ~DR6_BREAKPOINTS) |
				      (exit->qualification & DB_QUALIFICATION_DR6);
		page->dr[7] &= ~DR7_GD;
		page->dirty |= VCPU_DEBUG;
	}
}

void exits_exception(struct vcpu *vcpu)
{
	u32 vector = vcpu->page->exit.vector & 31;

	if (trap_exception(vcpu) || debugger_exception(vcpu))
		return;
	if ((vector == VECTOR_BP || vector == VECTOR_OF) && raise_software(vcpu))
		return;
	if (raise_int1(vcpu))
		return;
	leave_traces(vcpu);
	vcpu_raise(vcpu, vector, vcpu->page->exit.error_code);
}
