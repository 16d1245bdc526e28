/* SPDX-License-Identifier: MIT */
/*
 * The CPU's virtualized local APIC (vapic.h): set-up and the exits that remain. Called by
 * machine_setup.c, inject.c and exits_apic.c; lends and recalls the APIC's page through
 * lapic_lend.c.
 */
#include "vmm/monitor/vcpu/vapic.h"

#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

enum status vapic_setup(struct machine *machine, bool wanted)
{
	struct vapic *vapic = &machine->vapic;
	enum status status;

	if (!wanted || !machine->vcpu[0].page->apic_virtualized)
		return STATUS_OK;
	status = sys_memory_create(start_handle(START_GROUP), PAGE_SIZE,
				   MEMORY_PINNED | MEMORY_GUEST, &vapic->memory);
	vapic->by_cpu = status == STATUS_OK;
	return status;
}

/*
 * Returns whether the vCPU's APIC takes interrupts. An APIC disabled by software takes none, not
 * even from itself, but a CPU that has its page does not check for that. A vCPU that waits for SIPI
 * sends none.
 */
static bool vapic_takes_interrupts(const struct lapic *lapic)
{
	return lapic->state.wait_for_sipi || (lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE);
}

/*
 * Returns the address that all the VM's APICs have, 0 if they differ, or one is not in xAPIC mode
 * or takes no interrupts.
 */
static u64 vapic_common_address(const struct machine *machine)
{
	const struct lapic *lapic = machine->platform.irqchip.lapic;

	for (u32 i = 0; i < machine->vcpu_count; i++) {
		u64 moved = lapic[i].state.apic_base ^ lapic[0].state.apic_base;

		if (lapic_mode(&lapic[i]) != LAPIC_XAPIC || (moved & APIC_BASE_ADDRESS) != 0 ||
		    !vapic_takes_interrupts(&lapic[i]))
			return 0;
	}
	return lapic[0].state.apic_base & APIC_BASE_ADDRESS;
}

static void vapic_unmap(struct vapic *vapic)
{
	enum status status = STATUS_AGAIN;

	while (vapic->mapped != 0 && status == STATUS_AGAIN)
		status = sys_space_unmap(start_handle(START_VM_SPACE), vapic->mapped, PAGE_SIZE);
	vapic->mapped = 0;
}

/*
 * Maps the page for virtualized xAPIC accesses at guest address `at`; if it cannot be mapped, as
 * over RAM, accesses exit. It is mapped only while no other vCPU is in the guest, as each vCPU has
 * to be prepared for it before it runs again.
 */
static void vapic_map(struct machine *machine, u64 at)
{
	u64 address;

	machine->vapic.late = machine->guest_count != 0;
	if (machine->vapic.late ||
	    sys_space_map(start_handle(START_VM_SPACE), at, machine->vapic.memory, 0, PAGE_SIZE,
			  RIGHT_READ | RIGHT_WRITE, &address) != STATUS_OK)
		return;
	machine->vapic.mapped = at;
	for (u32 i = 0; i < machine->vcpu_count; i++)
		machine->vcpu[i].quiet = false;
}

static void vapic_follow_address(struct vcpu *vcpu, const struct lapic *lapic)
{
	struct machine *machine = vcpu->machine;
	u64 now = lapic->state.apic_base |
		  /* bit 0 of the value, which a page's address does not use, says this */
		  vapic_takes_interrupts(lapic);
	u64 at;

	if (vcpu->apic_base == now && !machine->vapic.late)
		return;
	vcpu->apic_base = now;
	machine->vapic.late = false;
	at = vapic_common_address(machine);
	if (at == machine->vapic.mapped)
		return;
	vapic_unmap(&machine->vapic);
	if (at != 0)
		vapic_map(machine, at);
}

static enum vcpu_apic_mode vapic_mode_for(const struct vcpu *vcpu, const struct lapic *lapic)
{
	if (lapic_mode(lapic) == LAPIC_X2APIC && vapic_takes_interrupts(lapic))
		return VAPIC_MSRS;
	return vcpu->machine->vapic.mapped != 0 ? VAPIC_MEMORY : VAPIC_DELIVERY;
}

static void vapic_tell_mode(struct vcpu *vcpu, struct lapic *lapic, enum vcpu_apic_mode mode)
{
	struct vcpu_page *page = vcpu->page;

	page->apic_mode = mode;
	page->apic_gpa = vcpu->machine->vapic.mapped;
	lapic_levels(lapic, page->eoi_exit);
	lapic->levels_moved = false;
	page->dirty |= VCPU_APIC;
}

static void vapic_tell_status(struct vcpu *vcpu, struct lapic *lapic, bool hold)
{
	u16 status = lapic_interrupt_status(lapic);

	vcpu->page->interrupt_status = hold ? status & 0xff00 : status;
	vcpu->page->dirty |= VCPU_INTERRUPTS;
	lapic->moved = hold;
}

void vapic_prepare(struct vcpu *vcpu, bool hold)
{
	struct lapic *lapic = machine_lapic(vcpu);
	const struct vcpu_page *page = vcpu->page;
	enum vcpu_apic_mode mode;

	if (!lapic->by_cpu)
		return;
	vapic_follow_address(vcpu, lapic);
	mode = vapic_mode_for(vcpu, lapic);
	if (mode != page->apic_mode || lapic->levels_moved ||
	    (mode == VAPIC_MEMORY && page->apic_gpa != vcpu->machine->vapic.mapped))
		vapic_tell_mode(vcpu, lapic, mode);
	if (lapic->moved || hold)
		vapic_tell_status(vcpu, lapic, hold);
}

void vapic_prepare_anew(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);

	if (!lapic->by_cpu)
		return;
	vapic_tell_mode(vcpu, lapic, vapic_mode_for(vcpu, lapic));
	vapic_tell_status(vcpu, lapic, false);
}

void vapic_ended(struct vcpu *vcpu)
{
	lapic_eoi_broadcast(machine_lapic(vcpu), vcpu->page->exit.vector & 0xff);
}

/*
 * Does the rest of a guest's write to the APIC's page, after EXIT_APIC_WRITE: SDM vol. 3, 30.4.3.2
 * and 30.5.
 */
void vapic_written(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u32 offset = (u32)(vcpu->page->exit.qualification & APIC_ACCESS_OFFSET);

	if (offset == LAPIC_SELF_IPI) /* lapic_deliver treats a vector below 16 as an error */
		lapic_deliver(lapic, APIC_FIXED, lapic_get(lapic, offset) & 0xff, false);
	else
		lapic_finish_write(lapic, offset);
}

void vapic_accessed(struct vcpu *vcpu)
{
	struct vcpu_exit *exit = &vcpu->page->exit;
	u32 type = (u32)bits_get(exit->qualification, 15, APIC_ACCESS_TYPE_SHIFT);

	exit->reason = EXIT_MEMORY;
	exit->gpa = vcpu->page->apic_gpa | (exit->qualification & APIC_ACCESS_OFFSET);
	exit->gva = 0;
	exit->instruction_length = 0;
	exit->access = type == APIC_ACCESS_READ	   ? ACCESS_READ
		       : type == APIC_ACCESS_WRITE ? ACCESS_WRITE
		       : type == APIC_ACCESS_FETCH ? ACCESS_EXECUTE
						   : ACCESS_READ | ACCESS_TABLE_WALK;
}
