/* SPDX-License-Identifier: MIT */
/*
 * Keeps the cache of Skerry's state up to date: asks for lists, takes events and samples, and tells
 * the listener the changes. The link calls it with Skerry's lines, core's main function with the
 * time; it writes `host`.
 */

#include "gateway/core/host/host.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/host/config.h"
#include "gateway/link/link.h"

enum { HOST_REFRESH_MS = 10000, HOST_STORES_MS = 60000, HOST_EVENTS_BEFORE = 100 };

static struct {
	const struct host_listener *listener;
	char password[256];
	/* the list of VMs was asked for; `again`: it must be asked for once more after the reply */
	bool asking, again;
	bool password_sent;
	json_t *held; /* events that came while the missed events are being asked for */
	int64_t refresh_ms, stores_ms;
} asked;

bool host_reply_ok(json_t *reply)
{
	const char *status = json_string_value(json_object_get(reply, "status"));

	return status && !strcmp(status, "ok");
}

static void host_vm_free(unsigned index)
{
	struct host_vm *vm = host.vms[index];

	json_decref(vm->list);
	json_decref(vm->config);
	free(vm->config_text);
	free(vm->text);
	free(vm);
	host.vms[index] = host.vms[--host.vm_count];
}

static int host_compare(const void *a, const void *b)
{
	const struct host_vm *const *first = a;
	const struct host_vm *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

/*
 * Returns whether two objects of a VM differ in the members that the API shows, apart from
 * counters.
 */
static bool host_vm_differs(json_t *old, json_t *new)
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

static bool host_same(json_t *old, json_t *new, const char *key)
{
	json_t *first = json_object_get(old, key);
	json_t *second = json_object_get(new, key);

	return first == second || (first && second && json_equal(first, second));
}

static void host_take_vm(json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	struct host_vm *vm;
	bool differs;

	if (!name || !name_valid(name))
		return;
	vm = host_find(name);
	if (!vm) {
		vm = host.vm_count < HOST_VMS ? calloc(1, sizeof(*vm)) : NULL;
		if (!vm)
			return;
		string_copy(vm->name, sizeof(vm->name), name);
		host.vms[host.vm_count++] = vm;
	}
	differs = !vm->list || host_vm_differs(vm->list, object);
	if (!vm->list || !host_same(vm->list, object, "revision") ||
	    !host_same(vm->list, object, "uuid"))
		vm->config_stale = true;
	if (vm->list && !host_same(vm->list, object, "boots"))
		vm->sampled = false;
	json_decref(vm->list);
	vm->list = json_incref(object);
	vm->list_s = clock_now_s();
	vm->seen = true;
	host_vm_changed(vm);
	if (differs && host.up)
		asked.listener->vm(vm);
}

/* Sends Skerry a request, which it may answer before earlier ones. */
bool host_ask(const char *command, const char *const *words, link_reply *reply, uint64_t context)
{
	json_t *request = link_command(command, words, NULL);

	json_object_set_new(request, "order", json_string("any"));
	return link_ask(request, reply, context);
}

void host_tell_config(void)
{
	asked.listener->listed();
}

static void host_ask_list(void);

static void host_took_list(uint64_t unused, json_t *reply)
{
	json_t *object;
	size_t index;

	(void)unused;
	asked.asking = false;
	if (!host_reply_ok(reply))
		return;
	for (unsigned i = 0; i < host.vm_count; i++)
		host.vms[i]->seen = false;
	json_array_foreach(json_object_get(reply, "result"), index, object) host_take_vm(object);
	for (unsigned i = host.vm_count; i-- > 0;) {
		if (host.vms[i]->seen)
			continue;
		asked.listener->gone(host.vms[i]->name);
		host_vm_free(i);
	}
	qsort(host.vms, host.vm_count, sizeof(host.vms[0]), host_compare);
	host_ask_config();
	host.heard_s = clock_now_s();
	if (!host.up) {
		host.up = host.known = true;
		asked.listener->linked();
	}
	asked.listener->listed();
	if (asked.again)
		host_ask_list();
}

static void host_ask_list(void)
{
	if (asked.asking) {
		asked.again = true;
		return;
	}
	asked.again = false;
	asked.asking = host_ask("vm list", NULL, host_took_list, 0);
}

void host_refresh(void)
{
	host_ask_list();
}

/*
 * Takes in the new state of a VM from the reply to an action, so that it shows at once; the whole
 * list is asked for as well.
 */
void host_vm_patch(json_t *result)
{
	const char *name = json_string_value(json_object_get(result, "name"));
	struct host_vm *vm = name ? host_find(name) : NULL;
	json_t *state = json_object_get(result, "state");

	if (vm && json_is_string(state) && strcmp(host_vm_state(vm), json_string_value(state))) {
		json_object_set(vm->list, "state", state);
		json_object_set(vm->list, "reason", json_object_get(result, "reason"));
		host_vm_changed(vm);
		asked.listener->vm(vm);
	}
	host_refresh();
}

static void host_took_rows(uint64_t which, json_t *reply)
{
	json_t **place = which ? &host.memory : &host.cpu;

	if (!host_reply_ok(reply))
		return;
	json_decref(*place);
	*place = json_incref(json_object_get(reply, "result"));
}

static void host_took_fields(uint64_t unused, json_t *reply)
{
	(void)unused;
	if (host_reply_ok(reply))
		host_take_fields(reply);
}

static void host_took_traffic(uint64_t nets, json_t *reply)
{
	json_t *rows = json_object_get(reply, "result");

	if (!host_reply_ok(reply))
		return;
	if (nets)
		host_traffic_take_nets(rows, clock_now_s());
	else
		host_traffic_take_disks(rows, clock_now_s());
}

static void host_took_stores(uint64_t unused, json_t *reply)
{
	(void)unused;
	if (host_reply_ok(reply))
		host_store_take(json_object_get(reply, "result"));
}

static void host_ask_rows(void)
{
	host_ask("disk stat", NULL, host_took_traffic, 0);
	host_ask("net stat", NULL, host_took_traffic, 1);
	host_ask("cpu", NULL, host_took_rows, 0);
	host_ask("mem", NULL, host_took_rows, 1);
}

static void host_take_event(json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "event"));
	const struct host_event *event;

	if (name && !strcmp(name, "lost")) {
		host.events_lost += (uint64_t)json_integer_value(json_object_get(line, "count"));
		asked.listener->lost();
		return;
	}
	event = host_keep_event(line);
	if (event)
		asked.listener->event(event);
}

