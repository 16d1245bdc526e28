/* SPDX-License-Identifier: MIT */
/*
 * The VM's setting `trap`: which events make a vCPU exit so that they are counted and logged.
 * Called by todo.c, exits.c, exits_exception.c and debugger.c; changes the vCPU's controls and the
 * counters in the channel.
 */
#include "vmm/monitor/vcpu/trap.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/monitor/vcpu/inject.h"
#include "vmm/monitor/vcpu/trap_cr4.h"
#include "vmm/monitor/machine/machine.h"

/* All exceptions but NMI and #MC, which the host's kernel gets first. */
#define EVERY_EXCEPTION ((u32) ~(BIT(VECTOR_NMI) | BIT(VECTOR_MC)))
#define CR3_TARGETS	4u

void trap_apply(struct vcpu *vcpu)
{
	const struct machine *machine = vcpu->machine;
	struct vcpu_page *page = vcpu->page;
	u32 wanted = machine->trap_wanted;

	page->trap = machine->trap_controls;
	page->trap_exceptions = 0;
	if (machine->debugger.attached)
		page->trap_exceptions |= (u32)(BIT(VECTOR_DB) | BIT(VECTOR_BP));
	if ((wanted & VM_TRAP_EXCEPTIONS) != 0 || vcpu->trap.stepping)
		page->trap_exceptions |= EVERY_EXCEPTION;
	if ((wanted & VM_TRAP_CR) != 0 && !vcpu->trap.stepping)
		page->trap |= VTRAP_CR;
	if ((wanted & VM_TRAP_DR) != 0 && !vcpu->trap.stepping)
		page->trap |= VTRAP_DR;
	if ((wanted & VM_TRAP_MSR) != 0)
		page->trap |= VTRAP_MSR;
	page->dirty |= VCPU_TRAPS;
}

void trap_watch(struct machine *machine)
{
	machine->watched = machine->trap_wanted != 0 || machine->debugger.attached;
}

void trap_set(struct machine *machine, u32 wanted, u32 controls)
{
	machine->trap_wanted = wanted;
	machine->trap_controls = controls;
	trap_watch(machine);
	for (u32 i = 0; i < machine->vcpu_count; i++) {
		machine->vcpu[i].quiet = false;
		trap_apply(&machine->vcpu[i]);
	}
}

bool trap_steps(const struct vcpu *vcpu)
{
	return vcpu->trap.stepping;
}

static void trap_count(struct machine *machine, enum vm_trap what)
{
	machine->channel->trapped[__builtin_ctz(what)]++;
}

/*
 * Returns the number of the control or debug register that the exit is about, and whether it is
 * written: SDM vol. 3, 28.2.1; APM vol. 2, 15.9.
 */
static u32 trap_decode(const struct vcpu_exit *exit, bool *write)
{
	if (vcpu_is_svm()) {
		*write = (exit->vendor_code & 0x10) != 0;
		return (u32)exit->vendor_code & 15;
	}
	*write = exit->reason == EXIT_CR ? bits_get(exit->qualification, 5, 4) != CR_ACCESS_MOV_FROM
					 : (exit->qualification & BIT(4)) == 0;
	return (u32)exit->qualification & (exit->reason == EXIT_CR ? 15 : 7);
}

static void trap_note_register(struct vcpu *vcpu, const char *name, enum vm_trap what)
{
	bool write;
	u32 number = trap_decode(&vcpu->page->exit, &write);

	trap_count(vcpu->machine, what);
	machine_log(vcpu->machine, "trap: %s%u %s at rip 0x%lx of vCPU %u", name, number,
		    write ? "written" : "read", vcpu->page->rip, vcpu->id);
}

static void trap_note_io(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;

	trap_count(vcpu->machine, VM_TRAP_IO);
	machine_log(vcpu->machine, "trap: %s port 0x%x, %u bytes, at rip 0x%lx of vCPU %u",
		    (exit->io_flags & IO_IN) != 0 ? "in from" : "out to", exit->io_port,
		    exit->io_size, vcpu->page->rip, vcpu->id);
}

