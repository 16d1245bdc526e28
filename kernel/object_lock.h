/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/object.h"

struct cpu;

/*
 * The object lock guards the relations between objects: handles, groups' members, processes'
 * threads, what is bound to which queue and which CPU is a thread's home. Entering a guest and
 * settling its exits never takes it. Only who has the long lock too (kernel/long_lock.h) changes
 * handles and makes or destroys objects; whose last reference goes leaves its group's members under
 * this lock alone.
 */

/* Alone: no other CPU has or shares the objects until object_unlock. */
void object_lock(void);
void object_unlock(void);

/*
 * Together with other CPUs: nothing of what the lock guards changes until object_unshare. Signals,
 * waits, interrupts and timers need no more; what they change has locks of its own (struct queue,
 * struct irq, struct cpu). First come, first served: who wants them alone waits for those that
 * share them now, and is waited for by all that come later.
 */
void object_share(void);
void object_unshare(void);

/*
 * object_put for who may be sharing, of an object that is in no list: if the reference is the last
 * one, this CPU's loop puts it with the objects alone.
 */
void object_drop(struct object *object);
void object_put_dropped(struct cpu *cpu);
