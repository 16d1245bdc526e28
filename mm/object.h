/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/list.h"

/* The beginning of every kernel object. */
struct object {
	u8 type;   /* enum object_type */
	bool dead; /* destroyed: its handles are stale, it only waits for its last reference */
	u32 references;
	struct list node; /* the kernel's: its group's objects, or those to be torn down */
};

/*
 * Called when the last reference to an object goes; the kernel says what for each type. Tearing
 * down is done in bounded steps, so this usually only queues the object.
 */
extern void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object);

/* One reference, the caller's. */
static inline void object_init(struct object *object, enum object_type type)
{
	object->type = (u8)type;
	object->dead = false;
	object->references = 1;
	list_init(&object->node);
}

static inline void object_get(struct object *object)
{
	__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
}

static inline void object_put(struct object *object)
{
	if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0)
		object_release[object->type](object);
}
