/* SPDX-License-Identifier: MIT */
/*
 * Computes rates from samples, which are cumulative: each rate is the difference of the last two
 * samples. The cache calls it with Skerry's lines, and everything that shows a VM asks for rates;
 * it writes the samples in `host`.
 */
#include "gateway/core/host/host.h"

#include <stdio.h>
#include <string.h>

static int sample_field(const char *name)
{
	for (unsigned i = 0; i < host.field_count; i++) {
		if (!strcmp(host.fields[i], name))
			return (int)i;
	}
	return -1;
}

int64_t host_value(const struct host_vm *vm, const char *field)
{
	int index = sample_field(field);

	return index < 0 || !vm->now.time_ns ? -1 : vm->now.values[index];
}

void host_take_fields(json_t *reply)
{
	json_t *row = json_array_get(json_object_get(reply, "result"), 0);
	json_t *names = json_object_get(row, "fields"), *name;
	size_t index;

	host.field_count = 0;
	json_array_foreach(names, index, name)
	{
		if (index == HOST_FIELDS || !json_is_string(name))
			return;
		snprintf(host.fields[index], HOST_FIELD_BYTES, "%s", json_string_value(name));
		host.field_count++;
	}
}

static double sample_rate(const struct host_vm *vm, const char *field)
{
	int index = sample_field(field);
	int64_t span = vm->now.time_ns - vm->before.time_ns;
	int64_t grown;

	if (index < 0 || span <= 0)
		return 0;
	grown = vm->now.values[index] - vm->before.values[index];
	return grown > 0 ? (double)grown * 1e9 / (double)span : 0;
}

static double sample_percent(const struct host_vm *vm, const char *field)
{
	return sample_rate(vm, field) / 1e7;
}

static double sample_round(double value)
{
	return (double)(int64_t)(value * 10 + 0.5) / 10;
}

struct host_rates host_rates(const struct host_vm *vm)
{
	int64_t resident = host_value(vm, "resident_bytes");

	return (struct host_rates){
		.cpu_percent = sample_percent(vm, "guest_ns") + sample_percent(vm, "monitor_ns"),
		.steal_percent = sample_percent(vm, "steal_ns"),
		.halted_percent = sample_percent(vm, "halted_ns"),
		.exits_per_s = sample_rate(vm, "exits"),
		.resident_bytes = resident < 0 ? 0 : (double)resident,
	};
}

json_t *host_sample_json(const struct host_vm *vm)
{
	json_t *exits, *sample;
	struct host_rates rates = host_rates(vm);

	if (!vm->sampled)
		return json_null();
	exits = json_object();
	for (unsigned i = 0; i < host.field_count; i++) {
		const char *field = host.fields[i];
		double rate = strncmp(field, "exit.", 5) ? 0 : sample_rate(vm, field);

		if (rate > 0)
			json_object_set_new(exits, field + 5, json_real(sample_round(rate)));
	}
	sample = json_pack(
		"{s:f, s:f, s:f, s:f, s:o, s:I}", "cpu_percent", sample_round(rates.cpu_percent),
		"steal_percent", sample_round(rates.steal_percent), "halted_percent",
		sample_round(rates.halted_percent), "exits_per_s", sample_round(rates.exits_per_s),
		"exits", exits, "resident_bytes", (json_int_t)rates.resident_bytes);
	return sample;
}

json_t *host_cpus_json(void)
{
	json_t *cpus = json_array();

	for (unsigned i = 0; i < host.cpu_count; i++) {
		const struct host_cpu *cpu = &host.cpus[i];
		double guest = sample_round(cpu->guest_percent);

		json_array_append_new(cpus,
				      json_pack("{s:i, s:f, s:o}", "id", (int)i, "busy_percent",
						sample_round(cpu->busy_percent), "guest_percent",
						cpu->guest_known ? json_real(guest) : json_null()));
	}
	return cpus;
}

static void sample_cpus(json_t *list, int64_t time_ns)
{
	double span = (double)(time_ns - host.cpu_time_ns);
	unsigned known = host.cpu_time_ns ? host.cpu_count : 0;
	json_t *row;
	size_t i;

	host.cpu_count = 0;
	json_array_foreach(list, i, row)
	{
		int64_t busy = json_integer_value(json_array_get(row, 0));
		int64_t guest = json_integer_value(json_array_get(row, 1));
		struct host_cpu *cpu = &host.cpus[i];

		if (i == HOST_CPUS)
			break;
		cpu->busy_percent = cpu->guest_percent = 0;
		if (i < known && span > 0) {
			cpu->busy_percent = (double)(busy - cpu->busy_ns) * 100 / span;
			cpu->guest_percent = (double)(guest - cpu->guest_ns) * 100 / span;
		}
		cpu->guest_known = json_is_integer(json_array_get(row, 1));
		cpu->busy_ns = busy;
		cpu->guest_ns = guest;
		cpu->idle_ns = json_integer_value(json_array_get(row, 2));
		host.cpu_count++;
	}
	host.cpu_time_ns = time_ns;
}

/*
 * Takes in the host's sample, which comes first in each round. A VM without a sample in the round
 * before did nothing until that round: its old sample gets that round's time, as its rates would
 * otherwise be computed over too short a time.
 */
static void sample_host(json_t *line, int64_t time_ns)
{
	int64_t round_ns = host.cpu_time_ns;

	sample_cpus(json_object_get(line, "cpus"), time_ns);
	host.free_bytes = json_integer_value(json_object_get(line, "free_bytes"));
	for (unsigned i = 0; i < host.vm_count; i++) {
		struct host_vm *vm = host.vms[i];

		if (!vm->fresh && vm->now.time_ns) {
			vm->before = vm->now;
			if (round_ns > vm->now.time_ns)
				vm->now.time_ns = round_ns;
			vm->sampled = true;
			host_vm_changed(vm);
		}
		vm->fresh = false;
	}
}

bool host_take_sample(json_t *line, double *time_s)
{
	json_t *values = json_object_get(line, "values");
	const char *name = json_string_value(json_object_get(line, "sample"));
	int64_t time_ns = json_integer_value(json_object_get(line, "time_ns"));
	struct host_vm *vm;
	bool first;

	if (json_is_null(json_object_get(line, "sample"))) {
		sample_host(line, time_ns);
		*time_s = (double)time_ns / 1e9;
		return true;
	}
	vm = name ? host_find(name) : NULL;
	if (!vm || json_array_size(values) != host.field_count)
		return false;
	first = vm->now.time_ns == 0;
	vm->before = vm->now;
	vm->now.time_ns = time_ns;
	for (unsigned i = 0; i < host.field_count; i++)
		vm->now.values[i] = json_integer_value(json_array_get(values, i));
	vm->sampled = !first && vm->now.time_ns > vm->before.time_ns;
	vm->fresh = true;
	host_vm_changed(vm);
	return false;
}