/*
 * Handles the events that were held back while the missed ones were asked for; host_take_event()
 * drops those that came twice.
 */
static void host_release(void)
{
	json_t *held = asked.held, *event;
	size_t index;

	asked.held = NULL;
	json_array_foreach(held, index, event) host_take_event(event);
	json_decref(held);
}

static void host_took_missed(uint64_t unused, json_t *reply)
{
	json_t *event;
	size_t index;

	(void)unused;
	/*
	 * too-old says that events are lost: the clients' streams get a new snapshot with the next
	 * list of VMs.
	 */
	if (reply && !host_reply_ok(reply)) {
		host.events_lost++;
		asked.listener->lost();
	}
	json_array_foreach(json_object_get(reply, "result"), index, event) host_take_event(event);
	host_release();
}

static void host_hello(void);

static void host_took_password(uint64_t unused, json_t *reply)
{
	(void)unused;
	if (!reply)
		return;
	if (host_reply_ok(reply))
		host_hello();
	else
		fprintf(stderr, "skerryd: Skerry refuses the channel's password\n");
}

static void host_copy(char *to, size_t room, json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, room, "%s", text ? text : "");
}

/*
 * Forgets all VMs, samples and events: a new boot id says that Skerry has booted again, and they
 * are gone.
 */
static void host_new_boot(void)
{
	while (host.vm_count)
		host_vm_free(0);
	for (unsigned i = 0; i < HOST_EVENTS; i++) {
		json_decref(host.events[i].line);
		host.events[i] = (struct host_event){0};
	}
	host.event_count = 0;
	host.last_sequence = 0;
	host.cpu_count = 0;
	host.traffic_count = 0;
	host_store_take(NULL);
	host.audit_findings = -1;
	asked.listener->rebooted();
}

/*
 * Returns the number of the first past event for which Skerry is asked: no more than a serial line
 * brings in a second or two.
 */
static int64_t host_events_from(json_t *hello)
{
	int64_t last = json_integer_value(json_object_get(hello, "event_last"));
	int64_t from = json_integer_value(json_object_get(hello, "event_first")) - 1;

	if (from < last - HOST_EVENTS_BEFORE)
		from = last - HOST_EVENTS_BEFORE;
	return from > 0 ? from : 0;
}

