/* SPDX-License-Identifier: MIT */
/*
 * Handles every VM exit that the fast path (fast_path.c) leaves. Called by life/loop.c after each
 * such exit, under the machine's lock; changes the vCPU page and reaches devices, and passes many
 * exits to the other files of this folder.
 */
#include "vmm/monitor/exits/exits.h"

#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/cpuid/cpuid_table.h"
#include "vmm/monitor/exits/exits_memory.h"
#include "vmm/monitor/exits/exits_settle.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/hypercall.h"
#include "vmm/monitor/task/task_switch.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/vcpu/trap.h"
#include "vmm/rt/exit_names.h"

static void exits_handle_cpuid(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	const struct cpuid_policy *policy = &vcpu->machine->cpuid;
	u32 leaf = cpuid_leaf(policy, (u32)page->gpr[GPR_RAX]);
	u32 subleaf = (u32)page->gpr[GPR_RCX];
	struct lapic *lapic = machine_lapic(vcpu);
	struct cpuid_state state = {
		.apic_id = vcpu->id,
		.apic_enabled = lapic_mode(lapic) != LAPIC_OFF,
	};
	struct cpuid_regs regs;

	if (leaf == CPUID_VERSION || leaf == CPUID_FEATURES) {
		vcpu_need(vcpu, VCPU_CONTROL);
		state.cr4 = page->cr4;
	} else if (leaf == CPUID_XSAVE) {
		/*
		 * the present XCR0 is fetched, as XSETBV does not always exit: QEMU's SVM executes
		 * it
		 */
		vcpu_need(vcpu, VCPU_XCR0);
		state.xcr0 = page->xcr0;
	}
	if (cpuid_is_none(policy, leaf, subleaf) && !vcpu->machine->debugger.attached)
		cpuid_table_learn_none(vcpu->cpuid_page, (u32)page->gpr[GPR_RAX], subleaf,
				       cpuid_has(policy, leaf));
	cpuid_query(policy, &state, leaf, subleaf, &regs);
	page->gpr[GPR_RAX] = regs.eax;
	page->gpr[GPR_RBX] = regs.ebx;
	page->gpr[GPR_RCX] = regs.ecx;
	page->gpr[GPR_RDX] = regs.edx;
	vcpu_advance(vcpu);
}

static bool exits_xcr0_valid(const struct vcpu *vcpu, u64 value)
{
	u64 avx512 = value & XCR0_AVX512;

	/* which state components may be enabled together: SDM vol. 1, 13.3 */
	return (value & ~vcpu->machine->cpuid.xcr0) == 0 && (value & XCR0_X87) != 0 &&
	       ((value & XCR0_AVX) == 0 || (value & XCR0_SSE) != 0) &&
	       (avx512 == 0 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX) != 0));
}

static void exits_handle_xsetbv(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	u64 value = page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX];

	/*
	 * SVM may exit for XSETBV before the privilege is checked; QEMU 10 exits even before CR4 is
	 */
	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	if ((page->cr4 & CR4_OSXSAVE) == 0) {
		inject_raise(vcpu, VECTOR_UD, 0);
		return;
	}
	if ((page->segment[SEG_SS].access >> SEGMENT_DPL_SHIFT & 3) != 0 ||
	    (u32)page->gpr[GPR_RCX] != 0 || !exits_xcr0_valid(vcpu, value)) {
		inject_raise(vcpu, VECTOR_GP, 0);
		return;
	}
	page->xcr0 = value;
	page->dirty |= VCPU_XCR0;
	vcpu_advance(vcpu);
}

/* Handles the exit for a task switch, which only VMX has: SDM vol. 3, table 28-2. */
static void exits_handle_task_switch(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;
	const struct vcpu_event by = vcpu->event;
	struct task_switch request = {
		.selector = (u16)exit->qualification,
		.source = exit->qualification >> 30 & 3,
		.return_eip = (u32)vcpu->page->rip,
	};
	struct vcpu_event event;

	if (request.source != TASK_GATE_IN_IDT || by.type >= EVENT_SOFTWARE_INTERRUPT) {
		request.return_eip += exit->instruction_length;
	} else {
		request.external = true;
		request.has_error_code = by.has_error_code;
		request.error_code = by.error_code;
	}
	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_TABLES | VCPU_CONTROL | VCPU_DEBUG);
	if (by.type == EVENT_NMI && request.source == TASK_GATE_IN_IDT)
		vcpu->page->shadow |= SHADOW_NMI;
	/* an exception whose task was not entered is still being delivered: a fault may make #DF */
	if (task_switch(&vcpu->emulator, &request, &event) == EMULATE_DONE ||
	    by.type != EVENT_EXCEPTION)
		vcpu->event.valid = 0;
	if (event.valid)
		inject_raise_event(vcpu, &event);
}

