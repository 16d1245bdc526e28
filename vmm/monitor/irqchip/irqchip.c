/* SPDX-License-Identifier: MIT */
/*
 * A VM's interrupt controllers as one: lines of devices reach the 8259s and the I/O APIC, and
 * messages the local APICs. Called by devices and exit handlers under the machine's lock; owns the
 * lines and the set of vCPUs to kick.
 */
#include "vmm/monitor/irqchip/irqchip.h"

#define XAPIC_BROADCAST	 0xffu
#define X2APIC_BROADCAST 0xffffffffu

void irqchip_init(struct irqchip *irqchip, const struct machine_clock *clock, u32 cpu_count,
		  struct lapic_page *const page[])
{
	irqchip->clock = clock;
	irqchip->cpu_count = cpu_count;
	for (u32 i = 0; i < cpu_count; i++)
		irqchip->lapic[i] = (struct lapic){.page = page[i], .irqchip = irqchip};
	ioapic_init(&irqchip->ioapic, irqchip);
	pic_init(&irqchip->pic, irqchip);
	irqchip_reset(irqchip);
}

void irqchip_reset(struct irqchip *irqchip)
{
	for (u32 i = 0; i < irqchip->cpu_count; i++)
		lapic_reset(&irqchip->lapic[i], i);
	lapic_virtual_wire(&irqchip->lapic[0]);
	device_reset(&irqchip->ioapic.device);
	device_reset(&irqchip->pic.device);
	irqchip->lowest_last = 0;
	irqchip->taken_lines = 0;
	irqchip->kick = 0;
}

static void irqchip_drive_line(struct irqchip *irqchip, u32 line, bool level)
{
	u32 pin = line == 0 ? IRQCHIP_PIT_PIN : line;

	if (line >= IRQCHIP_LINE_COUNT || line == PIC_CASCADE_INPUT)
		return;
	/*
	 * Devices report the level of their line after each access, and it seldom changes: then
	 * nothing is to be done.
	 */
	if ((irqchip->ioapic.state.line >> pin & 1) == level)
		return;
	pic_set_line(&irqchip->pic, line, level);
	ioapic_set_pin(&irqchip->ioapic, pin, level);
}

void irqchip_set_line(struct irqchip *irqchip, u32 line, bool level)
{
	if (!(irqchip->taken_lines >> line & 1))
		irqchip_drive_line(irqchip, line, level);
}

void irqchip_take_lines(struct irqchip *irqchip, u32 lines)
{
	u32 given_back = irqchip->taken_lines & ~lines;

	irqchip->taken_lines = lines;
	for (; given_back != 0; given_back &= given_back - 1)
		irqchip_drive_line(irqchip, bit_lowest(given_back), false);
}

void irqchip_set_taken_line(struct irqchip *irqchip, u32 line, bool level)
{
	if (irqchip->taken_lines >> line & 1)
		irqchip_drive_line(irqchip, line, level);
}

/*
 * Returns whether a logical destination means this APIC: MDA against LDR, flat or cluster (SDM vol.
 * 3, 11.6.2.2), or as x2APIC (11.12.10.2).
 */
static bool irqchip_logical_match(const struct lapic *lapic, u32 destination)
{
	u32 ldr = lapic_get(lapic, LAPIC_LDR);

	if (lapic_mode(lapic) == LAPIC_X2APIC)
		return ldr >> 16 == destination >> 16 && (ldr & destination & 0xffff) != 0;
	if (destination > XAPIC_BROADCAST)
		return false;
	ldr >>= LAPIC_XAPIC_ID_SHIFT;
	if (lapic_get(lapic, LAPIC_DFR) == LAPIC_DFR_FLAT)
		return (ldr & destination) != 0;
	if (lapic_get(lapic, LAPIC_DFR) != LAPIC_DFR_CLUSTER)
		return false;
	return (ldr >> 4 == destination >> 4 || destination >> 4 == 0xf) &&
	       (ldr & destination & 0xf) != 0;
}

