/* SPDX-License-Identifier: MIT */
/*
 * Second-stage faults of guests: populates and maps RAM; what no mapping covers is the monitor's.
 * kernel/guest/vcpu_run.c calls it, without locks, for each EXIT_MEMORY; mm/space.c does the work
 * under the space's lock. It writes the vCPU's exit and its memory of faults that no mapping
 * covered.
 */
#include "kernel/guest/vcpu.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/log/log.h"
#include "kernel/sched/timer.h"
#include "kernel/guest/vm_types.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/space.h"
#include "mm/tlb.h"

/*
 * Returns where the vCPU remembers that no mapping covers the page of its exit. Its APIC and the
 * doorbells of four virtio devices, the second pages of four each, have places of their own.
 */
static u64 *vcpu_nowhere(struct vcpu *vcpu)
{
	u64 page = vcpu->virt.exit.gpa >> PAGE_SHIFT;

	return &vcpu->nowhere[page % 2 * 4 + page / 4 % 4];
}

static NOINLINE bool vcpu_handle_fault(struct vcpu *vcpu, struct space *space)
{
	struct vcpu_exit *exit = &vcpu->virt.exit;
	u32 access = exit->access & (ACCESS_READ | ACCESS_WRITE | ACCESS_EXECUTE);
	u64 at = exit->gpa & ~PAGE_MASK;
	u64 generation = READ_ONCE(space->generation);
	u32 mappings = READ_ONCE(space->mapping_count);
	enum status status;

	if (vcpu->nowhere_generation != generation || vcpu->nowhere_mappings != mappings)
		memset(vcpu->nowhere, 0, sizeof(vcpu->nowhere));
	vcpu->nowhere_generation = generation;
	vcpu->nowhere_mappings = mappings;
	do { /* lets interrupts in between steps of clearing, as there may be more urgent work */
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
	*vcpu_nowhere(vcpu) = status == STATUS_NOT_FOUND ? exit->gpa | PAGE_MASK : 0;
	if (status == STATUS_NO_MEMORY || status == STATUS_NO_QUOTA)
		exit->reason = EXIT_NO_MEMORY;
	return status == STATUS_OK || status == STATUS_AGAIN;
}

bool vcpu_handle_write(struct vcpu *vcpu)
{
	struct space *space = vcpu->vm->space;
	const struct vcpu_exit *exit = &vcpu->virt.exit;

	/*
	 * An event whose delivery the write cut short must be injected again: only the full exit
	 * path does that.
	 */
	if (!(exit->access & ACCESS_WRITE) || vcpu->virt.event.valid)
		return false;
	if (space_fault_layered(space, exit->gpa, PT_WRITE) != STATUS_OK)
		return false;
	if (tlb_must_flush(space, &vcpu->space_seen))
		vcpu->virt.flush = true;
	return true;
}

bool vcpu_handle_memory(struct vcpu *vcpu)
{
	struct space *space = vcpu->vm->space;

	/*
	 * A fault's address came again, and no mapping was added or removed: the answer is known.
	 */
	if (*vcpu_nowhere(vcpu) == (vcpu->virt.exit.gpa | PAGE_MASK) &&
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
