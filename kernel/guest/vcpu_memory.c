/* SPDX-License-Identifier: MIT */
/*
 * Second-stage faults of guests: populates and maps RAM, and leaves addresses without a mapping to
 * the monitor. kernel/guest/vcpu_run.c calls it, without locks, for each EXIT_MEMORY; mm/space.c
 * does the work under the space's lock. It writes the vCPU's exit, and the last fault without a
 * mapping (`nowhere`).
 */
#include "kernel/guest/vcpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/log/log.h"
#include "kernel/sched/timer.h"
#include "kernel/guest/vm_types.h"
#include "lib/read_once.h"
#include "mm/address.h"
#include "mm/space.h"
#include "mm/tlb.h"

static NOINLINE bool vcpu_handle_fault(struct vcpu *vcpu, struct space *space)
{
	struct vcpu_exit *exit = &vcpu->virt.exit;
	u32 access = exit->access & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE);
	u64 at = exit->gpa & ~PAGE_MASK;
	enum status status;

	vcpu->nowhere_generation = READ_ONCE(space->generation);
	vcpu->nowhere_mappings = READ_ONCE(space->mapping_count);
	/*
	 * between steps of clearing a page, interrupts are let in, as they may bring more urgent
	 * work
	 */
	do {
		sti_nop_cli();
		status = space_fault(space, at, access);
	} while (status == STATUS_AGAIN && this_cpu()->pending == 0 && tlb_pages_waiting() == 0);
	if (status == STATUS_OK)
		log_debug(LOG_MEMORY, "RAM populated at %#lx", exit->gpa);
	/*
	 * An interrupt may have woken a thread: with the timer set anew, that thread gets the CPU
	 * in time.
	 */
	timer_arm_briefly(this_cpu());
	vcpu->nowhere = status == STATUS_NOT_FOUND ? exit->gpa | PAGE_MASK : 0;
	if (status == STATUS_NO_MEMORY || status == STATUS_NO_QUOTA)
		exit->reason = EXIT_NO_MEMORY;
	return status == STATUS_OK || status == STATUS_AGAIN;
}

bool vcpu_handle_write(struct vcpu *vcpu)
{
	struct space *space = vcpu->vm->space;
	enum status status;

	/*
	 * An event whose delivery the write cut short must be injected again: only the full exit
	 * path does that.
	 */
	if (!(vcpu->virt.exit.access & ACCESS_WRITE) || vcpu->virt.event.valid)
		return false;
	status = space_fault_layered(space, vcpu->virt.exit.gpa, PT_WRITE);
	if (status == STATUS_AGAIN) /* the page was taken from mappings, which mostly lacked it */
		status = space_fault_layered(space, vcpu->virt.exit.gpa, PT_WRITE);
	if (status == STATUS_OK && tlb_must_flush(space, &vcpu->space_seen))
		vcpu->virt.flush = true;
	/* The flush may have kicked this CPU too, without an interrupt to end the next entry. */
	return status == STATUS_OK && (this_cpu()->pending & PENDING_KICK) == 0;
}

bool vcpu_handle_memory(struct vcpu *vcpu)
{
	struct space *space = vcpu->vm->space;

	/*
	 * The address is that of the last fault that no mapping covered, and no mapping of the
	 * space was added or removed since: a search would find none this time either.
	 */
	if (vcpu->nowhere == (vcpu->virt.exit.gpa | PAGE_MASK) &&
	    vcpu->nowhere_generation == READ_ONCE(space->generation) &&
	    vcpu->nowhere_mappings == READ_ONCE(space->mapping_count))
		return false;
	return vcpu_handle_fault(vcpu, space);
}

enum status vcpu_find_apic(struct vcpu *vcpu)
{
	u64 at = READ_ONCE(vcpu->virt.page->apic_gpa) & ~PAGE_MASK;
	const u8 *byte;

	vcpu->virt.apic_access = HPA(0);
	if (READ_ONCE(vcpu->virt.page->apic_mode) != VAPIC_MEMORY)
		return STATUS_OK;
	byte = space_fault(vcpu->vm->space, at, PT_WRITE) == STATUS_OK
		       ? space_guest_byte(vcpu->vm->space, at)
		       : NULL;
	if (byte == NULL)
		return STATUS_BAD_ADDRESS;
	vcpu->virt.apic_access = pointer_to_hpa(byte);
	return STATUS_OK;
}
