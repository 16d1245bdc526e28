/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/list.h"

/* The beginning of every kernel object. */
struct object {
	u8 type; /* enum object_type */
	/*
	 * the object was destroyed: its handles are stale, and putting the last reference frees it
	 */
	bool dead;
	u32 references;
	/*
	 * The object's link in one of kernel/'s lists: a group's members, objects to be freed, or a
	 * CPU's dropped objects.
	 */
	struct list node;
};

/*
 * The function for each type that object_put calls when the last reference to an object goes;
 * kernel/group/teardown.c fills the table. Tearing down takes bounded steps, so most functions only
 * queue the object.
 */
extern void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object);

/* Initialises the object with one reference, the caller's. */
static inline void object_init(struct object *object, enum object_type type)
{
	object->type = (u8)type;
	object->dead = false;
	object->references = 1;
	list_init(&object->node);
}

/* Takes a reference to the object; the caller must have one, or a lock that keeps the object. */
static inline void object_get(struct object *object)
{
	__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
}

/* Gives up a reference; the last one releases the object. */
static inline void object_put(struct object *object)
{
	if (__atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0)
		object_release[object->type](object);
}

/* Gives up a reference; returns false, without effect, if it is the only one. */
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
