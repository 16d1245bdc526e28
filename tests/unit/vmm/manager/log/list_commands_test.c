/* SPDX-License-Identifier: MIT */
/* Commands whose output grows with the machine: it is complete, however little room there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/inspect/entropy_names.c"
#include "vmm/manager/log/log_cost.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/commands/cpu.c"
#include "vmm/manager/host/leak.c"
#include "vmm/manager/commands/log_stat.c"

#define VMS  120u
#define CPUS CPU_MAX

static struct kernel_page *page;
static struct vm vms[VMS];
static struct log_stats stats;
static struct log_store stores[2];
static u32 room;
static u32 objects;
static u32 lines;
static char last[REPLY_LINE_BYTES];

static void take(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	assert_int_not_equal(kind, REPLY_ERROR);
	assert_true(text.length < room);
	room -= (u32)text.length;
	if (kind == REPLY_OBJECT)
		objects++;
	else
		lines++;
	text_copy(last, sizeof(last), text);
}

static u32 room_left(void *context)
{
	(void)context;
	return room;
}

static const struct requester asker = {.put = take, .room = room_left};

const char *iommu_word(void)
{
	return "drivers are trusted";
}

const struct kernel_page *machine_page(void)
{
	return page;
}

struct leak_cpu leak_cpu_read(void)
{
	return (struct leak_cpu){.is.version = 0x50654}; /* open to much */
}

struct vm *vm_at(u64 place)
{
	return place < VMS ? &vms[place] : NULL;
}

struct vm *vm_by_id(u32 id)
{
	(void)id;
	return NULL;
}

struct log_stats *log_stats(void)
{
	return &stats;
}

struct log_store *log_lines(void)
{
	return &stores[0];
}

const struct log_store *log_audit_lines(void)
{
	return &stores[1];
}

u64 log_store_line_count(const struct log_store *store)
{
	(void)store;
	return 1;
}

u64 log_store_bytes(const struct log_store *store)
{
	(void)store;
	return 1;
}

u64 log_export_lost(void)
{
	return 0;
}

u64 log_kernel_write_tsc(void)
{
	return 0;
}

u64 log_kernel_written(void)
{
	return 0;
}

void log_take_kernel(void)
{
}

/* Runs a command to its end, each step with no more room than is kept free before a command. */
static void run_all(void (*command)(struct reply *reply, const struct arguments *arguments),
		    bool json)
{
	static const struct arguments none;
	static struct reply reply;

	reply = (struct reply){.to = &asker, .json = json};
	objects = lines = 0;
	room = REPLY_ITEM_BYTES + REPLY_LINE_BYTES;
	command(&reply, &none);
	for (u32 steps = 0; reply.resume != NULL; steps++) {
		assert_true(steps < 1000);
		room = REPLY_ITEM_BYTES + REPLY_LINE_BYTES;
		if (reply.resume(&reply))
			reply.resume = NULL;
	}
}

static void test_log_stat(void **state)
{
	(void)state;
	for (u32 i = 0; i < VMS; i++) {
		format(vms[i].config.name, CONFIG_NAME_BYTES, "a-name-as-long-as-it-can-be-%u", i);
		vms[i].log.dropped_all = i + 1;
	}
	vms[1].log.dropped_all = 0; /* there are no drops to report */
	run_all(command_log_stat_run, true);
	assert_int_equal(objects, 1 + VMS - 1);
	assert_string_equal(last, "{\"name\":\"a-name-as-long-as-it-can-be-119\",\"dropped\":120}");
	run_all(command_log_stat_run, false);
	assert_int_equal(lines, 23 + VMS - 1);
}

static void test_cpu(void **state)
{
	(void)state;
	page->cpu_count = CPUS;
	for (u32 i = 0; i < CPUS; i++)
		page->cpu[i] = (struct cpu_counters){.exits = ~0ull, .syscalls = ~0ull};
	run_all(command_cpu, true);
	assert_int_equal(objects, CPUS);
	assert_non_null(strstr(last, "\"id\":255,"));
	assert_null(strstr(last, "leaks")); /* only the first object has the leaks */
	run_all(command_cpu, false);
	assert_int_equal(lines, 1 + CPUS + 2 + LEAK_COUNT);
	assert_string_equal(last, "sgx              not applicable  no SGX");
	page->cpu_count = 1;
	run_all(command_cpu, true);
	assert_non_null(strstr(last, "\"speculation_open\":\"meltdown spectre-v2 "));
	assert_non_null(strstr(last, "{\"leak\":\"sgx\",\"state\":\"not applicable\","
				     "\"by\":\"no SGX\"}]}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_stat),
		cmocka_unit_test(test_cpu),
	};
	int failed;

	page = calloc(1, sizeof(*page) + CPUS * sizeof(page->cpu[0]));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(page);
	return failed;
}
