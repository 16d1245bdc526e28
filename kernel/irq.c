/* SPDX-License-Identifier: MIT */
#include "kernel/irq.h"
#include "arch/x86_64/cpu/acpi.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/lapic.h"
#include "kernel/abi/syscall.h"
#include "kernel/caches.h"
#include "kernel/machine.h"

#define GSI_MAX (VECTOR_GSI_LAST - VECTOR_GSI_FIRST)

static struct irq *lines[GSI_MAX + 1];
static bool level_triggered[GSI_MAX + 1];

enum status irq_create(u32 line, u32 flags, struct irq **result)
{
	bool level = (flags & IRQ_LEVEL) != 0;
	bool active_low = (flags & IRQ_ACTIVE_LOW) != 0;
	bool nmi = (flags & IRQ_NMI) != 0;
	u32 gsi = line;
	enum status status;
	void *memory;
	struct irq *irq;

	if ((flags & IRQ_ISA) != 0) {
		if (line >= ACPI_ISA_IRQ_COUNT)
			return STATUS_BAD_ARGUMENT;
		gsi = machine.acpi.isa[line].gsi;
		level = machine.acpi.isa[line].level;
		active_low = machine.acpi.isa[line].active_low;
	}
	if (gsi > GSI_MAX || !ioapic_has_gsi(gsi))
		return STATUS_NOT_FOUND;
	if (lines[gsi] != NULL)
		return STATUS_IN_USE;
	status = cache_alloc(&cache_irq, NULL, &memory);
	if (status != STATUS_OK)
		return status;
	irq = memory;
	object_init(&irq->object, OBJECT_IRQ);
	irq->gsi = gsi;
	lines[gsi] = irq;
	level_triggered[gsi] = level;
	ioapic_route(gsi, (u8)(VECTOR_GSI_FIRST + gsi), nmi ? IOAPIC_ALL_CPUS : this_cpu()->apic_id,
		     (nmi ? (u64)APIC_NMI << IOAPIC_ENTRY_DELIVERY_SHIFT : 0) |
		     (level ? IOAPIC_ENTRY_LEVEL : 0) |
			     (active_low ? IOAPIC_ENTRY_ACTIVE_LOW : 0));
	*result = irq;
	return STATUS_OK;
}

void irq_unmask(struct irq *irq)
{
	ioapic_unmask(irq->gsi);
}

void irq_release(struct object *object)
{
	struct irq *irq = CONTAINER_OF(object, struct irq, object);

	ioapic_mask(irq->gsi);
	lines[irq->gsi] = NULL;
	signal_unbind(&irq->signal);
	cache_free(&cache_irq, irq);
}

/* An edge that comes while its line is masked would be lost, a level comes again. */
void irq_raise(u32 gsi)
{
	if (gsi > GSI_MAX || lines[gsi] == NULL)
		return;
	if (level_triggered[gsi])
		ioapic_mask(gsi);
	signal_raise(&lines[gsi]->signal);
}
