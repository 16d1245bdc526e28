/* SPDX-License-Identifier: MIT */
/*
 * The handler of /metrics, Prometheus text 0.0.4. It reads the cache and counters, and sends no
 * requests. A VM's name is the only label whose values are not fixed; no character of a name needs
 * an escape.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/scope.h"
#include "gateway/link/link.h"

static void metrics_head(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static bool metrics_sees(const struct request *request, const struct host_vm *vm)
{
	return scope_has(request->who.scope, vm->name);
}

static double metrics_seconds(int64_t ns)
{
	return (double)(ns < 0 ? 0 : ns) / 1e9;
}

static void metrics_cpu(const struct request *request, struct buffer *out)
{
	static const char *const modes[][2] = {{"guest", "guest_ns"},
					       {"monitor", "monitor_ns"},
					       {"steal", "steal_ns"},
					       {"halted", "halted_ns"}};

	metrics_head(out, "skerry_vm_cpu_seconds_total", "counter",
		     "Time of a VM's CPUs by what they did, since its boot.");
	for (unsigned i = 0; i < host.vm_count; i++) {
		for (size_t mode = 0; mode < 4; mode++) {
			int64_t ns = host_value(host.vms[i], modes[mode][1]);

			if (ns >= 0 && metrics_sees(request, host.vms[i]))
				buffer_format(
					out,
					"skerry_vm_cpu_seconds_total{vm=\"%s\",mode=\"%s\"} %.6f\n",
					host.vms[i]->name, modes[mode][0], metrics_seconds(ns));
		}
	}
}

static void metrics_exits(const struct request *request, struct buffer *out)
{
	metrics_head(out, "skerry_vm_exits_total", "counter",
		     "Exits of a VM's CPUs by reason, since its boot.");
	for (unsigned i = 0; i < host.vm_count; i++) {
		const struct host_vm *vm = host.vms[i];

		for (unsigned field = 0; field < host.field_count && vm->now.time_ns; field++) {
			const char *name = host.fields[field];

			/* Exit reasons that have not occurred are left out, as there are 40. */
			if (!strncmp(name, "exit.", 5) && vm->now.values[field] > 0 &&
			    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") ==
				    strlen(name) &&
			    metrics_sees(request, vm))
				buffer_format(
					out,
					"skerry_vm_exits_total{vm=\"%s\",reason=\"%s\"} %lld\n",
					vm->name, name + 5, (long long)vm->now.values[field]);
		}
	}
}

static void metrics_state(const struct request *request, struct buffer *out)
{
	static const char *const states[] = {"created", "running", "paused", "stopped", "crashed"};

	metrics_head(out, "skerry_vm_state", "gauge", "1 for the state that a VM is in.");
	for (unsigned i = 0; i < host.vm_count; i++) {
		for (size_t state = 0; state < ARRAY_COUNT(states); state++) {
			if (metrics_sees(request, host.vms[i]))
				buffer_format(out, "skerry_vm_state{vm=\"%s\",state=\"%s\"} %d\n",
					      host.vms[i]->name, states[state],
					      !strcmp(states[state], host_vm_state(host.vms[i])));
		}
	}
}

/* Writes, for each VM, a gauge or counter whose value is a key of `vm list`. */
static void metrics_key(const struct request *request, struct buffer *out, const char *name,
			const char *type, const char *labels, const char *key, double scale)
{
	for (unsigned i = 0; i < host.vm_count; i++) {
		json_t *value = json_object_get(host.vms[i]->list, key);

		(void)type;
		if (json_is_integer(value) && metrics_sees(request, host.vms[i]))
			buffer_format(out, "%s{vm=\"%s\"%s} %.17g\n", name, host.vms[i]->name,
				      labels, (double)json_integer_value(value) * scale);
	}
}

