/* SPDX-License-Identifier: MIT */
/*
 * Keeps the keys of each VM's configuration as the gateway knows them: asks for them when a VM is
 * new or was changed, one VM at a time. The cache calls it; operations ask it whether a change has
 * arrived.
 */
#include "gateway/core/host/config.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/core/host/host.h"

/* The keys of a VM are asked for, and the answer has not come. */
static bool config_asking;

static void host_took_config(uint64_t index, json_t *reply)
{
	json_t *rows = json_object_get(reply, "result"), *row;
	struct host_vm *vm = NULL;
	size_t i;

	config_asking = false;
	for (unsigned each = 0; each < host.vm_count; each++) {
		if ((uint64_t)(uintptr_t)host.vms[each] == index)
			vm = host.vms[each];
	}
	if (vm) {
		vm->config_asked = false;
		vm->config_stale |= !reply;
	}
	if (!reply)
		return;
	if (vm && host_reply_ok(reply)) {
		json_decref(vm->config);
		free(vm->config_text);
		vm->config_text = NULL;
		vm->config = json_object();
		json_array_foreach(rows, i, row)
		{
			const char *key = json_string_value(json_object_get(row, "key"));
			json_t *value = json_object_get(row, "value");
			const char *applies = json_string_value(json_object_get(row, "applies"));

			if (key && strcmp(key, "password"))
				json_object_set_new(vm->config, key,
						    json_pack("{s:O?, s:s*, s:O*}", "value", value,
							      "applies", applies, "origin",
							      json_object_get(row, "origin")));
		}
	}
	host_tell_config();
	host_ask_config();
}

void host_ask_config(void)
{
	for (unsigned i = 0; i < host.vm_count && !config_asking; i++) {
		const char *words[] = {host.vms[i]->name, NULL};

		if (!host.vms[i]->config_stale)
			continue;
		config_asking = host_ask("vm get", words, host_took_config,
					 (uint64_t)(uintptr_t)host.vms[i]);
		/* A change from now on makes the keys stale again, even if it comes before the
		 * answer. */
		host.vms[i]->config_asked = config_asking;
		host.vms[i]->config_stale = !config_asking;
	}
}

void host_refresh_config(struct host_vm *vm)
{
	vm->config_stale = true;
	host_ask_config();
}

bool host_vm_settled(const struct host_vm *vm)
{
	return !vm->config_stale && !vm->config_asked;
}

void host_forget_config(void)
{
	config_asking = false;
	for (unsigned i = 0; i < host.vm_count; i++) {
		host.vms[i]->config_stale |= host.vms[i]->config_asked;
		host.vms[i]->config_asked = false;
	}
}
