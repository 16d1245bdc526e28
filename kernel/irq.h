/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/queue.h"
#include "lib/status.h"
#include "mm/object.h"


/* A host interrupt line for ring 3. If level-triggered, a signal masks it until SYS_IRQ_UNMASK. */
struct irq {
	struct object object;
	struct signal signal;
	u32 gsi;
	bool level;
	u32 apic_id; /* of the CPU it goes to, or IOAPIC_ALL_CPUS */
};

/* STATUS_BAD_ARGUMENT, _NO_MEMORY, _IN_USE, _NOT_FOUND (no I/O APIC has it). `flags`: irq_flag. */
enum status irq_create(u32 number, u32 flags, struct irq **irq) MUST_CHECK;
void irq_unmask(struct irq *irq);
void irq_release(struct object *object);

/* The line's interrupt has come: signals its irq; false: there is none. Under the object lock. */
bool irq_raise(u32 gsi);
