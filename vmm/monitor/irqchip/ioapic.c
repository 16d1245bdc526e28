/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC (82093AA): pins, redirection entries and messages. Called by irqchip.c and, for its
 * registers, by the memory bus; owns its entries and sends messages to local APICs.
 */
#include "vmm/monitor/irqchip/irqchip.h"

#define ENTRY_READ_ONLY (IOAPIC_ENTRY_REMOTE_IRR | IOAPIC_ENTRY_PENDING)
#define ENTRY_DEFINED	(IOAPIC_ENTRY_DESTINATION | BITS(16, 0))

/*
 * Sends the message of a pin's entry. Once a local APIC has accepted a level-triggered message, it
 * is not sent again before its EOI (82093AA, 3.2.4: Remote IRR).
 */
static void ioapic_send(struct ioapic *ioapic, u32 pin)
{
	u64 entry = ioapic->state.entry[pin];
	struct irq_message message = {
		.destination = (u32)(entry >> IOAPIC_ENTRY_DESTINATION_SHIFT),
		.mode = (u32)bits_get(entry, 10, 8),
		.vector = (u8)(entry & IOAPIC_ENTRY_VECTOR),
		.logical = entry & IOAPIC_ENTRY_LOGICAL,
	};

	/* NMI, INIT and SMI are always edge-triggered. */
	message.level = entry & IOAPIC_ENTRY_LEVEL && message.mode <= APIC_LOWEST_PRIORITY;
	if (entry & IOAPIC_ENTRY_MASKED)
		return;
	if (message.level && (entry & IOAPIC_ENTRY_REMOTE_IRR))
		return;
	if (irqchip_send(ioapic->device.irqchip, &message) && message.level)
		ioapic->state.entry[pin] |= IOAPIC_ENTRY_REMOTE_IRR;
}

static void ioapic_send_if_level_asserted(struct ioapic *ioapic, u32 pin)
{
	if ((ioapic->state.entry[pin] & IOAPIC_ENTRY_LEVEL) && ioapic->state.line >> pin & 1)
		ioapic_send(ioapic, pin);
}

void ioapic_set_pin(struct ioapic *ioapic, u32 pin, bool asserted)
{
	u32 bit = 1u << pin;
	bool was = ioapic->state.line & bit;

	if (!asserted) {
		ioapic->state.line &= ~bit;
		return;
	}
	ioapic->state.line |= bit;
	/* Edges on a masked pin are lost (82093AA, 3.2.4: Interrupt Mask). */
	if (!was || (ioapic->state.entry[pin] & IOAPIC_ENTRY_LEVEL))
		ioapic_send(ioapic, pin);
}

void ioapic_eoi(struct ioapic *ioapic, u32 vector)
{
	for (u32 pin = 0; pin < IOAPIC_PIN_COUNT; pin++) {
		u64 *entry = &ioapic->state.entry[pin];

		if ((*entry & IOAPIC_ENTRY_VECTOR) != vector || !(*entry & IOAPIC_ENTRY_LEVEL))
			continue;
		*entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
		ioapic_send_if_level_asserted(ioapic, pin);
	}
}

static void ioapic_entry_write(struct ioapic *ioapic, u32 pin, bool high, u32 value)
{
	u64 old = ioapic->state.entry[pin];
	u64 entry;

	if (high)
		entry = (u64)value << 32 | (u32)old;
	else
		entry = (old & BITS(63, 32)) | value;
	entry = (entry & ENTRY_DEFINED & ~ENTRY_READ_ONLY) | (old & ENTRY_READ_ONLY);
	/* Guests' kernels make an entry edge-triggered and back to clear a stuck Remote IRR. */
	if (!(entry & IOAPIC_ENTRY_LEVEL))
		entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
	ioapic->state.entry[pin] = entry;
	ioapic_send_if_level_asserted(ioapic, pin);
}

