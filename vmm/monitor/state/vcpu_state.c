/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's sections of a saved state: registers, MSRs and XSAVE area. Called by machine_state.c;
 * checks a state so that no register can harm the monitor.
 */
#include "vmm/monitor/state/vcpu_state.h"

#include "lib/string.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/pv/hypercall.h"
#include "vmm/monitor/pv/steal_time.h"
#include "vmm/monitor/vcpu/trap.h"

#define INSTRUCTION_MAX 15u

static void vcpu_state_save_run(const struct vcpu *vcpu, struct vcpu_saved *saved)
{
	const struct vcpu_page *page = vcpu->page;

	saved->exit = page->exit;
	saved->inject = page->inject;
	saved->event = vcpu->event;
	saved->held = vcpu->held;
	saved->shadow = page->shadow;
	saved->request = page->request;
	saved->advance_length = page->advance_length;
	saved->tpr_threshold = page->tpr_threshold;
	saved->halted = vcpu->halted;
	saved->unhalted = vcpu->unhalted;
	saved->pv_eoi_pending = vcpu->pv_eoi.pending;
	saved->steal_marked = vcpu->steal_time.marked;
	saved->tsc_adjust = vcpu->tsc_adjust;
	saved->system_time_msr = vcpu->pvclock.system_time_msr;
	saved->wall_clock_msr = vcpu->pvclock.wall_clock_msr;
	saved->pv_eoi_msr = vcpu->pv_eoi.msr;
	saved->steal_msr = vcpu->steal_time.msr;
	saved->steal_unseen_tsc = page->waited_tsc - vcpu->steal_time.seen_tsc;
	saved->kept = vcpu->msr;
}

static void vcpu_state_save_section(const void *owner, void *bytes)
{
	const struct vcpu *vcpu = owner;
	const struct vcpu_page *page = vcpu->page;
	struct vcpu_saved *saved = bytes;

	memcpy(saved->gpr, page->gpr, sizeof(saved->gpr));
	saved->rip = page->rip;
	saved->rflags = page->rflags;
	saved->cr0 = page->cr0;
	saved->cr2 = page->cr2;
	saved->cr3 = page->cr3;
	saved->cr4 = page->cr4;
	saved->efer = page->efer;
	saved->xcr0 = page->xcr0;
	memcpy(saved->segment, page->segment, sizeof(saved->segment));
	saved->gdtr = page->gdtr;
	saved->idtr = page->idtr;
	memcpy(saved->dr, page->dr, sizeof(saved->dr));
	memcpy(saved->msr, page->msr, sizeof(saved->msr));
	vcpu_state_save_run(vcpu, saved);
}

static bool vcpu_state_event_valid(const struct vcpu_event *event)
{
	return event->valid <= 1 && event->type <= EVENT_SOFTWARE_EXCEPTION &&
	       event->has_error_code <= 1 && event->instruction_length <= INSTRUCTION_MAX;
}

static bool vcpu_state_exit_valid(const struct vcpu_exit *exit)
{
	return exit->reason < EXIT_REASON_COUNT && exit->instruction_length <= INSTRUCTION_MAX &&
	       (exit->reason != EXIT_IO || exit->io_size == 1 || exit->io_size == 2 ||
		exit->io_size == 4);
}

static bool vcpu_section_valid(const void *owner, const void *bytes, const char **reason)
{
	const struct vcpu *vcpu = owner;
	const struct vcpu_saved *saved = bytes;

	if ((saved->xcr0 & ~(vcpu->machine->cpuid.xcr0 | 1)) != 0) {
		*reason = "XCR0 has a component that this machine does not show";
		return false;
	}
	if (!vcpu_state_event_valid(&saved->inject) || !vcpu_state_event_valid(&saved->event) ||
	    !vcpu_state_event_valid(&saved->held)) {
		*reason = "it holds an event that no CPU can deliver";
		return false;
	}
	if (!vcpu_state_exit_valid(&saved->exit)) {
		*reason = "its exit is one that no CPU reports";
		return false;
	}
	return saved->request < REQUEST_FLUSH << 1 && saved->advance_length <= INSTRUCTION_MAX &&
	       saved->halted <= 1 && saved->unhalted <= 1 && saved->pv_eoi_pending <= 1 &&
	       saved->steal_marked <= 1 && saved->reserved == 0;
}

