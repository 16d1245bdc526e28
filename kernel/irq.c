/* SPDX-License-Identifier: MIT */
#include "kernel/irq.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/lapic.h"
#include "arch/x86_64/hw/msi.h"
#include "kernel/abi/syscall.h"
#include "kernel/cpus.h"
#include "mm/cache.h"

#define GSI_MAX (VECTOR_GSI_LAST - VECTOR_GSI_FIRST)

static struct irq *irqs[VECTOR_MSI_LAST - VECTOR_GSI_FIRST + 1]; /* by struct irq.number */

static bool is_message(const struct irq *irq)
{
	return irq->number > GSI_MAX;
}

static enum status irq_alloc(u32 number, u32 apic_id, struct irq **irq)
{
	enum status status = cache_alloc_object(NULL, OBJECT_IRQ, sizeof(**irq), (void **)irq);

	if (status != STATUS_OK)
		return status;
	(*irq)->number = number;
	(*irq)->apic_id = apic_id;
	irqs[number] = *irq;
	return STATUS_OK;
}

static enum status message_create(u32 cpu, struct irq **irq)
{
	u32 number = GSI_MAX + 1;

	if (cpu >= cpus_count())
		return STATUS_BAD_ARGUMENT;
	if (cpus_get(cpu)->apic_id > MSI_DESTINATION_MAX)
		return STATUS_NOT_SUPPORTED;
	while (number < ARRAY_COUNT(irqs) && irqs[number] != NULL)
		number++;
	return number < ARRAY_COUNT(irqs) ? irq_alloc(number, cpus_get(cpu)->apic_id, irq)
					  : STATUS_IN_USE;
}

enum status irq_create(u32 number, u32 flags, struct irq **irq)
{
	bool nmi = (flags & IRQ_NMI) != 0;
	enum status status;

	if (flags == IRQ_MSI)
		return message_create(number, irq);
	if ((flags & IRQ_MSI) != 0)
		return STATUS_BAD_ARGUMENT;
	if (number > GSI_MAX || !ioapic_has_gsi(number))
		return STATUS_NOT_FOUND;
	if (irqs[number] != NULL)
		return STATUS_IN_USE;
	status = irq_alloc(number, nmi ? IOAPIC_ALL_CPUS : cpus_get(0)->apic_id, irq);
	if (status != STATUS_OK)
		return status;
	(*irq)->level = (flags & IRQ_LEVEL) != 0;
	ioapic_route(number, (u8)(VECTOR_GSI_FIRST + number),
		     (nmi ? (u32)APIC_NMI << IOAPIC_ENTRY_DELIVERY_SHIFT : 0) |
			     ((flags & IRQ_LEVEL) != 0 ? (u32)IOAPIC_ENTRY_LEVEL : 0) |
			     ((flags & IRQ_ACTIVE_LOW) != 0 ? (u32)IOAPIC_ENTRY_ACTIVE_LOW : 0));
	return STATUS_OK;
}

void irq_unmask(struct irq *irq)
{
	u32 here = this_cpu()->apic_id;

	if (is_message(irq))
		return;
	/* The next one goes to the CPU where its handler runs, if an I/O APIC can address that. */
	if (irq->apic_id != IOAPIC_ALL_CPUS && here < IOAPIC_ALL_CPUS)
		irq->apic_id = here;
	ioapic_unmask(irq->number, irq->apic_id);
}

u64 irq_message(const struct irq *irq)
{
	u64 address = MSI_ADDRESS_BASE | (u64)irq->apic_id << MSI_ADDRESS_DESTINATION_SHIFT;

	return is_message(irq) ? address << 32 | (VECTOR_GSI_FIRST + irq->number) : 0;
}

void irq_release(struct object *object)
{
	struct irq *irq = CONTAINER_OF(object, struct irq, object);

	if (!is_message(irq))
		ioapic_mask(irq->number);
	irqs[irq->number] = NULL;
	signal_unbind(&irq->signal);
	cache_free(irq);
}

/* Only level-triggered lines are masked: they interrupt again; a masked edge would be lost. */
bool irq_raise(u32 number)
{
	if (number >= ARRAY_COUNT(irqs) || irqs[number] == NULL)
		return false;
	if (irqs[number]->level)
		ioapic_mask(number);
	signal_raise(&irqs[number]->signal);
	return true;
}