static void exits_handle_halt(struct vcpu *vcpu)
{
	/* with TF set, the single-step trap ends the HLT at once */
	vcpu->halted = (vcpu->page->rflags & RFLAGS_TF) == 0;
	vcpu_advance(vcpu);
}

static void exits_crash_unexpected(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;

	machine_crash(
		vcpu->machine,
		"exit %s (the CPU's code 0x%lx, qualification 0x%lx) at rip 0x%lx is not handled",
		exit_name(exit->reason), exit->vendor_code, exit->qualification, vcpu->page->rip);
}

/*
 * Returns whether the instruction is a MOV to CR8: 0f 22 with ModRM.reg 8, or with LOCK and
 * ModRM.reg 0 (APM vol. 3, MOV CRn).
 */
static bool exits_is_mov_to_cr8(const struct x86_instruction *in)
{
	return in->map == X86_MAP_0F && in->opcode == 0x22 &&
	       in->reg == ((in->prefixes & X86_PREFIX_LOCK) != 0 ? 0 : 8);
}

/*
 * Handles an access to a control register. SVM exits before a MOV to CR8 while an interrupt waits
 * for the task priority to fall. If the instruction has changed since, or the exit was for a `trap`
 * (setting of the VM) that is no longer wanted, the guest executes it again.
 */
static void exits_handle_cr(struct vcpu *vcpu)
{
	struct vcpu_event event = {0};
	struct x86_instruction in = {0};
	enum emulate_result result;

	vcpu_need(vcpu, VCPU_SEGMENTS | VCPU_CONTROL);
	result = emulate_decode(&vcpu->emulator, &in, &event);
	if (result != EMULATE_DONE) {
		exits_memory_finish(vcpu, result, &event, "control register access");
	} else if (!exits_is_mov_to_cr8(&in)) {
		return;
	} else if ((vcpu->page->gpr[in.rm & 15] & ~0xfull) != 0) {
		inject_raise(vcpu, VECTOR_GP, 0);
	} else {
		lapic_set_cr8(machine_lapic(vcpu), vcpu->page->gpr[in.rm & 15]);
		vcpu_advance(vcpu);
	}
}

static void exits_handle_rest(struct vcpu *vcpu)
{
	switch (vcpu->page->exit.reason) {
	case EXIT_NONE:
	case EXIT_KICK:
	case EXIT_NMI_WINDOW:
	case EXIT_TPR:
	case EXIT_BUS_LOCK: /* life/loop.c has already delayed the vCPU */
		break;
	case EXIT_CR:
		if (!trap_step(vcpu))
			exits_handle_cr(vcpu);
		break;
	case EXIT_DR:
		/*
		 * trap_step returns false if the operator wants this exit no more: the guest then
		 * executes the instruction again, without an exit
		 */
		(void)trap_step(vcpu);
		break;
	case EXIT_IO:
		exits_port(vcpu);
		break;
	case EXIT_MEMORY:
		exits_memory(vcpu);
		break;
	case EXIT_CPUID:
		exits_handle_cpuid(vcpu);
		break;
	case EXIT_HLT:
		exits_handle_halt(vcpu);
		break;
	case EXIT_RDMSR:
		exits_rdmsr(vcpu);
		break;
	case EXIT_WRMSR:
		exits_wrmsr(vcpu);
		break;
	case EXIT_XSETBV:
		exits_handle_xsetbv(vcpu);
		break;
	case EXIT_EXCEPTION:
		exits_exception(vcpu);
		break;
	case EXIT_HYPERCALL:
		exits_hypercall(vcpu);
		break;
	case EXIT_PAUSE:
		vcpu_spins(vcpu);
		vcpu_advance(vcpu);
		break;
	case EXIT_INVD:
		/*
		 * INVD need not do anything: guest memory is coherent, so no cache line need be
		 * written back or dropped
		 */
		vcpu_advance(vcpu);
		break;
	case EXIT_INVALID_OPCODE:
	case EXIT_MONITOR:
	case EXIT_MWAIT:
		inject_raise(vcpu, VECTOR_UD, 0);
		break;
	case EXIT_RDPMC:
		inject_raise(vcpu, VECTOR_GP, 0); /* the guest is offered no performance counters */
		break;
	case EXIT_TRIPLE_FAULT:
		machine_unasked_reset(vcpu, "triple fault");
		break;
	case EXIT_TASK_SWITCH:
		exits_handle_task_switch(vcpu);
		break;
	case EXIT_NO_MEMORY:
		machine_starve(vcpu->machine);
		break;
	case EXIT_ENTRY_FAILED:
		exits_entry_failed(vcpu);
		break;
	default:
		exits_crash_unexpected(vcpu);
		break;
	}
}

void exits_handle(struct vcpu *vcpu)
{
	if (unlikely(vcpu->machine->watched))
		trap_note(vcpu);
	if (!exits_settle(vcpu))
		exits_handle_rest(vcpu);
	vcpu->page->exit.reason = EXIT_NONE;
}
