/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/iommu/iommu.h"
#include "kernel/sched/queue.h"
#include "lib/status.h"
#include "mm/object.h"

/*
 * A host interrupt for ring 3. It is either a line, which raising its signal masks until
 * SYS_IRQ_UNMASK if it is level-triggered, or a message (MSI), which nothing masks.
 */
struct irq {
	struct object object;
	struct signal signal;
	u32 number;	  /* the irq's vector less VECTOR_GSI_FIRST; for a line this is its GSI */
	struct lock lock; /* guards the irq's fields below */
	struct iommu_message message;
	/*
	 * the address and data of the message that raises the irq, as SYS_IRQ_MESSAGE returns them
	 */
	u64 value;
};

/* Creates an irq; arguments and errors are those of SYS_IRQ_CREATE. The caller has the object lock
 * alone. */
enum status irq_create(u32 number, u32 flags, struct irq **irq) MUST_CHECK;
/* Unmasks a line and routes it to this CPU. The caller shares the object lock. */
void irq_unmask(struct irq *irq);
/* Carries out SYS_IRQ_MESSAGE. The caller has the object lock alone. */
enum status irq_message(struct irq *irq, u64 unit, u64 source, u64 *value) MUST_CHECK;
/*
 * Masks the line or blocks the message, and frees the irq; for object_release. The caller has the
 * object lock alone.
 */
void irq_release(struct object *object);

/*
 * Raises the signal of the irq whose interrupt has come; returns false if there is no irq of that
 * number. The caller shares the object lock.
 */
bool irq_raise(u32 number);
