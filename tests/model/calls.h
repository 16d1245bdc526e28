/* SPDX-License-Identifier: MIT */
#pragma once

/* The calls of mm/ that one CPU makes at a time, each with its arguments in `call`. */
#include "tests/model/attempts.h"

/* A call that only one CPU makes at a time (kernel/object/long_lock.h): its arguments and its
 * result. */
static struct {
	struct vm *vm;
	struct memory *memory;
	struct space *space;
	u64 first, count, given;
	u64 at;
	u64 offset;
	u32 flags;
	enum status status;
} call;

static void call_create(u32 cpu)
{
	(void)cpu;
	call.status =
		memory_create(&call.vm->quota, PAGE_GUEST, call.count, call.flags, &call.memory);
}

static void call_flush(struct space *space)
{
	(void)space; /* the model's devices keep no translations */
}

static const struct space_devices call_devices = {.flush = call_flush, .end = call_flush};

/* The spaces of a VM, of which a few have a device's. */
static void call_spaces(u32 cpu)
{
	struct space **space = call.vm->space;

	(void)cpu;
	call.status = space_create_guest(&call.vm->quota, &format_ept, &space[GUEST]);
	if (call.status == STATUS_OK)
		call.status = space_create_process(&call.vm->quota, &space[MONITOR]);
	if (call.status == STATUS_OK && processor_roll(4) == 0 &&
	    space_create_guest(&call.vm->quota, &format_vtd, &space[DEVICE]) == STATUS_OK)
		space[DEVICE]->devices = &call_devices;
}

static void call_map(u32 cpu)
{
	(void)cpu;
	call.status = space_map(call.space, call.at, call.memory, call.offset, call.count,
				call.flags, &call.at);
}

static void call_unmap(u32 cpu)
{
	(void)cpu;
	call.status = space_unmap(call.space, call.at, call.count << PAGE_SHIFT);
}

static void call_freeze(u32 cpu)
{
	(void)cpu;
	call.status = layer_freeze(call.vm->ram, &call.memory);
}

static void call_layer(u32 cpu)
{
	struct memory *below = call.memory;

	(void)cpu;
	call.status = layer_create(&call.vm->quota, below, &call.memory);
}

static void call_reset(u32 cpu)
{
	(void)cpu;
	call.status = layer_reset(call.vm->ram);
}

static void call_merge(u32 cpu)
{
	(void)cpu;
	call.status = layer_merge(call.vm->ram);
}

static void call_discard(u32 cpu)
{
	(void)cpu;
	call.status = memory_discard(call.vm->ram, call.first, &call.count);
}

static void call_trim(u32 cpu)
{
	(void)cpu;
	call.status = memory_trim(call.vm->ram, call.first, &call.count, &call.given);
}

static void call_put(u32 cpu)
{
	(void)cpu;
	object_put(&call.memory->object);
}

static void call_hold(u32 cpu)
{
	(void)cpu;
	call.status = memory_hold(call.vm->ram, call.first, 1);
}

static void call_lose(u32 cpu)
{
	(void)cpu;
	page_set_aside(HPA(call.first << PAGE_SHIFT));
}

static void call_limit(u32 cpu)
{
	(void)cpu;
	call.status = quota_set_limit(&call.vm->quota, call.count);
}

static void call_teardown(u32 cpu)
{
	struct object *object;
	struct frozen *entry;

	(void)cpu;
	if (list_empty(&machine_dying))
		return;
	object = LIST_ENTRY(machine_dying.next, struct object, node);
	list_remove(&object->node);
	if (object->type == OBJECT_SPACE) {
		call.status = space_destroy(CONTAINER_OF(object, struct space, object));
	} else {
		entry = world_frozen_of(CONTAINER_OF(object, struct memory, object));
		call.status = memory_destroy(CONTAINER_OF(object, struct memory, object));
		if (call.status == STATUS_OK && entry != NULL)
			entry->memory = NULL;
	}
	if (call.status == STATUS_AGAIN)
		list_push_back(&machine_dying, &object->node);
}