static void trap_note_msr(struct vcpu *vcpu)
{
	const struct vcpu_page *page = vcpu->page;
	bool write = page->exit.reason == EXIT_WRMSR;

	trap_count(vcpu->machine, VM_TRAP_MSR);
	if (write)
		machine_log(vcpu->machine, "trap: MSR 0x%x = 0x%lx at rip 0x%lx of vCPU %u",
			    (u32)page->gpr[GPR_RCX],
			    page->gpr[GPR_RDX] << 32 | (u32)page->gpr[GPR_RAX], page->rip,
			    vcpu->id);
	else
		machine_log(vcpu->machine, "trap: MSR 0x%x read at rip 0x%lx of vCPU %u",
			    (u32)page->gpr[GPR_RCX], page->rip, vcpu->id);
}

static void trap_note_exception(struct vcpu *vcpu)
{
	const struct vcpu_exit *exit = &vcpu->page->exit;

	if (vcpu->trap.stepping && exit->vector == VECTOR_DB)
		return;
	trap_count(vcpu->machine, VM_TRAP_EXCEPTIONS);
	machine_log(vcpu->machine, "trap: exception %u, error code 0x%x, at rip 0x%lx of vCPU %u",
		    exit->vector, exit->error_code, vcpu->page->rip, vcpu->id);
}

void trap_note(struct vcpu *vcpu)
{
	u32 wanted = vcpu->machine->trap_wanted;

	switch (vcpu->page->exit.reason) {
	case EXIT_IO:
		if ((wanted & VM_TRAP_IO) != 0)
			trap_note_io(vcpu);
		break;
	case EXIT_RDMSR:
	case EXIT_WRMSR:
		if ((wanted & VM_TRAP_MSR) != 0)
			trap_note_msr(vcpu);
		break;
	case EXIT_EXCEPTION:
		if ((wanted & VM_TRAP_EXCEPTIONS) != 0)
			trap_note_exception(vcpu);
		break;
	}
}

/*
 * Makes later loads of this value of CR3 not exit: the CPU spares four values (SDM vol. 3, 25.6.7),
 * so a value that is loaded often exits only the first time.
 */
static void trap_spare_cr3(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	bool write;
	u64 value;

	if (vcpu_is_svm() || trap_decode(&page->exit, &write) != 3 || !write)
		return;
	value = page->gpr[bits_get(page->exit.qualification, 11, 8)];
	for (u32 i = 0; i < CR3_TARGETS; i++) {
		if (page->cr3_target[i] == value)
			return;
	}
	page->cr3_target[vcpu->trap.next_target++ % CR3_TARGETS] = value;
}

bool trap_step(struct vcpu *vcpu)
{
	bool cr = vcpu->page->exit.reason == EXIT_CR;
	enum vm_trap what = cr ? VM_TRAP_CR : VM_TRAP_DR;
	bool write;

	if ((vcpu->machine->trap_wanted & what) == 0 || vcpu->trap.stepping)
		return false;
	/* SVM exits for accesses to CR8 (the task priority), too; `trap` does not ask for these. */
	if (cr && trap_decode(&vcpu->page->exit, &write) == 8)
		return false;
	trap_note_register(vcpu, cr ? "CR" : "DR", what);
	if (cr && vcpu_is_svm() && trap_cr4_refuses(vcpu)) {
		inject_raise(vcpu, VECTOR_GP, 0);
		return true;
	}
	if (cr)
		trap_spare_cr3(vcpu);
	vcpu->trap.stepping = true;
	vcpu->trap.had_tf = (vcpu->page->rflags & RFLAGS_TF) != 0;
	vcpu->page->rflags |= RFLAGS_TF;
	/*
	 * with a shadow and TF set, VMX demands a pending trap (BS); nothing is injected during the
	 * step
	 */
	vcpu->page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	vcpu->page->dirty |= VCPU_RIP;
	vcpu->quiet = false;
	trap_apply(vcpu);
	return true;
}

bool trap_exception(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;
	bool done;

	if (!vcpu->trap.stepping)
		return false;
	vcpu->trap.stepping = false;
	vcpu_need(vcpu, VCPU_DEBUG);
	done = page->exit.vector == VECTOR_DB && !vcpu->trap.had_tf &&
	       (vcpu_debug_bits(vcpu) & DR6_BREAKPOINTS) == 0;
	if (!vcpu->trap.had_tf) {
		page->rflags &= ~RFLAGS_TF;
		page->dr[6] &= ~DR6_BS;
		page->dirty |= VCPU_RIP | VCPU_DEBUG;
	}
	trap_apply(vcpu);
	return done;
}
