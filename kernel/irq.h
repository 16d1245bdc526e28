/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/queue.h"
#include "lib/status.h"
#include "mm/object.h"


/* A host interrupt line handed to ring 3. It is masked from each signal until SYS_IRQ_UNMASK. */
struct irq {
	struct object object;
	struct signal signal;
	u32 gsi;
	bool level;
	u32 apic_id; /* of the CPU it goes to, or IOAPIC_ALL_CPUS */
};

/* Flags of enum irq_flag. STATUS_IN_USE, STATUS_NOT_FOUND (no I/O APIC has the line). */
enum status irq_create(u32 number, u32 flags, struct irq **irq) MUST_CHECK;
void irq_unmask(struct irq *irq);
void irq_release(struct object *object);

/* The line's interrupt has come; false: nobody has asked for it. */
bool irq_raise(u32 gsi);
