/* SPDX-License-Identifier: MIT */
/*
 * MSI-X: the table, pending bits, and the conditions that hold messages back (PCI 3.0, 6.8.2).
 * Called by pci_config.c and virtio_transport.c; sends messages through irqchip_message.c.
 */
#include "lib/bits.h"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/monitor/pci/pci.h"

/* Returns the part of the capability's control word that the guest can write: the high byte. */
static u32 msix_control(const struct pci_function *function)
{
	u32 at = function->msix_at + PCI_MSIX_CONTROL + 1;

	_Static_assert(((PCI_MSIX_ENABLE | PCI_MSIX_MASKED) & 0xff) == 0, "in the high byte");
	if (function->msix_at == 0)
		return 0;
	return (u32)(function->state->config[at] & function->writable[at]) << 8;
}

bool pci_msix_enabled(const struct pci_function *function)
{
	return (msix_control(function) & PCI_MSIX_ENABLE) != 0;
}

/*
 * Returns whether a vector's message is held back by a mask or a setting. A message is a write to
 * memory: it needs bus mastering, too.
 */
static bool msix_is_held_back(const struct pci_function *function, u32 vector)
{
	return (msix_control(function) & PCI_MSIX_MASKED) != 0 ||
	       (function->state->msix[vector].control & PCI_MSIX_ENTRY_MASKED) != 0 ||
	       !pci_is_master(function);
}

static void msix_send(struct pci_function *function, u32 vector)
{
	const struct msix_entry *entry = &function->state->msix[vector];

	function->state->msix_pending &= ~BIT(vector);
	if (entry->address >> 20 != 0xfee)
		function->state->message_refused_count++;
	else
		(void)irqchip_message(function->device.irqchip, entry->address, entry->data);
}

void pci_msix_raise(struct pci_function *function, u32 vector)
{
	if (vector >= function->msix_count || !pci_msix_enabled(function))
		return;
	if (msix_is_held_back(function, vector))
		function->state->msix_pending |= BIT(vector);
	else
		msix_send(function, vector);
}

void pci_msix_flush(struct pci_function *function)
{
	if (!pci_msix_enabled(function))
		return;
	for (u32 i = 0; i < function->msix_count; i++)
		if ((function->state->msix_pending >> i & 1) != 0 &&
		    !msix_is_held_back(function, i))
			msix_send(function, i);
}

void pci_msix_reset(struct pci_function *function)
{
	function->state->msix_pending = 0;
	for (u32 i = 0; i < PCI_MSIX_MAX; i++)
		function->state->msix[i] = (struct msix_entry){.control = PCI_MSIX_ENTRY_MASKED};
}

/*
 * Returns whether an access to the MSI-X table or pending bits is defined: only dwords and qwords
 * are, and qwords arrive as two dwords (PCI 3.0, 6.8.2).
 */
static bool msix_is_dword(const struct pci_function *function, u64 offset, u32 size)
{
	return size == 4 && offset % 4 == 0 &&
	       offset < function->msix_count * (u64)PCI_MSIX_ENTRY_BYTES;
}

u64 pci_msix_table_read(const struct pci_function *function, u64 offset, u32 size)
{
	u32 value = 0;

	if (msix_is_dword(function, offset, size))
		memcpy(&value, (const u8 *)function->state->msix + offset, 4);
	return value;
}

void pci_msix_table_write(struct pci_function *function, u64 offset, u32 size, u64 value)
{
	u32 dword = (u32)value;

	if (!msix_is_dword(function, offset, size))
		return;
	if (offset % PCI_MSIX_ENTRY_BYTES == offsetof(struct msix_entry, control))
		dword &= PCI_MSIX_ENTRY_MASKED;
	memcpy((u8 *)function->state->msix + offset, &dword, 4);
	pci_msix_flush(function);
}

u64 pci_msix_pending_read(const struct pci_function *function, u64 offset, u32 size)
{
	if (offset + size > sizeof(function->state->msix_pending))
		return 0;
	return function->state->msix_pending >> 8 * offset & BITS(8 * size - 1, 0);
}
