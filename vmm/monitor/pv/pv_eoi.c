/* SPDX-License-Identifier: MIT */
/*
 * Paravirtual EOI: a bit in guest RAM by which a guest ends an interrupt without an exit. Called
 * by fast_path.c, loop.c and inject.c; reads and writes that bit.
 */
#include "vmm/monitor/pv/pv_eoi.h"

#include "lib/bits.h"
#include "vmm/monitor/machine/machine.h"

/* the bit in the guest's byte: the interrupt in service may be ended by clearing it */
#define PV_EOI_PENDING 1u

static u8 *pv_eoi_guest_byte(const struct vcpu *vcpu)
{
	gpa_t at = GPA(vcpu->pv_eoi.msr & ~(u64)PV_EOI_ENABLED);

	return guest_memory_pointer(&vcpu->machine->memory, at, sizeof(u8));
}

bool pv_eoi_write_msr(struct vcpu *vcpu, u64 value)
{
	if ((value & PV_EOI_ENABLED) != 0 && !is_aligned(value & ~(u64)PV_EOI_ENABLED, 4))
		return false;
	vcpu->pv_eoi.msr = value;
	return true;
}

/*
 * Sets the bit in the guest's byte if the next EOI would have no other effect. The vCPU does not
 * run meanwhile, so its byte has no other writer.
 */
void pv_eoi_offer(struct vcpu *vcpu)
{
	u8 *byte;

	/* a CPU that virtualizes the APIC (by_cpu) ends interrupts without an exit anyway */
	if ((vcpu->pv_eoi.msr & PV_EOI_ENABLED) == 0 || vcpu->machine->vapic.by_cpu ||
	    !lapic_eoi_is_private(machine_lapic(vcpu)))
		return;
	byte = pv_eoi_guest_byte(vcpu);
	if (byte == NULL)
		return;
	__atomic_store_n(byte, PV_EOI_PENDING, __ATOMIC_RELAXED);
	vcpu->pv_eoi.pending = true;
}

void pv_eoi_collect(struct vcpu *vcpu)
{
	struct lapic *lapic = machine_lapic(vcpu);
	u8 *byte = pv_eoi_guest_byte(vcpu);

	vcpu->pv_eoi.pending = false;
	if (byte != NULL && (__atomic_load_n(byte, __ATOMIC_RELAXED) & PV_EOI_PENDING) != 0) {
		__atomic_store_n(byte, 0, __ATOMIC_RELAXED);
		return;
	}
	lapic_eoi(lapic);
	if (lapic->words.requested != 0)
		vcpu->quiet = false;
}