static void metrics_vms(const struct request *request, struct buffer *out)
{
	metrics_state(request, out);
	metrics_cpu(request, out);
	metrics_exits(request, out);
	metrics_head(out, "skerry_vm_memory_bytes", "gauge",
		     "Memory of a VM: what it was promised, what it takes of the machine.");
	metrics_key(request, out, "skerry_vm_memory_bytes", "gauge", ",kind=\"promised\"",
		    "memory_bytes", 1);
	metrics_key(request, out, "skerry_vm_memory_bytes", "gauge", ",kind=\"resident\"",
		    "resident_bytes", 1);
	metrics_head(out, "skerry_vm_uptime_seconds", "gauge", "Since the VM's boot.");
	metrics_key(request, out, "skerry_vm_uptime_seconds", "gauge", "", "uptime_ns", 1e-9);
	metrics_head(out, "skerry_vm_boots_total", "counter", "How often the VM was started.");
	metrics_key(request, out, "skerry_vm_boots_total", "counter", "", "boots", 1);
	metrics_head(out, "skerry_vm_missed_deadlines_total", "counter",
		     "Periods in which a VM did not get what was reserved for it.");
	metrics_key(request, out, "skerry_vm_missed_deadlines_total", "counter", "",
		    "missed_deadlines", 1);
}

/* A metric of what all things of one kind have transferred since the gateway knows them. */
struct metrics_traffic {
	enum host_traffic_kind kind;
	unsigned place;			  /* the index of its value in host_traffic.counted */
	const char *name, *labels, *help; /* help: NULL if the metric before has the same name */
};

static const struct metrics_traffic metrics_traffics[] = {
	{HOST_TRAFFIC_VM, 0, "skerry_vm_disk_bytes_total", ",direction=\"read\"",
	 "Bytes of a VM's disks."},
	{HOST_TRAFFIC_VM, 1, "skerry_vm_disk_bytes_total", ",direction=\"written\"", NULL},
	{HOST_TRAFFIC_VM, 2, "skerry_vm_network_bytes_total", ",direction=\"received\"",
	 "Bytes of a VM's network cards."},
	{HOST_TRAFFIC_VM, 3, "skerry_vm_network_bytes_total", ",direction=\"sent\"", NULL},
	{HOST_TRAFFIC_DISK, 0, "skerry_disk_requests_total", "", "Requests to a disk or volume."},
	{HOST_TRAFFIC_DISK, 1, "skerry_disk_bytes_total", ",direction=\"read\"",
	 "Bytes of a disk or volume."},
	{HOST_TRAFFIC_DISK, 2, "skerry_disk_bytes_total", ",direction=\"written\"", NULL},
	{HOST_TRAFFIC_NET, 0, "skerry_network_frames_total", "",
	 "Frames that a network was sent by all who are on it."},
	{HOST_TRAFFIC_NET, 1, "skerry_network_bytes_total", "",
	 "Bytes that a network was sent by all who are on it."},
	{HOST_TRAFFIC_NET, 2, "skerry_network_dropped_total", "", "Frames that a network dropped."},
};

/* Returns whether the asker sees a thing. Disks and networks belong to no VM and take scope *. */
static bool metrics_sees_traffic(const struct request *request, const struct host_traffic *thing)
{
	return thing->kind == HOST_TRAFFIC_VM ? scope_has(request->who.scope, thing->name)
					      : !strcmp(request->who.scope, "*");
}

/* Writes the traffic of VMs, disks and networks since the gateway has known them. */
static void metrics_traffic(const struct request *request, struct buffer *out)
{
	static const char *const label[] = {[HOST_TRAFFIC_DISK] = "disk",
					    [HOST_TRAFFIC_NET] = "network",
					    [HOST_TRAFFIC_VM] = "vm"};

	for (size_t i = 0; i < ARRAY_COUNT(metrics_traffics); i++) {
		const struct metrics_traffic *each = &metrics_traffics[i];

		if (each->help)
			metrics_head(out, each->name, "counter", each->help);
		for (unsigned t = 0; t < host.traffic_count; t++) {
			const struct host_traffic *thing = &host.traffic[t];

			if (thing->kind != each->kind || thing->total[each->place] < 0 ||
			    !metrics_sees_traffic(request, thing))
				continue;
			buffer_format(out, "%s{%s=\"%s\"%s} %llu\n", each->name, label[thing->kind],
				      thing->name, each->labels,
				      (unsigned long long)thing->counted[each->place]);
		}
	}
}

