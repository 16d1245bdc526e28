/* SPDX-License-Identifier: MIT */
/*
 * Delivers interrupt messages (MSI and MSI-X) to the local APICs. Called by pci_msix.c; changes
 * the receiving local APICs.
 */
#include "arch/x86_64/hw/msi.h"
#include "vmm/monitor/irqchip/irqchip.h"

/*
 * Returns whether a device may ask for this delivery mode; there is no SMM, and ExtINT is the
 * 8259s' own.
 */
static bool irqchip_message_is_deliverable(u32 mode)
{
	return mode == APIC_FIXED || mode == APIC_LOWEST_PRIORITY || mode == APIC_NMI ||
	       mode == APIC_INIT;
}

/*
 * Delivers a message. By the manual (SDM vol. 3, 11.11) the destination mode applies only to
 * messages with the redirection hint. CPUs apply it to all, and Linux relies on that: it sends
 * logical destinations without the hint.
 */
bool irqchip_message(struct irqchip *irqchip, u64 address, u32 data)
{
	struct irq_message message = {
		.destination = (address >> MSI_ADDRESS_DESTINATION_SHIFT) & 0xff,
		.mode = data >> MSI_DATA_DELIVERY_SHIFT & 7,
		.vector = (u8)(data & MSI_DATA_VECTOR),
		.logical = (address & MSI_ADDRESS_LOGICAL) != 0,
	};

	if ((address & MSI_ADDRESS_FIXED) != MSI_ADDRESS_BASE ||
	    !irqchip_message_is_deliverable(message.mode))
		return false;
	if (message.mode <= APIC_LOWEST_PRIORITY && (data & MSI_DATA_LEVEL) != 0) {
		/*
		 * the message de-asserts a level, which does nothing, as no message's level is
		 * remembered
		 */
		if ((data & MSI_DATA_ASSERT) == 0)
			return false;
		message.level = true;
	}
	if (message.mode == APIC_FIXED && (address & MSI_ADDRESS_REDIRECTION) != 0)
		message.mode = APIC_LOWEST_PRIORITY;
	return irqchip_send(irqchip, &message);
}
