/* SPDX-License-Identifier: MIT */
/*
 * Procedures that list VMs, or find one by its number, name or UUID: each asks core for the VMs
 * that the client may see. The table of procedures names them.
 */
#include "gateway/door/list.h"

#include <string.h>

#include "gateway/door/rpc.h"
#include "gateway/door/error.h"
#include "gateway/door/procedure.h"
#include "gateway/door/serve.h"
#include "gateway/door/vm.h"

/*
 * The flags of ConnectListAllDomains, in groups: a VM has to match one flag of each group of which
 * the client has set any.
 */
enum list_flag {
	LIST_ACTIVE = 1,
	LIST_INACTIVE = 2,
	LIST_PERSISTENT = 4,
	LIST_TRANSIENT = 8,
	LIST_RUNNING = 16,
	LIST_PAUSED = 32,
	LIST_SHUTOFF = 64,
	LIST_OTHER = 128,
	LIST_SERVED = 255,
};

static bool list_fits(uint32_t flags, uint32_t group, uint32_t has)
{
	return !(flags & group) || flags & group & has;
}

bool list_shows(json_t *vm, uint32_t flags)
{
	enum vm_state state = vm_state(vm);

	return list_fits(flags, LIST_ACTIVE | LIST_INACTIVE,
			 vm_active(vm) ? LIST_ACTIVE : LIST_INACTIVE) &&
	       list_fits(flags, LIST_PERSISTENT | LIST_TRANSIENT, LIST_PERSISTENT) &&
	       list_fits(flags, LIST_RUNNING | LIST_PAUSED | LIST_SHUTOFF | LIST_OTHER,
			 state == VM_RUNNING   ? LIST_RUNNING
			 : state == VM_PAUSED  ? LIST_PAUSED
			 : state == VM_SHUTOFF ? LIST_SHUTOFF
					       : LIST_OTHER);
}

static uint32_t list_size(json_t *body, uint32_t flags)
{
	json_t *items = json_object_get(body, "items"), *vm;
	uint32_t count = 0;
	size_t i;

	json_array_foreach(items, i, vm) count += list_shows(vm, flags);
	return count;
}

static void list_ask(struct rpc *call, rpc_took *took)
{
	rpc_ask(call, "GET", "/v1/vms", NULL, took);
}

static void list_took_all(struct rpc *call, json_t *body)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[1];
	uint32_t count = list_size(body, flags);
	json_t *vm;
	size_t i;

	if (call->arguments.numbers[0]) {
		xdr_write_u32(&call->results, count);
		json_array_foreach(json_object_get(body, "items"), i, vm)
		{
			if (list_shows(vm, flags))
				vm_write(&call->results, vm);
		}
	} else {
		xdr_write_u32(&call->results, 0);
	}
	xdr_write_u32(&call->results, count);
	rpc_answer(call);
}

void list_all(struct rpc *call)
{
	uint32_t flags = (uint32_t)call->arguments.numbers[1];

	/* The error makes the client ask for all VMs in an older way, and pick from them itself. */
	if (flags & ~(uint32_t)LIST_SERVED)
		rpc_fail(call, ERROR_NO_SUPPORT,
			 "Skerry does not list VMs by what the flags 0x%x say",
			 flags & ~(uint32_t)LIST_SERVED);
	else
		list_ask(call, list_took_all);
}

static void list_took_count(struct rpc *call, json_t *body)
{
	xdr_write_u32(&call->results, list_size(body, LIST_ACTIVE));
	rpc_answer(call);
}

void list_count(struct rpc *call)
{
	list_ask(call, list_took_count);
}

static void list_took_count_defined(struct rpc *call, json_t *body)
{
	xdr_write_u32(&call->results, list_size(body, LIST_INACTIVE));
	rpc_answer(call);
}

void list_count_defined(struct rpc *call)
{
	list_ask(call, list_took_count_defined);
}

/* Writes the numbers or names of VMs that match `flags`, up to the client's limit. */
static void list_took_some(struct rpc *call, json_t *body, uint32_t flags)
{
	uint32_t count = list_size(body, flags);
	json_t *vm;
	size_t i;

	if (call->arguments.numbers[0] < 0)
		count = 0;
	else if (count > (uint32_t)call->arguments.numbers[0])
		count = (uint32_t)call->arguments.numbers[0];
	xdr_write_u32(&call->results, count);
	json_array_foreach(json_object_get(body, "items"), i, vm)
	{
		if (count == 0)
			break;
		if (!list_shows(vm, flags))
			continue;
		count--;
		if (flags == LIST_ACTIVE)
			xdr_write_u32(&call->results, (uint32_t)vm_id(vm));
		else
			xdr_write_text(&call->results, vm_name(vm));
	}
	rpc_answer(call);
}

static void list_took_ids(struct rpc *call, json_t *body)
{
	list_took_some(call, body, LIST_ACTIVE);
}

void list_ids(struct rpc *call)
{
	list_ask(call, list_took_ids);
}

static void list_took_names(struct rpc *call, json_t *body)
{
	list_took_some(call, body, LIST_INACTIVE);
}

void list_names_defined(struct rpc *call)
{
	list_ask(call, list_took_names);
}

static bool list_is(const struct rpc *call, json_t *vm)
{
	uint8_t uuid[UUID_BYTES];

	switch (call->procedure->takes[0]) {
	case 'i':
		return vm_active(vm) && vm_id(vm) == call->arguments.numbers[0];
	case 's':
		return !strcmp(vm_name(vm), call->arguments.texts[0]);
	default:
		vm_uuid(vm, uuid);
		return !memcmp(uuid, call->arguments.uuid, UUID_BYTES);
	}
}

static void list_missing(struct rpc *call)
{
	char uuid[UUID_TEXT_BYTES];

	switch (call->procedure->takes[0]) {
	case 'i':
		rpc_fail(call, ERROR_NO_DOMAIN, "Domain not found: no domain with matching id %d",
			 call->arguments.numbers[0]);
		break;
	case 's':
		rpc_fail(call, ERROR_NO_DOMAIN,
			 "Domain not found: no domain with matching name '%s'",
			 call->arguments.texts[0]);
		break;
	default:
		uuid_text(call->arguments.uuid, uuid);
		rpc_fail(call, ERROR_NO_DOMAIN,
			 "Domain not found: no domain with matching uuid '%s'", uuid);
	}
}

static void list_took_found(struct rpc *call, json_t *body)
{
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(body, "items"), i, vm)
	{
		if (!list_is(call, vm))
			continue;
		vm_write(&call->results, vm);
		rpc_answer(call);
		return;
	}
	list_missing(call);
}

void list_find(struct rpc *call)
{
	list_ask(call, list_took_found);
}
