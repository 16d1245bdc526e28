/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/iommu/iommu.h"
#include "kernel/queue.h"
#include "lib/status.h"
#include "mm/object.h"

/*
 * A host interrupt for ring 3: a line, which a signal masks until SYS_IRQ_UNMASK if it is
 * level-triggered; or a message (MSI), which nothing masks.
 */
struct irq {
	struct object object;
	struct signal signal;
	u32 number; /* its vector's distance from VECTOR_GSI_FIRST: of a line its GSI */
	struct lock lock; /* of the following */
	struct iommu_message message;
	u64 value; /* that raises it: SYS_IRQ_MESSAGE */
};

/* `number` and `flags`, errors: SYS_IRQ_CREATE. */
enum status irq_create(u32 number, u32 flags, struct irq **irq) MUST_CHECK;
/* With the object lock shared; the others: with the objects alone. */
void irq_unmask(struct irq *irq);
/* SYS_IRQ_MESSAGE. */
enum status irq_message(struct irq *irq, u64 unit, u64 source, u64 *value) MUST_CHECK;
void irq_release(struct object *object);

/* The interrupt has come: signals its irq; false: there is none. With the object lock shared. */
bool irq_raise(u32 number);
