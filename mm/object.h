/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/list.h"

/* The beginning of every kernel object. */
struct object {
	u8 type;   /* enum object_type */
	bool dead; /* destroyed: its handles are stale; it waits for its last reference to go */
	u32 references;
	struct list node; /* for kernel/: in its group's list, or in that of objects to tear down */
};

/*
 * Called when the last reference to an object goes; kernel/teardown.c fills in the functions.
 * Tearing down takes bounded steps, so most of them only queue the object.
 */
extern void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object);

/* The object starts with one reference, the caller's. */
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
