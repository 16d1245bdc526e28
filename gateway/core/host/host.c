/* SPDX-License-Identifier: MIT */
/*
 * The state of Skerry as the gateway knows it, and look-ups in it. The cache fills it; json.c,
 * sample.c and all code above read it. The file itself sends no requests.
 */

#include "gateway/core/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host host = {.audit_findings = -1};

struct host_vm *host_find(const char *name)
{
	for (unsigned i = 0; i < host.vm_count; i++) {
		if (!strcmp(host.vms[i]->name, name))
			return host.vms[i];
	}
	return NULL;
}

const char *host_vm_state(const struct host_vm *vm)
{
	const char *state = json_string_value(json_object_get(vm->list, "state"));

	return state ? state : "unknown";
}

void host_vm_tag(const struct host_vm *vm, char *text, size_t room)
{
	const char *uuid = json_string_value(json_object_get(vm->list, "uuid"));

	snprintf(text, room, "\"%.36s-%lld\"", uuid ? uuid : vm->name,
		 (long long)json_integer_value(json_object_get(vm->list, "revision")));
}

void host_vm_changed(struct host_vm *vm)
{
	free(vm->text);
	vm->text = NULL;
}
