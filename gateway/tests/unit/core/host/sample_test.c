/* SPDX-License-Identifier: MIT */
/* What is made of a VM's samples, with Skerry's lines as they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/host/sample.c"

struct host host;
static struct host_vm vm = {.name = "alpha"};

struct host_vm *host_find(const char *name)
{
	return strcmp(name, vm.name) ? NULL : &vm;
}

void host_vm_changed(struct host_vm *changed)
{
	(void)changed;
}

/*
 * Sends a round of samples at `time_ms`, as Skerry does: the host first, then a VM unless its
 * values are as before.
 */
static void round_of(int64_t time_ms, int64_t guest_ms)
{
	json_t *round = json_pack("{s:n, s:I, s:[], s:i}", "sample", "time_ns",
				  (json_int_t)(time_ms * 1000000), "cpus", "free_bytes", 0);
	double time_s;
	json_t *line;

	assert_true(host_take_sample(round, &time_s));
	assert_true(time_s == (double)time_ms / 1000);
	json_decref(round);
	if (guest_ms < 0)
		return;
	line = json_pack("{s:s, s:I, s:[I]}", "sample", "alpha", "time_ns",
			 (json_int_t)(time_ms * 1000000 + 20000), "values",
			 (json_int_t)(guest_ms * 1000000));
	assert_false(host_take_sample(line, &time_s));
	json_decref(line);
}

static double cpu_percent(void)
{
	json_t *sample = host_sample_json(&vm);
	double percent = json_number_value(json_object_get(sample, "cpu_percent"));

	json_decref(sample);
	return percent;
}

static int setup(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	vm = (struct host_vm){.name = "alpha"};
	host.vms[0] = &vm;
	host.vm_count = 1;
	host.field_count = 1;
	strcpy(host.fields[0], "guest_ns");
	return 0;
}

static void test_a_vm_that_begins_after_a_rest(void **state)
{
	(void)state;
	round_of(1000, 0);
	assert_false(vm.sampled);
	for (int64_t at = 2000; at <= 5000; at += 1000)
		round_of(at, -1);
	assert_true(cpu_percent() < 0.1);
	round_of(6000, 1000);
	assert_true(cpu_percent() > 95 && cpu_percent() < 101);
	round_of(7000, 1500);
	assert_true(cpu_percent() > 45 && cpu_percent() < 51);
}

static void test_a_vm_that_rests(void **state)
{
	(void)state;
	round_of(1000, 0);
	round_of(2000, 500);
	round_of(3000, -1);
	assert_true(cpu_percent() > 45 && cpu_percent() < 51);
	round_of(4000, -1);
	assert_true(cpu_percent() < 0.1);
}

/* A VM's first sample tells no rate, however long the VM has run. */
static void test_the_first_sample(void **state)
{
	(void)state;
	round_of(1000, -1);
	round_of(2000, 3600000);
	assert_false(vm.sampled);
	round_of(3000, 3600500);
	assert_true(cpu_percent() > 45 && cpu_percent() < 51);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_vm_that_begins_after_a_rest, setup),
		cmocka_unit_test_setup(test_a_vm_that_rests, setup),
		cmocka_unit_test_setup(test_the_first_sample, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
