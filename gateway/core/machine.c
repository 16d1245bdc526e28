/* SPDX-License-Identifier: MIT */
#include "gateway/core/machine.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/audit.h"
#include "gateway/core/console.h"
#include "gateway/core/operation.h"
#include "gateway/core/settings.h"
#include "gateway/core/stream.h"
#include "gateway/link/link.h"

enum { MACHINE_REFRESH_MS = 10000, MACHINE_EVENTS_BEFORE = 100 };

struct machine machine = {.audit_findings = -1};

static struct {
	char password[256];
	bool asking, again; /* for the list */
	bool password_sent;
	bool config_asking;
	json_t *held; /* events that came while the missed ones are asked for */
	int64_t refresh_ms;
} asked;

double machine_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool machine_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= MACHINE_NAME_BYTES || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return true;
}

struct machine_vm *machine_find(const char *name)
{
	for (unsigned i = 0; i < machine.vm_count; i++) {
		if (!strcmp(machine.vms[i]->name, name))
			return machine.vms[i];
	}
	return NULL;
}

static bool machine_reply_ok(json_t *reply)
{
	const char *status = json_string_value(json_object_get(reply, "status"));

	return status && !strcmp(status, "ok");
}

static void machine_vm_free(unsigned index)
{
	struct machine_vm *vm = machine.vms[index];

	json_decref(vm->list);
	json_decref(vm->config);
	free(vm->config_text);
	free(vm->text);
	free(vm);
	machine.vms[index] = machine.vms[--machine.vm_count];
}

static int machine_compare(const void *a, const void *b)
{
	const struct machine_vm *const *first = a;
	const struct machine_vm *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

/* Whether what the API shows differs, apart from counters. */
static bool machine_vm_differs(json_t *old, json_t *new)
{
	static const char *const keys[] = {"state",	   "reason",  "exit_code",   "vcpus",
					   "memory_bytes", "weight",  "cap_percent", "boots",
					   "uuid",	   "revision"};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		json_t *first = json_object_get(old, keys[i]);
		json_t *second = json_object_get(new, keys[i]);

		if (first != second && (!first || !second || !json_equal(first, second)))
			return true;
	}
	return false;
}

static bool machine_same(json_t *old, json_t *new, const char *key)
{
	json_t *first = json_object_get(old, key);
	json_t *second = json_object_get(new, key);

	return first == second || (first && second && json_equal(first, second));
}

static void machine_take_vm(json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	struct machine_vm *vm;
	bool differs;

	if (!name || !machine_name_valid(name))
		return;
	vm = machine_find(name);
	if (!vm) {
		vm = machine.vm_count < MACHINE_VMS ? calloc(1, sizeof(*vm)) : NULL;
		if (!vm)
			return;
		string_copy(vm->name, sizeof(vm->name), name);
		machine.vms[machine.vm_count++] = vm;
	}
	differs = !vm->list || machine_vm_differs(vm->list, object);
	if (!vm->list || !machine_same(vm->list, object, "revision") ||
	    !machine_same(vm->list, object, "uuid"))
		vm->config_stale = true;
	if (vm->list && !machine_same(vm->list, object, "boots"))
		vm->sampled = false;
	json_decref(vm->list);
	vm->list = json_incref(object);
	vm->list_s = machine_now_s();
	vm->seen = true;
	machine_vm_changed(vm);
	if (differs && machine.up)
		stream_vm(vm);
}

/* A question that may be answered beside others. */
static bool machine_ask(const char *command, const char *const *words, link_reply *reply,
			uint64_t context)
{
	json_t *request = link_command(command, words, NULL);

	json_object_set_new(request, "order", json_string("any"));
	return link_ask(request, reply, context);
}

static void machine_ask_config(void);

