/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/list.h"

/* The beginning of every kernel object. */
struct object {
	u8 type;   /* enum object_type */
	bool dead; /* destroyed: its handles are stale; it waits for its last reference to go */
	u32 references;
	struct list node; /* of kernel/: its group's objects, those to tear down, those dropped */
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

/* False, without effect, if the caller has the only reference. */
static inline bool object_put_unless_last(struct object *object)
{
	u32 references = __atomic_load_n(&object->references, __ATOMIC_RELAXED);

	while (references > 1) {
		if (__atomic_compare_exchange_n(&object->references, &references, references - 1,
						true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}