static void vcpu_state_load_run(struct vcpu *vcpu, const struct vcpu_saved *saved)
{
	struct vcpu_page *page = vcpu->page;

	page->exit = saved->exit;
	page->inject = saved->inject;
	vcpu->event = saved->event;
	vcpu->held = saved->held;
	page->shadow = saved->shadow;
	page->request = saved->request;
	page->advance_length = saved->advance_length;
	page->tpr_threshold = saved->tpr_threshold;
	vcpu->halted = saved->halted != 0;
	vcpu->unhalted = saved->unhalted != 0;
	vcpu->tsc_adjust = saved->tsc_adjust;
	vcpu->pvclock = (struct pvclock){saved->system_time_msr, saved->wall_clock_msr};
	vcpu->pv_eoi = (struct pv_eoi){saved->pv_eoi_msr, saved->pv_eoi_pending != 0};
	(void)!steal_time_write_msr(vcpu, saved->steal_msr);
	vcpu->steal_time.seen_tsc -= saved->steal_unseen_tsc;
	/*
	 * a mark of preemption set by the kernel from which the VM comes has to be cleared by the
	 * monitor now
	 */
	vcpu->steal_time.marked = saved->steal_marked != 0 || page->preempted_gpa != 0;
	vcpu->msr = saved->kept;
}

/* Sets up again the parts of the vCPU page that the kernel reads, as when a vCPU is made. */
static void vcpu_state_prepare_page(struct vcpu *vcpu)
{
	struct vcpu_page *page = vcpu->page;

	page->valid = 0;
	page->dirty = (VCPU_ALL & ~(u32)VCPU_EVENT) | VCPU_XSAVE;
	page->code_bytes = 0;
	vcpu_set_wants(page);
	hypercall_setup(page);
	trap_apply(vcpu);
	vcpu_set_tsc_offset(vcpu);
	vcpu->decoded = 0;
	vcpu->quiet = false;
	vcpu->yield_to = 0;
}

static void vcpu_state_load_section(void *owner, const void *bytes)
{
	struct vcpu *vcpu = owner;
	struct vcpu_page *page = vcpu->page;
	const struct vcpu_saved *saved = bytes;

	memcpy(page->gpr, saved->gpr, sizeof(saved->gpr));
	page->rip = saved->rip;
	page->rflags = saved->rflags;
	page->cr0 = saved->cr0;
	page->cr2 = saved->cr2;
	page->cr3 = saved->cr3;
	page->cr4 = saved->cr4;
	page->efer = saved->efer;
	page->xcr0 = saved->xcr0;
	memcpy(page->segment, saved->segment, sizeof(saved->segment));
	page->gdtr = saved->gdtr;
	page->idtr = saved->idtr;
	memcpy(page->dr, saved->dr, sizeof(saved->dr));
	memcpy(page->msr, saved->msr, sizeof(saved->msr));
	vcpu_state_load_run(vcpu, saved);
	vcpu_state_prepare_page(vcpu);
}

struct state_section vcpu_state_section(struct vcpu *vcpu)
{
	return (struct state_section){
		.name = "vcpu",
		.kind = STATE_VCPU,
		.instance = (u16)vcpu->id,
		.version = 1,
		.bytes = sizeof(struct vcpu_saved),
		.owner = vcpu,
		.save = vcpu_state_save_section,
		.valid = vcpu_section_valid,
		.load = vcpu_state_load_section,
	};
}

static void vcpu_state_save_xsave(const void *owner, void *bytes)
{
	const struct vcpu *vcpu = owner;

	memcpy(bytes, vcpu->xsave_page, PAGE_SIZE);
}

/* Checks the XSAVE image: the kernel takes none that the CPU would refuse. */
static bool vcpu_state_xsave_valid(const void *owner, const void *bytes, const char **reason)
{
	(void)owner, (void)bytes, (void)reason;
	return true;
}

static void vcpu_state_load_xsave(void *owner, const void *bytes)
{
	struct vcpu *vcpu = owner;

	memcpy(vcpu->xsave_page, bytes, PAGE_SIZE);
}

struct state_section vcpu_state_xsave(struct vcpu *vcpu)
{
	return (struct state_section){
		.name = "xsave",
		.kind = STATE_XSAVE,
		.instance = (u16)vcpu->id,
		.version = 1,
		.bytes = PAGE_SIZE,
		.owner = vcpu,
		.save = vcpu_state_save_xsave,
		.valid = vcpu_state_xsave_valid,
		.load = vcpu_state_load_xsave,
	};
}
