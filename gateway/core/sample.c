/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "gateway/core/machine.h"
#include "gateway/core/stream.h"

/* Samples are cumulative; rates are the difference of the last two. */

static int sample_field(const char *name)
{
	for (unsigned i = 0; i < machine.field_count; i++) {
		if (!strcmp(machine.fields[i], name))
			return (int)i;
	}
	return -1;
}

int64_t machine_value(const struct machine_vm *vm, const char *field)
{
	int index = sample_field(field);

	return index < 0 || !vm->now.time_ns ? -1 : vm->now.values[index];
}

void machine_take_fields(json_t *reply)
{
	json_t *row = json_array_get(json_object_get(reply, "result"), 0);
	json_t *names = json_object_get(row, "fields"), *name;
	size_t index;

	machine.field_count = 0;
	json_array_foreach(names, index, name)
	{
		if (index == MACHINE_FIELDS || !json_is_string(name))
			return;
		snprintf(machine.fields[index], MACHINE_FIELD_BYTES, "%s", json_string_value(name));
		machine.field_count++;
	}
}

static double sample_rate(const struct machine_vm *vm, const char *field)
{
	int index = sample_field(field);
	int64_t span = vm->now.time_ns - vm->before.time_ns;
	int64_t grown;

	if (index < 0 || span <= 0)
		return 0;
	grown = vm->now.values[index] - vm->before.values[index];
	return grown > 0 ? (double)grown * 1e9 / (double)span : 0;
}

static double sample_percent(const struct machine_vm *vm, const char *field)
{
	return sample_rate(vm, field) / 1e7;
}

static double sample_round(double value)
{
	return (double)(int64_t)(value * 10 + 0.5) / 10;
}

json_t *machine_sample_json(const struct machine_vm *vm)
{
	json_t *exits, *sample;
	int64_t resident = machine_value(vm, "resident_bytes");

	if (!vm->sampled)
		return json_null();
	exits = json_object();
	for (unsigned i = 0; i < machine.field_count; i++) {
		const char *field = machine.fields[i];
		double rate = strncmp(field, "exit.", 5) ? 0 : sample_rate(vm, field);

		if (rate > 0)
			json_object_set_new(exits, field + 5, json_real(sample_round(rate)));
	}
	sample = json_pack(
		"{s:f, s:f, s:f, s:f, s:o, s:I}", "cpu_percent",
		sample_round(sample_percent(vm, "guest_ns") + sample_percent(vm, "monitor_ns")),
		"steal_percent", sample_round(sample_percent(vm, "steal_ns")), "halted_percent",
		sample_round(sample_percent(vm, "halted_ns")), "exits_per_s",
		sample_round(sample_rate(vm, "exits")), "exits", exits, "resident_bytes",
		(json_int_t)(resident < 0 ? 0 : resident));
	return sample;
}

json_t *machine_cpus_json(void)
{
	json_t *cpus = json_array();

	for (unsigned i = 0; i < machine.cpu_count; i++) {
		const struct machine_cpu *cpu = &machine.cpus[i];
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
	double span = (double)(time_ns - machine.cpu_time_ns);
	unsigned known = machine.cpu_time_ns ? machine.cpu_count : 0;
	json_t *row;
	size_t i;

	machine.cpu_count = 0;
	json_array_foreach(list, i, row)
	{
		int64_t busy = json_integer_value(json_array_get(row, 0));
		int64_t guest = json_integer_value(json_array_get(row, 1));
		struct machine_cpu *cpu = &machine.cpus[i];

		if (i == MACHINE_CPUS)
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
		machine.cpu_count++;
	}
	machine.cpu_time_ns = time_ns;
}

/*
 * The host's comes first in each round: a VM that was left out of the one before did nothing until
 * then. With the time of this one what it does next would seem to be done within a moment.
 */
static void sample_host(json_t *line, int64_t time_ns)
{
	int64_t round_ns = machine.cpu_time_ns;

	sample_cpus(json_object_get(line, "cpus"), time_ns);
	machine.free_bytes = json_integer_value(json_object_get(line, "free_bytes"));
	for (unsigned i = 0; i < machine.vm_count; i++) {
		struct machine_vm *vm = machine.vms[i];

		if (!vm->fresh && vm->now.time_ns) {
			vm->before = vm->now;
			if (round_ns > vm->now.time_ns)
				vm->now.time_ns = round_ns;
			vm->sampled = true;
			machine_vm_changed(vm);
		}
		vm->fresh = false;
	}
	stream_sample((double)time_ns / 1e9);
}

void machine_take_sample(json_t *line)
{
	json_t *values = json_object_get(line, "values");
	const char *name = json_string_value(json_object_get(line, "sample"));
	int64_t time_ns = json_integer_value(json_object_get(line, "time_ns"));
	struct machine_vm *vm;
	bool first;

	if (json_is_null(json_object_get(line, "sample"))) {
		sample_host(line, time_ns);
		return;
	}
	vm = name ? machine_find(name) : NULL;
	if (!vm || json_array_size(values) != machine.field_count)
		return;
	first = vm->now.time_ns == 0;
	vm->before = vm->now;
	vm->now.time_ns = time_ns;
	for (unsigned i = 0; i < machine.field_count; i++)
		vm->now.values[i] = json_integer_value(json_array_get(values, i));
	vm->sampled = !first && vm->now.time_ns > vm->before.time_ns;
	vm->fresh = true;
	machine_vm_changed(vm);
}
