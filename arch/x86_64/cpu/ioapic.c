/* SPDX-License-Identifier: MIT */
/*
 * The I/O APICs: routes and masks interrupt lines. kernel/sched/irq.c is its only user after
 * boot/init has added each I/O APIC. It owns the I/O APICs' registers; the lock of each guards its
 * pair of registers, index and data window.
 */
#include "arch/x86_64/cpu/ioapic.h"

#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/msi.h"
#include "lib/lock.h"

static struct ioapic {
	volatile u32 *registers;
	u32 gsi_base;
	u32 gsi_count;
	/*
	 * guards the I/O APIC's two memory registers: the number of a register, and the window to
	 * that register
	 */
	struct lock lock;
} ioapics[IOAPIC_MAX];
static unsigned int ioapic_count;

/*
 * Selects the I/O APIC's register `reg` and returns the window through which it is read and
 * written.
 */
static volatile u32 *ioapic_reg_at(const struct ioapic *ioapic, u32 reg)
{
	ioapic->registers[IOAPIC_IOREGSEL / 4] = reg;
	return &ioapic->registers[IOAPIC_IOWIN / 4];
}

static struct ioapic *ioapic_of(u32 gsi)
{
	for (unsigned int i = 0; i < ioapic_count; i++) {
		if (gsi - ioapics[i].gsi_base < ioapics[i].gsi_count)
			return &ioapics[i];
	}
	return NULL;
}

enum half { LOW, HIGH };

/* Clears the bits `away` and sets the bits `in` in one half of the input's redirection entry. */
static void ioapic_entry_change(u32 gsi, enum half half, u32 away, u32 in)
{
	struct ioapic *ioapic = ioapic_of(gsi);
	volatile u32 *word;

	if (!ioapic)
		return;
	lock_acquire(&ioapic->lock, LOCK_IOAPIC);
	word = ioapic_reg_at(ioapic, IOAPIC_REDIRECTION + 2 * (gsi - ioapic->gsi_base) + half);
	*word = (*word & ~away) | in;
	lock_release(&ioapic->lock, LOCK_IOAPIC);
}

void ioapic_add(volatile void *registers, u32 gsi_base)
{
	struct ioapic *ioapic = &ioapics[ioapic_count];
	u32 version;

	ioapic->registers = registers;
	ioapic->gsi_base = gsi_base;
	version = *ioapic_reg_at(ioapic, IOAPIC_VERSION);
	ioapic->gsi_count =
		(u32)((version & IOAPIC_VERSION_MAX_ENTRY) >> IOAPIC_VERSION_MAX_ENTRY_SHIFT) + 1;
	ioapic_count++;

	for (u32 i = 0; i < ioapic->gsi_count; i++)
		ioapic_entry_change(gsi_base + i, LOW, ~0u, (u32)IOAPIC_ENTRY_MASKED);
}

bool ioapic_has_gsi(u32 gsi)
{
	return ioapic_of(gsi) != NULL;
}

void ioapic_route(u32 gsi, u8 vector, u32 flags)
{
	ioapic_entry_change(gsi, LOW, ~0u, (u32)IOAPIC_ENTRY_MASKED | flags | vector);
}

void ioapic_mask(u32 gsi)
{
	ioapic_entry_change(gsi, LOW, 0, (u32)IOAPIC_ENTRY_MASKED);
}

/*
 * Unmasks the line. The high half of its entry holds only the destination, so an interrupt that
 * comes between the two writes reaches the old or the new CPU.
 */
void ioapic_unmask(u32 gsi, u64 message)
{
	u64 address = message >> 32;
	/*
	 * The delivery mode of a remapped message is in the IOMMU's interrupt entry (VT-d
	 * specification, 5.1.2.1), so these bits of the I/O APIC's entry must be 0.
	 */
	u64 away = IOAPIC_ENTRY_MASKED |
		   ((address & MSI_ADDRESS_REMAPPED) != 0 ? IOAPIC_ENTRY_DELIVERY : 0);

	ioapic_entry_change(
		gsi, HIGH, ~0u,
		(u32)((address & IOAPIC_ENTRY_ADDRESS) << IOAPIC_ENTRY_ADDRESS_SHIFT >> 32));
	ioapic_entry_change(gsi, LOW, (u32)away, 0);
}
