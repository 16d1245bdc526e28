/* SPDX-License-Identifier: MIT */
/*
 * Sets up interrupts by message (PCI 3.0, 6.8) and turns them off. Called by device_irq.c, iommu.c,
 * pci_quiet.c and `pci`. Writes MSI-X tables, which no driver may; holds no state.
 */
#include "lib/checked.h"
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/pci/pci_memory.h"
#include "vmm/rt/syscall.h"

struct table {
	u32 capability; /* offset of the MSI-X capability; 0: the function has no MSI-X */
	u32 entries;
	u32 bar;
	u64 offset;
	u64 bytes;
	bool valid; /* the whole table lies in a memory BAR */
};

static struct table pci_table_of(const struct pci_function *function)
{
	struct table table = {.capability = pci_capability(function, PCI_CAP_MSIX)};
	struct pci_address address = function->address;
	u32 place;

	if (table.capability == 0)
		return table;
	table.entries = 1 + (u32)(pci_read(address, table.capability + PCI_MSIX_CONTROL, 2) &
				  PCI_MSIX_SIZE);
	place = pci_read(address, table.capability + PCI_MSIX_TABLE, 4);
	table.bar = (u32)(place & PCI_MSIX_BAR);
	table.offset = place & PCI_MSIX_OFFSET;
	table.bytes = table.entries * sizeof(struct pci_msix_entry);
	table.valid = table.bar < PCI_BARS && function->bar[table.bar].address != 0 &&
		      function->bar[table.bar].kind >= PCI_BAR_32BIT &&
		      range_within(table.offset, table.bytes, function->bar[table.bar].size);
	return table;
}

u32 pci_msix_entries(const struct pci_function *function)
{
	return pci_table_of(function).entries;
}

u64 pci_msix_page(const struct pci_function *function, u32 bar)
{
	struct table table = pci_table_of(function);

	return table.entries != 0 && table.bar == bar
		       ? MIN(align_down(table.offset, PAGE_SIZE), function->bar[bar].size)
		       : function->bar[bar].size;
}

static void pci_set_bits(const struct pci_function *function, u32 offset, u64 bits, bool on)
{
	u32 value = pci_read(function->address, offset, 2);

	pci_write(function->address, offset, 2, on ? value | (u32)bits : value & ~(u32)bits);
}

static void pci_intx_off(const struct pci_function *function)
{
	pci_set_bits(function, PCI_COMMAND, PCI_COMMAND_INTX_OFF, true);
}

/* Maps the MSI-X table, which is there only while memory decoding is on. */
static bool pci_table_open(const struct pci_function *function, const struct table *table,
			   struct pci_memory *memory)
{
	pci_set_bits(function, PCI_COMMAND, PCI_COMMAND_MEMORY, true);
	return pci_memory_open(function->bar[table->bar].address + table->offset, table->bytes,
			       memory);
}

/* Masks all entries of the MSI-X table: messages that the firmware left there must not be sent. */
static void pci_mask_others(volatile struct pci_msix_entry *entry, u32 count)
{
	for (u32 i = 0; i < count; i++)
		entry[i].control |= (u32)PCI_MSIX_ENTRY_MASKED;
}

/* Returns whether an entry that is not masked sends its messages. */
static bool pci_msix_is_open(const struct pci_function *function, u32 control)
{
	return (pci_read(function->address, control, 2) & (PCI_MSIX_ENABLE | PCI_MSIX_MASKED)) ==
	       PCI_MSIX_ENABLE;
}

enum status pci_msix_set(struct pci_function *function, u32 number, u64 remapper, handle_t irq)
{
	struct table table = pci_table_of(function);
	u32 control = table.capability + PCI_MSIX_CONTROL;
	volatile struct pci_msix_entry *entry;
	struct pci_memory memory;
	enum status status;
	u64 message;

	if (number >= table.entries)
		return STATUS_NOT_FOUND;
	if (!table.valid)
		return STATUS_BAD_FORMAT;
	status = sys_irq_message(irq, remapper, function->requester, &message);
	if (status != STATUS_OK)
		return status;
	if (!pci_table_open(function, &table, &memory))
		return STATUS_BAD_ADDRESS;
	entry = memory.at;
	pci_intx_off(function);
	if (!pci_msix_is_open(function, control)) {
		pci_set_bits(function, control, PCI_MSIX_ENABLE | PCI_MSIX_MASKED, true);
		pci_mask_others(entry, table.entries);
	}
	entry[number].control |= (u32)PCI_MSIX_ENTRY_MASKED;
	entry[number].address = (u32)(message >> 32);
	entry[number].address_high = 0;
	entry[number].data = (u32)message;
	entry[number].control &= ~(u32)PCI_MSIX_ENTRY_MASKED;
	/* the read makes sure that the writes before it have arrived at the device */
	(void)entry[number].control;
	pci_set_bits(function, control, PCI_MSIX_MASKED, false);
	pci_memory_close(&memory);
	return STATUS_OK;
}

enum status pci_msi_set(struct pci_function *function, u64 remapper, handle_t irq)
{
	u32 at = pci_capability(function, PCI_CAP_MSI);
	struct pci_address address = function->address;
	enum status status;
	u64 message;
	bool wide;

	if (at == 0)
		return STATUS_NOT_FOUND;
	status = sys_irq_message(irq, remapper, function->requester, &message);
	if (status != STATUS_OK)
		return status;
	wide = (pci_read(address, at + PCI_MSI_CONTROL, 2) & PCI_MSI_64) != 0;
	pci_set_bits(function, at + PCI_MSI_CONTROL, PCI_MSI_ENABLE | PCI_MSI_VECTORS, false);
	pci_write(address, at + PCI_MSI_ADDRESS, 4, (u32)(message >> 32));
	if (wide)
		pci_write(address, at + PCI_MSI_ADDRESS_HIGH, 4, 0);
	pci_write(address, at + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, (u16)message);
	pci_intx_off(function);
	pci_set_bits(function, at + PCI_MSI_CONTROL, PCI_MSI_ENABLE, true);
	return STATUS_OK;
}

void pci_messages_off(const struct pci_function *function)
{
	u32 msi = pci_capability(function, PCI_CAP_MSI);
	u32 msix = pci_capability(function, PCI_CAP_MSIX);

	pci_intx_off(function);
	if (msi != 0)
		pci_set_bits(function, msi + PCI_MSI_CONTROL, PCI_MSI_ENABLE, false);
	if (msix != 0)
		pci_set_bits(function, msix + PCI_MSIX_CONTROL, PCI_MSIX_MASKED, true);
}