static void machine_took_config(uint64_t index, json_t *reply)
{
	json_t *rows = json_object_get(reply, "result"), *row;
	struct machine_vm *vm = NULL;
	size_t i;

	asked.config_asking = false;
	for (unsigned each = 0; each < machine.vm_count; each++) {
		if ((uint64_t)(uintptr_t)machine.vms[each] == index)
			vm = machine.vms[each];
	}
	if (!vm || !reply)
		return;
	vm->config_stale = false;
	if (machine_reply_ok(reply)) {
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
	machine_ask_config();
}

static void machine_ask_config(void)
{
	for (unsigned i = 0; i < machine.vm_count && !asked.config_asking; i++) {
		const char *words[] = {machine.vms[i]->name, NULL};

		if (machine.vms[i]->config_stale)
			asked.config_asking = machine_ask("vm get", words, machine_took_config,
							  (uint64_t)(uintptr_t)machine.vms[i]);
	}
}

static void machine_ask_list(void);

static void machine_took_list(uint64_t unused, json_t *reply)
{
	json_t *object;
	size_t index;

	(void)unused;
	asked.asking = false;
	if (!machine_reply_ok(reply))
		return;
	for (unsigned i = 0; i < machine.vm_count; i++)
		machine.vms[i]->seen = false;
	json_array_foreach(json_object_get(reply, "result"), index, object) machine_take_vm(object);
	for (unsigned i = machine.vm_count; i-- > 0;) {
		if (machine.vms[i]->seen)
			continue;
		stream_gone(machine.vms[i]->name);
		machine_vm_free(i);
	}
	qsort(machine.vms, machine.vm_count, sizeof(machine.vms[0]), machine_compare);
	machine_ask_config();
	machine.heard_s = machine_now_s();
	if (!machine.up) {
		machine.up = machine.known = true;
		stream_link();
		audit_anchor();
	}
	operation_look();
	if (asked.again)
		machine_ask_list();
}

static void machine_ask_list(void)
{
	if (asked.asking) {
		asked.again = true;
		return;
	}
	asked.again = false;
	asked.asking = machine_ask("vm list", NULL, machine_took_list, 0);
}

void machine_refresh(void)
{
	machine_ask_list();
}

/* The answer to an action has the new state: shown at once, the list follows. */
void machine_vm_patch(json_t *result)
{
	const char *name = json_string_value(json_object_get(result, "name"));
	struct machine_vm *vm = name ? machine_find(name) : NULL;
	json_t *state = json_object_get(result, "state");

	if (vm && json_is_string(state) && strcmp(machine_vm_state(vm), json_string_value(state))) {
		json_object_set(vm->list, "state", state);
		json_object_set(vm->list, "reason", json_object_get(result, "reason"));
		machine_vm_changed(vm);
		stream_vm(vm);
	}
	machine_refresh();
}

static void machine_took_rows(uint64_t which, json_t *reply)
{
	json_t **place = which ? &machine.memory : &machine.cpu;

	if (!machine_reply_ok(reply))
		return;
	json_decref(*place);
	*place = json_incref(json_object_get(reply, "result"));
}

static void machine_took_fields(uint64_t unused, json_t *reply)
{
	(void)unused;
	if (machine_reply_ok(reply))
		machine_take_fields(reply);
}

static void machine_ask_rows(void)
{
	machine_ask("cpu", NULL, machine_took_rows, 0);
	machine_ask("mem", NULL, machine_took_rows, 1);
}

/* What came meanwhile follows what was missed; stream_event() leaves out what is in both. */
static void machine_release(void)
{
	json_t *held = asked.held, *event;
	size_t index;

	asked.held = NULL;
	json_array_foreach(held, index, event) stream_event(event);
	json_decref(held);
}

static void machine_took_missed(uint64_t unused, json_t *reply)
{
	json_t *event;
	size_t index;

	(void)unused;
	/* too-old: a part is lost; the streams get a new snapshot with the list. */
	if (reply && !machine_reply_ok(reply)) {
		machine.events_lost++;
		stream_lost();
	}
	json_array_foreach(json_object_get(reply, "result"), index, event) stream_event(event);
	machine_release();
}

static void machine_hello(void);

static void machine_took_password(uint64_t unused, json_t *reply)
{
	(void)unused;
	if (!reply)
		return;
	if (machine_reply_ok(reply))
		machine_hello();
	else
		fprintf(stderr, "skerryd: Skerry refuses the channel's password\n");
}

static void machine_copy(char *to, size_t room, json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, room, "%s", text ? text : "");
}

/* Another boot id: all that was known of VMs, samples and events is of a machine that is gone. */
static void machine_new_boot(void)
{
	while (machine.vm_count)
		machine_vm_free(0);
	for (unsigned i = 0; i < MACHINE_EVENTS; i++) {
		json_decref(machine.events[i].line);
		machine.events[i] = (struct machine_event){0};
	}
	machine.event_count = 0;
	machine.last_sequence = 0;
	machine.cpu_count = 0;
	machine.audit_findings = -1;
	operation_restarted();
}

/*
 * Of what has happened before this gateway saw the machine the last events are shown too: as many
 * as a serial line brings in a second or two.
 */
static int64_t machine_events_from(json_t *hello)
{
	int64_t last = json_integer_value(json_object_get(hello, "event_last"));
	int64_t from = json_integer_value(json_object_get(hello, "event_first")) - 1;

	if (from < last - MACHINE_EVENTS_BEFORE)
		from = last - MACHINE_EVENTS_BEFORE;
	return from > 0 ? from : 0;
}

