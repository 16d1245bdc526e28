/* SPDX-License-Identifier: MIT */
/*
 * Host interrupts that ring 3 handles: lines of I/O APICs and messages (MSI), each an object that
 * raises a signal. Drivers create and unmask them by system calls of kernel/call/sys_wait.c;
 * kernel/cpu/trap.c reports each interrupt. It owns the table of interrupts by vector, the I/O APIC
 * entries of its lines and the IOMMU's entries of its messages.
 */
#include "kernel/sched/irq.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/ioapic.h"
#include "arch/x86_64/hw/lapic.h"
#include "arch/x86_64/hw/msi.h"
#include "kernel/abi/syscall.h"
#include "arch/x86_64/cpu/cpus.h"
#include "mm/cache.h"

#define GSI_MAX (VECTOR_GSI_LAST - VECTOR_GSI_FIRST)

/* indexed by the field `number` of struct irq */
static struct irq *irqs[VECTOR_MSI_LAST - VECTOR_GSI_FIRST + 1];

static bool irq_is_message(const struct irq *irq)
{
	return irq->number > GSI_MAX;
}

static enum status irq_alloc(u32 number, u32 apic_id, bool level, struct irq **irq)
{
	enum status status = cache_alloc_object(NULL, OBJECT_IRQ, sizeof(**irq), (void **)irq);

	if (status != STATUS_OK)
		return status;
	(*irq)->number = number;
	(*irq)->message = (struct iommu_message){.unit = IOMMU_NOBODY, .level = level};
	(*irq)->message.vector = VECTOR_GSI_FIRST + number;
	(*irq)->message.apic_id = apic_id;
	irqs[number] = *irq;
	return iommu_message(&(*irq)->message, false, &(*irq)->value);
}

static enum status irq_message_create(u32 cpu, struct irq **irq)
{
	u32 number = GSI_MAX + 1;

	if (cpu >= cpus_count())
		return STATUS_BAD_ARGUMENT;
	if (cpus_get(cpu)->apic_id > MSI_DESTINATION_MAX)
		return STATUS_NOT_SUPPORTED;
	while (number < ARRAY_COUNT(irqs) && irqs[number] != NULL)
		number++;
	return number < ARRAY_COUNT(irqs) ? irq_alloc(number, cpus_get(cpu)->apic_id, false, irq)
					  : STATUS_IN_USE;
}

enum status irq_create(u32 number, u32 flags, struct irq **irq)
{
	bool nmi = (flags & IRQ_NMI) != 0;
	enum status status;

	if (flags == IRQ_MSI)
		return irq_message_create(number, irq);
	if ((flags & IRQ_MSI) != 0)
		return STATUS_BAD_ARGUMENT;
	if (number > GSI_MAX || !ioapic_has_gsi(number))
		return STATUS_NOT_FOUND;
	if (irqs[number] != NULL)
		return STATUS_IN_USE;
	status = irq_alloc(number, nmi ? IOAPIC_ALL_CPUS : cpus_get(0)->apic_id,
			   (flags & IRQ_LEVEL) != 0, irq);
	if (status != STATUS_OK)
		return status;
	ioapic_route(number, (u8)(VECTOR_GSI_FIRST + number),
		     (nmi ? (u32)APIC_NMI << IOAPIC_ENTRY_DELIVERY_SHIFT : 0) |
			     ((flags & IRQ_LEVEL) != 0 ? (u32)IOAPIC_ENTRY_LEVEL : 0) |
			     ((flags & IRQ_ACTIVE_LOW) != 0 ? (u32)IOAPIC_ENTRY_ACTIVE_LOW : 0));
	return STATUS_OK;
}

void irq_unmask(struct irq *irq)
{
	u32 here = this_cpu()->apic_id;
	u32 *apic_id = &irq->message.apic_id;

	if (irq_is_message(irq))
		return;
	lock_acquire(&irq->lock, LOCK_IRQ);
	/*
	 * The line's next interrupt goes to the CPU where its driver runs, if an I/O APIC can
	 * address that CPU.
	 */
	if (*apic_id != here && *apic_id != IOAPIC_ALL_CPUS && here < IOAPIC_ALL_CPUS) {
		*apic_id = here;
		(void)!iommu_message(&irq->message, false, &irq->value);
	}
	ioapic_unmask(irq->number, irq->value);
	lock_release(&irq->lock, LOCK_IRQ);
}

enum status irq_message(struct irq *irq, u64 unit, u64 source, u64 *value)
{
	struct iommu_message message = irq->message;
	enum status status;
	u64 raises;

	message.unit = unit;
	message.source = source;
	if (irq->message.unit != IOMMU_NOBODY &&
	    (irq->message.unit != unit || irq->message.source != source))
		return STATUS_IN_USE;
	status = iommu_message(&message, false, &raises);
	if (status != STATUS_OK)
		return status;
	irq->message = message;
	irq->value = *value = raises;
	/* an interrupt that came before the line went through the IOMMU may be lost */
	if (!irq_is_message(irq)) {
		irq_unmask(irq);
		signal_raise(&irq->signal);
	}
	return STATUS_OK;
}

void irq_release(struct object *object)
{
	struct irq *irq = CONTAINER_OF(object, struct irq, object);

	if (!irq_is_message(irq))
		ioapic_mask(irq->number);
	(void)!iommu_message(&irq->message, true, &irq->value);
	irqs[irq->number] = NULL;
	signal_unbind(&irq->signal);
	cache_free(irq);
}

/*
 * Masks only level-triggered lines: such a line interrupts again once it is unmasked, while an edge
 * that comes while its line is masked would be lost.
 */
bool irq_raise(u32 number)
{
	if (number >= ARRAY_COUNT(irqs) || irqs[number] == NULL)
		return false;
	if (irqs[number]->message.level)
		ioapic_mask(number);
	signal_raise(&irqs[number]->signal);
	return true;
}
