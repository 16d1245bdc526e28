/* SPDX-License-Identifier: MIT */
#pragma once

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
	bool level;
	u32 apic_id; /* of the CPU it goes to, or IOAPIC_ALL_CPUS */
};

/* `number` and `flags`, errors: SYS_IRQ_CREATE. */
enum status irq_create(u32 number, u32 flags, struct irq **irq) MUST_CHECK;
void irq_unmask(struct irq *irq);
/* The value of SYS_IRQ_MESSAGE; 0: it is a line. */
u64 irq_message(const struct irq *irq);
void irq_release(struct object *object);

/* The interrupt has come: signals its irq; false: there is none. Under the object lock. */
bool irq_raise(u32 number);