static void machine_took_hello(uint64_t unused, json_t *reply)
{
	json_t *hello = json_array_get(json_object_get(reply, "result"), 0);
	const char *samples[] = {"every=1000", NULL};
	char boot[40], number[24];
	const char *since[] = {number, NULL};
	bool same;

	(void)unused;
	if (!reply)
		return;
	if (!machine_reply_ok(reply) ||
	    json_integer_value(json_object_get(hello, "protocol")) < 2) {
		fprintf(stderr,
			"skerryd: Skerry does not speak version 2 of the machine channel\n");
		return;
	}
	if (json_is_true(json_object_get(hello, "locked"))) {
		if (asked.password[0] && !asked.password_sent)
			link_ask(json_pack("{s:s}", "auth", asked.password), machine_took_password,
				 0);
		else
			fprintf(stderr, "skerryd: the channel is locked: --password-file\n");
		asked.password_sent = true;
		return;
	}
	machine_copy(boot, sizeof(boot), hello, "boot");
	same = !strcmp(boot, machine.boot);
	if (!same)
		machine_new_boot();
	string_copy(machine.boot, sizeof(machine.boot), boot);
	machine_copy(machine.version, sizeof(machine.version), hello, "version");
	machine_copy(machine.own, sizeof(machine.own), hello, "vm");
	machine.boot_time_ns = json_integer_value(json_object_get(hello, "time_ns"));
	machine.hello_s = machine_now_s();
	json_decref(machine.rights);
	machine.rights = json_incref(json_object_get(hello, "rights"));
	if (!same)
		machine.last_sequence = machine_events_from(hello);
	snprintf(number, sizeof(number), "%lld", (long long)machine.last_sequence);
	json_decref(asked.held);
	asked.held = json_array();
	if (!link_ask(link_command("events since", since, NULL), machine_took_missed, 0))
		machine_release();
	link_ask(link_command("samples", samples, NULL), machine_took_fields, 0);
	machine_ask_rows();
	machine_ask_list();
}

static void machine_hello(void)
{
	link_ask(json_pack("{s:i}", "hello", 2), machine_took_hello, 0);
}

static void machine_opened(void)
{
	asked.asking = asked.again = asked.password_sent = asked.config_asking = false;
	machine_hello();
}

static void machine_lost(void)
{
	bool was_up = machine.up;

	machine.up = false;
	asked.asking = asked.again = asked.config_asking = false;
	for (unsigned i = 0; i < machine.vm_count; i++) {
		machine.vms[i]->sampled = false;
		machine_vm_changed(machine.vms[i]);
	}
	console_link_lost();
	if (was_up)
		stream_link();
}

static void machine_take_event(json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "event"));
	struct machine_vm *vm;
	const char *of = json_string_value(json_object_get(line, "vm"));

	if (!strcmp(name, "heartbeat"))
		return;
	vm = of ? machine_find(of) : NULL;
	if (vm && !strcmp(name, "configuration"))
		vm->config_stale = true;
	if (!asked.held)
		stream_event(line);
	else if (json_array_size(asked.held) < MACHINE_EVENTS)
		json_array_append(asked.held, line);
	machine_ask_list();
}

static void machine_line(json_t *line)
{
	machine.heard_s = machine_now_s();
	if (json_is_string(json_object_get(line, "event")))
		machine_take_event(line);
	else if (json_object_get(line, "sample"))
		machine_take_sample(line);
	else if (json_object_get(line, "stream") || json_object_get(line, "closed") ||
		 json_object_get(line, "credit"))
		console_line(line);
	else if (!json_object_get(line, "text"))
		link_counters.garbage_lines++;
}

bool machine_setup(const char *where, const char *password)
{
	static const struct link_client client = {machine_opened, machine_lost, machine_line};

	string_copy(asked.password, sizeof(asked.password), password ? password : "");
	return link_setup(where, &client, (int64_t)settings.silence_s * 1000);
}

void machine_tick(int64_t now_ms)
{
	if (now_ms < asked.refresh_ms || !machine.up)
		return;
	asked.refresh_ms = now_ms + MACHINE_REFRESH_MS;
	/* Whether the line still lives is seen by asking. */
	if ((int64_t)settings.silence_s * 500 < MACHINE_REFRESH_MS)
		asked.refresh_ms = now_ms + (int64_t)settings.silence_s * 500;
	machine_ask_rows();
	machine_ask_list();
}