static void metrics_host_cpu(struct buffer *out, unsigned cpu, const char *mode, int64_t ns)
{
	buffer_format(out, "skerry_host_cpu_seconds_total{cpu=\"%u\",mode=\"%s\"} %.6f\n", cpu,
		      mode, metrics_seconds(ns));
}

static void metrics_host(struct buffer *out)
{
	json_t *row;
	size_t i;

	metrics_head(out, "skerry_host_cpu_seconds_total", "counter",
		     "Time of the machine's CPUs by what they did.");
	for (unsigned cpu = 0; cpu < host.cpu_count; cpu++) {
		metrics_host_cpu(out, cpu, "busy", host.cpus[cpu].busy_ns);
		metrics_host_cpu(out, cpu, "idle", host.cpus[cpu].idle_ns);
		if (host.cpus[cpu].guest_known)
			metrics_host_cpu(out, cpu, "guest", host.cpus[cpu].guest_ns);
	}
	metrics_head(out, "skerry_host_memory_bytes", "gauge", "The machine's memory by owner.");
	json_array_foreach(host.memory, i, row)
	{
		const char *owner = json_string_value(json_object_get(row, "owner"));

		if (owner && strspn(owner, "abcdefghijklmnopqrstuvwxyz") == strlen(owner))
			buffer_format(out, "skerry_host_memory_bytes{owner=\"%s\"} %lld\n", owner,
				      (long long)json_integer_value(json_object_get(row, "pages")) *
					      4096);
	}
}

static void metrics_number(struct buffer *out, const char *name, const char *type, const char *help,
			   double value)
{
	metrics_head(out, name, type, help);
	buffer_format(out, "%s %.17g\n", name, value);
}

static void metrics_server(struct buffer *out)
{
	metrics_number(out, "skerry_link_up", "gauge", "1 while the link to Skerry is up.",
		       host.up);
	metrics_number(out, "skerry_link_connections_total", "counter",
		       "How often the link was opened.", (double)link_counters.connections);
	metrics_number(out, "skerry_link_received_bytes_total", "counter",
		       "Bytes that Skerry has sent.", (double)link_counters.received_bytes);
	metrics_number(out, "skerry_link_sent_bytes_total", "counter",
		       "Bytes that Skerry was sent.", (double)link_counters.sent_bytes);
	metrics_number(out, "skerry_link_garbage_lines_total", "counter",
		       "Lines on the link that could not be used.",
		       (double)link_counters.garbage_lines);
	metrics_number(out, "skerry_events_lost_total", "counter",
		       "Events that Skerry could not deliver.", (double)host.events_lost);
	if (host.audit_findings >= 0)
		metrics_number(out, "skerry_audit_findings", "gauge",
			       "What the last walk over every page has found.",
			       (double)host.audit_findings);
	metrics_number(out, "skerryd_audit_works", "gauge", "1 while the audit can be written.",
		       audit_works());
	metrics_number(out, "skerryd_audit_counted_total", "counter",
		       "Denied requests that were counted and have no line in the audit.",
		       (double)audit_denied_counted());
	metrics_head(out, "skerryd_requests_total", "counter", "Requests by route and status.");
	for (size_t i = 0; i < ARRAY_COUNT(answer_counters); i++) {
		const struct answer_counter *each = &answer_counters[i];

		if (each->count)
			buffer_format(out,
				      "skerryd_requests_total{route=\"%s %s\",code=\"%u\"} %llu\n",
				      each->route ? each->route->method : "-",
				      each->route ? each->route->path : "-", each->status,
				      (unsigned long long)each->count);
	}
}

void api_metrics(struct request *request)
{
	struct buffer out = {0};

	metrics_vms(request, &out);
	metrics_traffic(request, &out);
	metrics_host(&out);
	metrics_server(&out);
	if (out.failed)
		answer_problem(request, 500, "failed", "the gateway is out of memory");
	else
		answer_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8", out.bytes,
			     out.count);
	buffer_free(&out);
}
