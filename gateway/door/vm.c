/* SPDX-License-Identifier: MIT */
/*
 * VMs in libvirt's terms: states, numbers while they run, names and UUIDs. The procedures call it
 * with core's description of a VM; it keeps only the number of each start of a VM.
 */
#include "gateway/door/vm.h"

#include <string.h>

#include "gateway/base/string.h"
#include "gateway/door/xdr.h"

enum { VM_IDS = 1024 };

/* A start of a VM; libvirt gives each start of a VM a number. */
struct vm_start {
	uint8_t uuid[UUID_BYTES];
	int64_t boots;
	int32_t id; /* libvirt's number of this start; 0: the entry is free */
};

static struct vm_start vm_starts[VM_IDS];
static int32_t vm_last_id;

static const char *vm_text(json_t *vm, const char *key)
{
	const char *text = json_string_value(json_object_get(vm, key));

	return text ? text : "";
}

enum vm_state vm_state(json_t *vm)
{
	static const struct {
		const char *name;
		enum vm_state state;
	} states[] = {{"running", VM_RUNNING}, {"paused", VM_PAUSED}, {"crashed", VM_CRASHED}};
	const char *name = vm_text(vm, "state");

	for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
		if (!strcmp(states[i].name, name))
			return states[i].state;
	}
	return VM_SHUTOFF;
}

enum vm_state vm_state_now(json_t *vm)
{
	return json_is_true(json_object_get(vm, "stale")) ? VM_UNKNOWN : vm_state(vm);
}

uint32_t vm_reason(json_t *vm)
{
	static const struct {
		const char *reason;
		uint32_t number;
	} reasons[] = {
		{"guest powered off", 1}, {"by the guest", 1}, {"ended by", 2}, {"saved", 5}};
	const char *reason = vm_text(vm, "reason");
	enum vm_state state = vm_state(vm);

	if (state != VM_SHUTOFF)
		return state == VM_CRASHED ? 0 : 1;
	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++) {
		if (!strncmp(reasons[i].reason, reason, strlen(reasons[i].reason)))
			return reasons[i].number;
	}
	return 0;
}

bool vm_active(json_t *vm)
{
	return vm_state(vm) == VM_RUNNING || vm_state(vm) == VM_PAUSED;
}

const char *vm_name(json_t *vm)
{
	return vm_text(vm, "name");
}

void vm_uuid(json_t *vm, uint8_t uuid[UUID_BYTES])
{
	if (!uuid_read(vm_text(vm, "uuid"), uuid))
		memset(uuid, 0, UUID_BYTES);
}

int64_t vm_number(json_t *vm, const char *key)
{
	int64_t number = json_integer_value(json_object_get(vm, key));

	return number > 0 ? number : 0;
}

int32_t vm_id(json_t *vm)
{
	int64_t boots = vm_number(vm, "boots");
	struct vm_start *place = &vm_starts[0];
	uint8_t uuid[UUID_BYTES];

	if (!vm_active(vm))
		return -1;
	vm_uuid(vm, uuid);
	/*
	 * A VM has one entry; if none is free, the entry with the least number, whose VM was
	 * started longest ago, is reused.
	 */
	for (size_t i = 0; i < VM_IDS; i++) {
		if (vm_starts[i].id && !memcmp(vm_starts[i].uuid, uuid, UUID_BYTES)) {
			place = &vm_starts[i];
			break;
		}
		if (vm_starts[i].id < place->id)
			place = &vm_starts[i];
	}
	if (!place->id || place->boots != boots || memcmp(place->uuid, uuid, UUID_BYTES)) {
		vm_last_id = vm_last_id == INT32_MAX ? 1 : vm_last_id + 1;
		*place = (struct vm_start){.boots = boots, .id = vm_last_id};
		memcpy(place->uuid, uuid, UUID_BYTES);
	}
	return place->id;
}

int32_t vm_known_id(const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < VM_IDS; i++) {
		if (vm_starts[i].id && !memcmp(vm_starts[i].uuid, uuid, UUID_BYTES))
			return vm_starts[i].id;
	}
	return -1;
}

const char *vm_key(json_t *vm, const char *key)
{
	json_t *config = json_object_get(json_object_get(vm, "config"), key);

	return vm_text(config, "value");
}

bool vm_autostart(json_t *vm)
{
	return !strcmp(vm_key(vm, "autostart"), "yes");
}

void vm_write(struct buffer *results, json_t *vm)
{
	uint8_t uuid[UUID_BYTES];

	vm_uuid(vm, uuid);
	xdr_write_text(results, vm_name(vm));
	xdr_write_bytes(results, uuid, UUID_BYTES);
	xdr_write_u32(results, (uint32_t)vm_id(vm));
}
