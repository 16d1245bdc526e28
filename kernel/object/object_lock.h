/* SPDX-License-Identifier: MIT */
#pragma once

#include "mm/object.h"

struct cpu;

/*
 * The object lock guards the relations between objects: handles, groups' members, processes'
 * threads, which object is bound to which queue, and which CPU is a thread's home. Entering a guest
 * and handling its exits never takes it. Only a holder of the long lock too
 * (kernel/object/long_lock.h) changes handles and creates or destroys objects; an object whose last
 * reference goes leaves its group's members under this lock alone.
 */

/* Takes the objects alone: no other CPU has or shares the objects until object_unlock. */
void object_lock(void);
void object_unlock(void);

/*
 * Shares the objects with other CPUs: nothing that the lock guards changes until object_unshare.
 * Signals, waits, interrupts and timers need no more; what they change has locks of its own (struct
 * queue, struct irq, struct cpu). The lock is fair: a CPU that wants the objects alone waits only
 * for the CPUs that share them now, and later ones wait for that CPU.
 */
void object_share(void);
void object_unshare(void);

/*
 * Puts a reference while the caller may be sharing the objects; the object must be in no list. If
 * the reference is the last one, this CPU's loop puts it with the objects alone
 * (object_put_dropped).
 */
void object_drop(struct object *object);
/* Puts this CPU's dropped references; takes the objects alone for that. */
void object_put_dropped(struct cpu *cpu);
