/* SPDX-License-Identifier: MIT */
/*
 * Makes JSON of the cache: the API's objects of the host, of VMs and of events. Handlers and
 * streams call it; of the cache it changes only the kept text of a VM.
 */
#include "gateway/base/bytes.h"
#include "gateway/core/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"

enum { PAGE_BYTES = 4096 };

static double host_seconds(json_t *object, const char *key)
{
	return (double)json_integer_value(json_object_get(object, key)) / 1e9;
}

static json_t *host_decimal(int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return json_string(text);
}

static double host_vm_uptime_s(const struct host_vm *vm)
{
	double uptime_s = host_seconds(vm->list, "uptime_ns");

	if (!strcmp(host_vm_state(vm), "running") && host.up)
		uptime_s += clock_now_s() - vm->list_s;
	return uptime_s;
}

json_t *host_vm_json(const struct host_vm *vm)
{
	static const char *const same[] = {"uuid",   "reason",	     "exit_code",
					   "vcpus",  "memory_bytes", "resident_bytes",
					   "weight", "cap_percent",  "boots"};
	json_t *object = json_object();
	int64_t exits = host_value(vm, "exits");
	int64_t resident = host_value(vm, "resident_bytes");

	json_object_set_new(object, "name", json_string(vm->name));
	json_object_set_new(object, "state", json_string(host_vm_state(vm)));
	for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
		json_t *value = json_object_get(vm->list, same[i]);

		json_object_set(object, same[i], value ? value : json_null());
	}
	json_object_set_new(object, "uptime_s", json_real(host_vm_uptime_s(vm)));
	json_object_set_new(object, "cpu_s", json_real(host_seconds(vm->list, "cpu_ns")));
	if (exits < json_integer_value(json_object_get(vm->list, "exits")))
		exits = json_integer_value(json_object_get(vm->list, "exits"));
	json_object_set_new(object, "exits", host_decimal(exits));
	if (resident >= 0)
		json_object_set_new(object, "resident_bytes", json_integer(resident));
	json_object_set_new(object, "sample", host_sample_json(vm));
	return object;
}

/*
 * Writes a VM as text. Most requests are for lists of VMs that have not changed since the last
 * request: all of the VM's object but its uptime is kept as text. The uptime goes first, so that
 * the kept text need not be looked into.
 */
void host_vm_text(struct host_vm *vm, struct buffer *to)
{
	static const char key[] = "{\"uptime_s\":";
	char room[64], *at = room + sizeof(room);
	double uptime_s;
	uint64_t uptime_ms;

	if (!vm->text) {
		json_t *object = host_vm_json(vm);

		json_object_del(object, "uptime_s");
		vm->text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12));
		json_decref(object);
		vm->text_count = vm->text ? strlen(vm->text) : 0;
		vm->text_runs = !strcmp(host_vm_state(vm), "running") && host.up;
		vm->text_uptime_s =
			host_seconds(vm->list, "uptime_ns") - (vm->text_runs ? vm->list_s : 0);
	}
	if (!vm->text) {
		to->failed = true;
		return;
	}
	uptime_s = vm->text_uptime_s + (vm->text_runs ? clock_now_s() : 0);
	uptime_ms = uptime_s > 0 ? (uint64_t)(uptime_s * 1000) : 0;
	*--at = ',';
	at = decimal_write(at, uptime_ms % 1000, 3);
	*--at = '.';
	at = decimal_write(at, uptime_ms / 1000, 1);
	at -= strlen(key);
	memcpy(at, key, strlen(key));
	buffer_add(to, at, (size_t)(room + sizeof(room) - at));
	buffer_add(to, vm->text + 1, vm->text_count - 1);
}

void host_vm_text_full(struct host_vm *vm, struct buffer *to)
{
	host_vm_text(vm, to);
	if (vm->config && !vm->config_text)
		vm->config_text = json_dumps(vm->config, JSON_COMPACT | JSON_REAL_PRECISION(12));
	if (to->failed || (vm->config && !vm->config_text)) {
		to->failed = true;
		return;
	}
	to->count--; /* remove the brace that closes the object */
	buffer_text(to, ",\"config\":");
	buffer_text(to, vm->config ? vm->config_text : "{}");
	buffer_text(to, host.up ? ",\"stale\":false}" : ",\"stale\":true}");
}

static json_t *host_memory_json(void)
{
	static const char *const shown[][2] = {
		{"guest", "guest RAM"},
		{"table", "tables"},
		{"process", "processes"},
	};
	json_t *owners = json_array(), *row;
	json_int_t total = 0, free_bytes = 0;
	size_t i;

	json_array_foreach(host.memory, i, row)
	{
		const char *owner = json_string_value(json_object_get(row, "owner"));
		json_int_t bytes = json_integer_value(json_object_get(row, "pages")) * PAGE_BYTES;

		/*
		 * A row node-N counts the pages of a NUMA node, which the rows of owners count
		 * already.
		 */
		if (!owner || !strncmp(owner, "node-", 5))
			continue;
		total += bytes;
		if (!strcmp(owner, "free")) {
			free_bytes = bytes;
			continue;
		}
		for (size_t word = 0; word < ARRAY_COUNT(shown); word++) {
			if (!strcmp(owner, shown[word][0]))
				owner = shown[word][1];
		}
		json_array_append_new(owners,
				      json_pack("{s:s, s:I}", "owner", owner, "bytes", bytes));
	}
	return json_pack("{s:o, s:I, s:I}", "owners", owners, "free_bytes", free_bytes,
			 "total_bytes", total);
}

json_t *host_json(void)
{
	json_t *cpu = json_array_get(host.cpu, 0);
	json_t *open = json_object_get(cpu, "speculation_open");
	double now_s = clock_now_s();
	double uptime_s = (double)host.boot_time_ns / 1e9 + now_s - host.hello_s;

	return json_pack("{s:s, s:b, s:f, s:s, s:s, s:f, s:o, s:o, s:O*, s:O*, s:O*, s:s, s:o}",
			 "link", host.up ? "up" : "lost", "stale", !host.up, "age_s",
			 host.known ? now_s - host.heard_s : 0.0, "version", host.version, "boot",
			 host.boot, "uptime_s", host.known ? uptime_s : 0.0, "cpus",
			 host_cpus_json(), "memory", host_memory_json(), "rights", host.rights,
			 "speculation", json_object_get(cpu, "speculation"), "speculation_open",
			 open, "fingerprint", settings.fingerprint, "audit_findings",
			 host.audit_findings < 0 ? json_null() : json_integer(host.audit_findings));
}

json_t *host_event_json(const struct host_event *event)
{
	const char *reason = json_string_value(json_object_get(event->line, "reason"));
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)event->sequence);
	return json_pack("{s:s, s:s, s:f, s:O*, s:s, s:O*, s:s}", "type", "event", "sequence",
			 number, "time_s", host_seconds(event->line, "time_ns"), "event",
			 json_object_get(event->line, "event"), "vm", event->vm, "uuid",
			 json_object_get(event->line, "uuid"), "reason", reason ? reason : "");
}