static bool irqchip_message_matches(const struct irq_message *message, const struct lapic *lapic)
{
	if (message->destination == (message->x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return true;
	if (message->logical)
		return irqchip_logical_match(lapic, message->destination);
	return lapic->state.id == message->destination;
}

/*
 * Sends a message to the local APIC, among those addressed, with the lowest processor priority; of
 * several such, the next one after the last receiver gets it (SDM vol. 3, 11.6.2.4).
 */
static bool irqchip_send_lowest_priority(struct irqchip *irqchip, const struct irq_message *message,
					 u64 candidates)
{
	struct lapic *best = NULL;

	for (u32 i = 1; i <= irqchip->cpu_count; i++) {
		u32 cpu = (irqchip->lowest_last + i) % irqchip->cpu_count;
		struct lapic *lapic = &irqchip->lapic[cpu];

		if (!(candidates >> cpu & 1) || lapic_mode(lapic) == LAPIC_OFF ||
		    !(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
			continue;
		if (!best || lapic_ppr(lapic) < lapic_ppr(best))
			best = lapic;
	}
	if (!best)
		return false;
	irqchip->lowest_last = (u32)(best - irqchip->lapic);
	return lapic_deliver(best, APIC_FIXED, message->vector, message->level);
}

static bool irqchip_send_to(struct irqchip *irqchip, const struct irq_message *message, u64 targets)
{
	bool accepted = false;

	if (message->mode == APIC_LOWEST_PRIORITY)
		return irqchip_send_lowest_priority(irqchip, message, targets);
	for (u32 i = 0; i < irqchip->cpu_count; i++)
		if (targets >> i & 1)
			accepted |= lapic_deliver(&irqchip->lapic[i], message->mode,
						  message->vector, message->level);
	return accepted;
}

static u64 irqchip_message_targets(const struct irqchip *irqchip, const struct irq_message *message)
{
	u64 targets = 0;

	for (u32 i = 0; i < irqchip->cpu_count; i++)
		if (irqchip_message_matches(message, &irqchip->lapic[i]))
			targets |= BIT(i);
	return targets;
}

bool irqchip_send(struct irqchip *irqchip, const struct irq_message *message)
{
	return irqchip_send_to(irqchip, message, irqchip_message_targets(irqchip, message));
}

/*
 * Sends an IPI (SDM vol. 3, 11.6.1). The trigger mode matters for the INIT de-assert only, which
 * does nothing.
 */
void lapic_send(struct lapic *lapic, u64 icr)
{
	struct irqchip *irqchip = lapic->irqchip;
	bool x2apic = lapic_mode(lapic) == LAPIC_X2APIC;
	struct irq_message message = {
		.destination = (u32)(icr >> (x2apic ? LAPIC_ICR_X2_DESTINATION_SHIFT
						    : LAPIC_ICR_DESTINATION_SHIFT)),
		.mode = (u32)bits_get(icr, 10, 8),
		.vector = (u8)(icr & LAPIC_ICR_VECTOR),
		.logical = icr & LAPIC_ICR_LOGICAL,
		.x2apic = x2apic,
	};
	u64 self = BIT(lapic - irqchip->lapic);
	u64 all = BITS(irqchip->cpu_count - 1, 0);
	u64 shorthand = icr & LAPIC_ICR_SHORTHAND;

	if (message.mode == APIC_INIT && (icr & LAPIC_ICR_LEVEL) && !(icr & LAPIC_ICR_ASSERT))
		return;
	if (message.mode <= APIC_LOWEST_PRIORITY && message.vector < 16) {
		lapic_error(lapic, LAPIC_ESR_SEND_ILLEGAL_VECTOR);
		if (shorthand != LAPIC_ICR_SHORTHAND_SELF)
			return;
	}
	switch (shorthand) {
	case LAPIC_ICR_SHORTHAND_SELF:
		irqchip_send_to(irqchip, &message, self);
		break;
	case LAPIC_ICR_SHORTHAND_ALL:
		irqchip_send_to(irqchip, &message, all);
		break;
	case LAPIC_ICR_SHORTHAND_OTHERS:
		irqchip_send_to(irqchip, &message, all & ~self);
		break;
	default:
		irqchip_send(irqchip, &message);
		break;
	}
}

static bool irqchip_extint_pending(const struct irqchip *irqchip, const struct lapic *lapic)
{
	return pic_output(&irqchip->pic) && lapic_accepts_extint(lapic);
}

u32 irqchip_pending(const struct irqchip *irqchip, u32 cpu)
{
	const struct lapic *lapic = &irqchip->lapic[cpu];
	const struct lapic_state *state = &lapic->state;

	if (state->init_pending)
		return PENDING_INIT;
	if (state->wait_for_sipi)
		return PENDING_WAIT | (state->sipi_pending ? PENDING_SIPI : 0u);
	return (state->nmi_count ? PENDING_NMI : 0u) |
	       (irqchip_extint_pending(irqchip, lapic) ? PENDING_EXTINT : 0u) |
	       (lapic_pending(lapic) >= 0 ? PENDING_INTERRUPT : 0u);
}

int irqchip_take_interrupt(struct irqchip *irqchip, u32 cpu)
{
	struct lapic *lapic = &irqchip->lapic[cpu];
	int vector;

	/*
	 * An interrupt of the 8259s (ExtINT) is not subject to the processor priority and goes
	 * first.
	 */
	if (irqchip_extint_pending(irqchip, lapic))
		return pic_acknowledge(&irqchip->pic);
	vector = lapic_pending(lapic);
	if (vector >= 0)
		lapic_accept(lapic, (u32)vector);
	return vector;
}

bool irqchip_put_back(struct irqchip *irqchip, u32 cpu, u32 vector)
{
	struct lapic *lapic = &irqchip->lapic[cpu];

	return lapic_pending(lapic) >= 0 && lapic_put_back(lapic, vector);
}

void irqchip_take_nmi(struct irqchip *irqchip, u32 cpu)
{
	if (irqchip->lapic[cpu].state.nmi_count > 0)
		irqchip->lapic[cpu].state.nmi_count--;
}

void irqchip_latch_nmi(struct irqchip *irqchip, u32 cpu)
{
	struct lapic_state *state = &irqchip->lapic[cpu].state;

	state->nmi_count = MIN(state->nmi_count, 1);
}

void irqchip_take_init(struct irqchip *irqchip, u32 cpu)
{
	lapic_init_signal(&irqchip->lapic[cpu]);
}

u8 irqchip_take_sipi(struct irqchip *irqchip, u32 cpu)
{
	struct lapic_state *state = &irqchip->lapic[cpu].state;

	state->sipi_pending = 0;
	state->wait_for_sipi = 0;
	return state->sipi_vector;
}

/*
 * Handles a rising INTR of the 8259s: if LINT0 is in mode ExtINT, the vCPU fetches the vector by
 * INTA; in any other mode INTR is a local interrupt.
 */
void irqchip_intr_raised(struct irqchip *irqchip)
{
	for (u32 i = 0; i < irqchip->cpu_count; i++) {
		struct lapic *lapic = &irqchip->lapic[i];

		if (lapic_accepts_extint(lapic))
			irqchip_kick(irqchip, lapic);
		else
			lapic_local(lapic, LAPIC_LVT_LINT0);
	}
}

void irqchip_lint0_changed(struct irqchip *irqchip, const struct lapic *lapic)
{
	if (irqchip_extint_pending(irqchip, lapic))
		irqchip_kick(irqchip, lapic);
}