static u32 ioapic_window_read(const struct ioapic *ioapic)
{
	u32 select = ioapic->state.select;
	u32 pin = (select - IOAPIC_REDIRECTION) / 2;

	switch (select) {
	case IOAPIC_ID:
	case IOAPIC_ARBITRATION:
		return ioapic->state.id;
	case IOAPIC_VERSION:
		return IOAPIC_VERSION_VALUE;
	default:
		if (select < IOAPIC_REDIRECTION || pin >= IOAPIC_PIN_COUNT)
			return ~0u;
		return (u32)(ioapic->state.entry[pin] >> (select % 2 * 32));
	}
}

static void ioapic_window_write(struct ioapic *ioapic, u32 value)
{
	u32 select = ioapic->state.select;
	u32 pin = (select - IOAPIC_REDIRECTION) / 2;

	if (select == IOAPIC_ID)
		ioapic->state.id = value & 0x0f000000u;
	else if (select >= IOAPIC_REDIRECTION && pin < IOAPIC_PIN_COUNT)
		ioapic_entry_write(ioapic, pin, select % 2, value);
}

static u64 ioapic_read(struct device *device, u32 region, u64 at, u32 size)
{
	struct ioapic *ioapic = CONTAINER_OF(device, struct ioapic, device);
	u32 offset = (u32)at;

	(void)region;
	if ((offset & 0xf) + size > 4)
		return 0;
	switch (offset & 0xf0) {
	case IOAPIC_IOREGSEL:
		return ioapic->state.select >> (offset & 0xf) * 8;
	case IOAPIC_IOWIN:
		return ioapic_window_read(ioapic) >> (offset & 0xf) * 8;
	default:
		return 0;
	}
}

static void ioapic_write(struct device *device, u32 region, u64 at, u32 size, u64 value)
{
	struct ioapic *ioapic = CONTAINER_OF(device, struct ioapic, device);
	u32 offset = (u32)at;

	(void)region;
	/* The select register has 8 bits and takes writes of any size; the others are dwords. */
	if (offset == IOAPIC_IOREGSEL)
		ioapic->state.select = (u32)value & 0xff;
	else if (offset == IOAPIC_IOWIN && size == 4)
		ioapic_window_write(ioapic, (u32)value);
	else if (offset == IOAPIC_EOIR && size == 4)
		ioapic_eoi(ioapic, (u32)value & 0xff);
}

static void ioapic_reset(struct device *device)
{
	struct ioapic_state *state = device->state;

	*state = (struct ioapic_state){0};
	for (u32 pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
		state->entry[pin] = IOAPIC_ENTRY_MASKED;
}

static bool ioapic_valid(const void *bytes)
{
	const struct ioapic_state *state = bytes;

	for (u32 pin = 0; pin < IOAPIC_PIN_COUNT; pin++)
		if (state->entry[pin] & ~ENTRY_DEFINED)
			return false;
	return state->select <= 0xff && !(state->id & ~0x0f000000u) &&
	       state->line < 1u << IOAPIC_PIN_COUNT;
}

static const struct device_region ioapic_regions[] = {
	{DEVICE_MEMORY, IOAPIC_DEFAULT_ADDRESS, IOAPIC_BYTES},
};

static const struct device_ops ioapic_ops = {
	.widest = 4,
	.read = ioapic_read,
	.write = ioapic_write,
	.reset = ioapic_reset,
	.valid = ioapic_valid,
};

void ioapic_init(struct ioapic *ioapic, struct irqchip *irqchip)
{
	ioapic->device = (struct device){
		.name = "ioapic",
		.ops = &ioapic_ops,
		.regions = ioapic_regions,
		.region_count = ARRAY_COUNT(ioapic_regions),
		.state = &ioapic->state,
		.state_bytes = sizeof(ioapic->state),
		.kind = STATE_IOAPIC,
		.version = 1,
		.irqchip = irqchip,
	};
	device_reset(&ioapic->device);
}
