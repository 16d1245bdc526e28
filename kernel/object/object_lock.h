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

/* Takes the object lock alone: no other CPU has or shares the lock until object_unlock. */
void object_lock(void);
void object_unlock(void);

/*
 * Shares the object lock with other CPUs: nothing that the lock guards changes until
 * object_unshare. Signals, waits, interrupts and timers need no more; the structs that they change
 * have locks of their own (struct queue, struct irq, struct cpu). The lock is fair: a CPU that
 * wants it alone waits only for the CPUs that share it now, and CPUs that come later wait for that
 * CPU.
 */
void object_share(void);
void object_unshare(void);

/*
 * Puts a reference to an object by a caller that may share the object lock; the object must be in
 * no list. If the reference is the last one, this CPU's loop puts it later, with the object lock
 * alone (object_put_dropped).
 */
void object_drop(struct object *object);
/*
 * Puts the references that this CPU has dropped (object_drop); takes the object lock alone for
 * that.
 */
void object_put_dropped(struct cpu *cpu);
