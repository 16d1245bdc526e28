/* SPDX-License-Identifier: MIT */
/*
 * Saves, checks and loads a local APIC's state. Called by platform_state.c; a loaded state is
 * untrusted until it has been checked.
 */
#include "arch/x86_64/hw/msr.h"
#include "vmm/monitor/irqchip/irqchip.h"

void lapic_save(const struct lapic *lapic, struct lapic_saved *saved)
{
	saved->state = lapic->state;
	saved->page = *lapic->page;
}

bool lapic_valid(const struct lapic *lapic, const struct lapic_saved *saved)
{
	const struct lapic_state *state = &saved->state;
	const u32 *reg = saved->page.reg;

	if (state->id != lapic->state.id || state->nmi_count > LAPIC_NMI_MAX ||
	    state->init_pending > 1 || state->sipi_pending > 1 || state->wait_for_sipi > 1)
		return false;
	if ((state->apic_base & APIC_BASE_EXTD) && !(state->apic_base & APIC_BASE_EN))
		return false;
	if (state->apic_base & ~(APIC_BASE_ADDRESS | APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN))
		return false;
	/* Vectors below 16 are never requested nor in service (SDM vol. 3, 11.8.4). */
	return ((reg[LAPIC_IRR / 4] | reg[LAPIC_ISR / 4]) & 0xffff) == 0 &&
	       reg[LAPIC_VERSION / 4] == LAPIC_VERSION_VALUE && reg[LAPIC_TPR / 4] <= 0xff &&
	       (reg[LAPIC_TIMER_DIVIDE / 4] & ~0xbu) == 0;
}

enum status lapic_load(struct lapic *lapic, const struct lapic_saved *saved)
{
	if (!lapic_valid(lapic, saved))
		return STATUS_BAD_FORMAT;
	lapic->state = saved->state;
	*lapic->page = saved->page;
	lapic_page_replaced(lapic);
	return STATUS_OK;
}
