/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/ioapic.h"

#include "arch/x86_64/hw/ioapic.h"

static struct ioapic {
	volatile u32 *registers;
	u32 gsi_base;
	u32 gsi_count;
} ioapics[IOAPIC_MAX];
static unsigned int ioapic_count;

static u32 reg_read(const struct ioapic *ioapic, u32 reg)
{
	ioapic->registers[IOAPIC_IOREGSEL / 4] = reg;
	return ioapic->registers[IOAPIC_IOWIN / 4];
}

static void reg_write(const struct ioapic *ioapic, u32 reg, u32 value)
{
	ioapic->registers[IOAPIC_IOREGSEL / 4] = reg;
	ioapic->registers[IOAPIC_IOWIN / 4] = value;
}

static const struct ioapic *ioapic_of(u32 gsi)
{
	for (unsigned int i = 0; i < ioapic_count; i++) {
		if (gsi - ioapics[i].gsi_base < ioapics[i].gsi_count)
			return &ioapics[i];
	}
	return NULL;
}

/* High half first while masked, so that no interrupt goes to a CPU half named. */
static void entry_write(const struct ioapic *ioapic, u32 gsi, u64 entry)
{
	u32 reg = IOAPIC_REDIRECTION + 2 * (gsi - ioapic->gsi_base);

	reg_write(ioapic, reg, IOAPIC_ENTRY_MASKED);
	reg_write(ioapic, reg + 1, (u32)(entry >> 32));
	reg_write(ioapic, reg, (u32)entry);
}

void ioapic_add(volatile void *registers, u32 gsi_base)
{
	struct ioapic *ioapic = &ioapics[ioapic_count];
	u32 version;

	if (ioapic_count == IOAPIC_MAX)
		return;
	ioapic->registers = registers;
	ioapic->gsi_base = gsi_base;
	version = reg_read(ioapic, IOAPIC_VERSION);
	ioapic->gsi_count =
		(u32)((version & IOAPIC_VERSION_MAX_ENTRY) >> IOAPIC_VERSION_MAX_ENTRY_SHIFT) + 1;
	ioapic_count++;

	for (u32 i = 0; i < ioapic->gsi_count; i++)
		entry_write(ioapic, gsi_base + i, IOAPIC_ENTRY_MASKED);
}

bool ioapic_has_gsi(u32 gsi)
{
	return ioapic_of(gsi) != NULL;
}

void ioapic_route(u32 gsi, u8 vector, u32 apic_id, u64 flags)
{
	const struct ioapic *ioapic = ioapic_of(gsi);

	if (ioapic)
		entry_write(ioapic, gsi,
			    (u64)apic_id << IOAPIC_ENTRY_DESTINATION_SHIFT | IOAPIC_ENTRY_MASKED |
				    (flags & (IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_ACTIVE_LOW |
					      IOAPIC_ENTRY_DELIVERY)) |
				    vector);
}

static void mask_write(u32 gsi, u32 masked)
{
	const struct ioapic *ioapic = ioapic_of(gsi);
	u32 reg;

	if (!ioapic)
		return;
	reg = IOAPIC_REDIRECTION + 2 * (gsi - ioapic->gsi_base);
	reg_write(ioapic, reg, (reg_read(ioapic, reg) & ~(u32)IOAPIC_ENTRY_MASKED) | masked);
}

void ioapic_mask(u32 gsi)
{
	mask_write(gsi, IOAPIC_ENTRY_MASKED);
}

void ioapic_unmask(u32 gsi)
{
	mask_write(gsi, 0);
}
