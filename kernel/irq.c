/* SPDX-License-Identifier: MIT */
#include "kernel/irq.h"
#include "arch/x86_64/cpu/acpi.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/lapic.h"
#include "kernel/abi/syscall.h"
#include "kernel/cpus.h"
#include "kernel/machine.h"
#include "mm/cache.h"

#define GSI_MAX (VECTOR_GSI_LAST - VECTOR_GSI_FIRST)

static struct irq *lines[GSI_MAX + 1];

enum status irq_create(u32 number, u32 flags, struct irq **result)
{
	struct acpi_isa line = {
		.gsi = number,
		.level = (flags & IRQ_LEVEL) != 0,
		.active_low = (flags & IRQ_ACTIVE_LOW) != 0,
	};
	bool nmi = (flags & IRQ_NMI) != 0;
	enum status status;
	struct irq *irq;

	if ((flags & IRQ_ISA) != 0) {
		if (number >= ACPI_ISA_IRQ_COUNT)
			return STATUS_BAD_ARGUMENT;
		line = machine.acpi.isa[number];
	}
	if (line.gsi > GSI_MAX || !ioapic_has_gsi(line.gsi))
		return STATUS_NOT_FOUND;
	if (lines[line.gsi] != NULL)
		return STATUS_IN_USE;
	status = cache_alloc_object(NULL, OBJECT_IRQ, sizeof(*irq), (void **)&irq);
	if (status != STATUS_OK)
		return status;
	irq->gsi = line.gsi;
	irq->level = line.level;
	irq->apic_id = nmi ? IOAPIC_ALL_CPUS : cpus_get(0)->apic_id;
	lines[line.gsi] = irq;
	ioapic_route(line.gsi, (u8)(VECTOR_GSI_FIRST + line.gsi),
		     (nmi ? (u32)APIC_NMI << IOAPIC_ENTRY_DELIVERY_SHIFT : 0) |
			     (line.level ? (u32)IOAPIC_ENTRY_LEVEL : 0) |
			     (line.active_low ? (u32)IOAPIC_ENTRY_ACTIVE_LOW : 0));
	*result = irq;
	return STATUS_OK;
}

void irq_unmask(struct irq *irq)
{
	u32 here = this_cpu()->apic_id;

	/* The next one goes to the CPU where its handler runs, if an I/O APIC can address that. */
	if (irq->apic_id != IOAPIC_ALL_CPUS && here < IOAPIC_ALL_CPUS)
		irq->apic_id = here;
	ioapic_unmask(irq->gsi, irq->apic_id);
}

void irq_release(struct object *object)
{
	struct irq *irq = CONTAINER_OF(object, struct irq, object);

	ioapic_mask(irq->gsi);
	lines[irq->gsi] = NULL;
	signal_unbind(&irq->signal);
	cache_free(irq);
}

/* Only level-triggered lines are masked: they interrupt again; a masked edge would be lost. */
bool irq_raise(u32 gsi)
{
	if (gsi > GSI_MAX || lines[gsi] == NULL)
		return false;
	if (lines[gsi]->level)
		ioapic_mask(gsi);
	signal_raise(&lines[gsi]->signal);
	return true;
}