static void host_took_hello(uint64_t unused, json_t *reply)
{
	json_t *hello = json_array_get(json_object_get(reply, "result"), 0);
	const char *samples[] = {"every=1000", NULL};
	char boot[40], number[24];
	const char *since[] = {number, NULL};
	bool same;

	(void)unused;
	if (!reply)
		return;
	if (!host_reply_ok(reply) || json_integer_value(json_object_get(hello, "protocol")) < 2) {
		fprintf(stderr,
			"skerryd: Skerry does not speak version 2 of the machine channel\n");
		return;
	}
	if (json_is_true(json_object_get(hello, "locked"))) {
		if (asked.password[0] && !asked.password_sent)
			link_ask(json_pack("{s:s}", "auth", asked.password), host_took_password, 0);
		else
			fprintf(stderr, "skerryd: the machine channel is locked: name its "
					"password's file with --password-file\n");
		asked.password_sent = true;
		return;
	}
	host_copy(boot, sizeof(boot), hello, "boot");
	same = !strcmp(boot, host.boot);
	if (!same)
		host_new_boot();
	string_copy(host.boot, sizeof(host.boot), boot);
	host_copy(host.version, sizeof(host.version), hello, "version");
	host_copy(host.own, sizeof(host.own), hello, "vm");
	host.boot_time_ns = json_integer_value(json_object_get(hello, "time_ns"));
	host.hello_s = clock_now_s();
	json_decref(host.rights);
	host.rights = json_incref(json_object_get(hello, "rights"));
	if (!same)
		host.last_sequence = host_events_from(hello);
	snprintf(number, sizeof(number), "%lld", (long long)host.last_sequence);
	json_decref(asked.held);
	asked.held = json_array();
	if (!link_ask(link_command("events since", since, NULL), host_took_missed, 0))
		host_release();
	link_ask(link_command("samples", samples, NULL), host_took_fields, 0);
	host_ask_rows();
	host_ask_list();
}

static void host_hello(void)
{
	link_ask(json_pack("{s:i}", "hello", 2), host_took_hello, 0);
}

static void host_opened(void)
{
	asked.asking = asked.again = asked.password_sent = false;
	asked.stores_ms = 0;
	host_forget_config();
	host_hello();
}

static void host_lost(void)
{
	bool was_up = host.up;

	host.up = false;
	asked.asking = asked.again = false;
	host_forget_config();
	for (unsigned i = 0; i < host.vm_count; i++) {
		host.vms[i]->sampled = false;
		host_vm_changed(host.vms[i]);
	}
	asked.listener->broken();
	if (was_up)
		asked.listener->linked();
}

static void host_hear_event(json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "event"));
	struct host_vm *vm;
	const char *of = json_string_value(json_object_get(line, "vm"));

	if (!strcmp(name, "heartbeat"))
		return;
	vm = of ? host_find(of) : NULL;
	if (vm && !strcmp(name, "configuration"))
		vm->config_stale = true;
	if (!asked.held)
		host_take_event(line);
	else if (json_array_size(asked.held) < HOST_EVENTS)
		json_array_append(asked.held, line);
	host_ask_list();
}

static void host_hear_sample(json_t *line)
{
	double time_s;

	if (host_take_sample(line, &time_s))
		asked.listener->sample(time_s);
}

static void host_line(json_t *line)
{
	host.heard_s = clock_now_s();
	if (json_is_string(json_object_get(line, "event")))
		host_hear_event(line);
	else if (json_object_get(line, "sample"))
		host_hear_sample(line);
	else if (json_object_get(line, "stream") || json_object_get(line, "closed") ||
		 json_object_get(line, "credit"))
		asked.listener->console(line);
	else if (!json_object_get(line, "text"))
		link_counters.garbage_lines++;
}

bool host_setup(const char *where, const char *password, const struct host_listener *listener)
{
	static const struct link_client client = {host_opened, host_lost, host_line};

	asked.listener = listener;
	string_copy(asked.password, sizeof(asked.password), password ? password : "");
	return link_setup(where, &client, (int64_t)settings.silence_s * 1000);
}

void host_tick(int64_t now_ms)
{
	if (now_ms < asked.refresh_ms || !host.up)
		return;
	asked.refresh_ms = now_ms + HOST_REFRESH_MS;
	/*
	 * Ask at least twice in silence_s: only an unanswered request shows that the link is dead.
	 */
	if ((int64_t)settings.silence_s * 500 < HOST_REFRESH_MS)
		asked.refresh_ms = now_ms + (int64_t)settings.silence_s * 500;
	host_ask_rows();
	host_ask_list();
	if (now_ms < asked.stores_ms)
		return;
	asked.stores_ms = now_ms + HOST_STORES_MS;
	host_ask("store list", NULL, host_took_stores, 0);
}
