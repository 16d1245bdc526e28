/* SPDX-License-Identifier: MIT */
#pragma once

/* Histories of a host with one VM, in a folder of their own, by clocks that are the test's. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/buffer.c"
#include "gateway/core/common/name.c"

/* The clocks of the code are the test's own. */
#include "gateway/core/common/clock.h"
static time_t test_time;
static double test_clock_s;
#define time(unused)  test_time
#define clock_now_s() test_clock_s

#include "gateway/core/history/history.c"
#include "gateway/core/history/history_file.c"
#include "gateway/core/history/history_form.c"
#include "gateway/core/history/history_record.c"
#include "gateway/core/history/history_room.c"

#define WEB (&history_forms[HISTORY_VM])
enum { BEGIN = 1800000000 }; /* whole minutes and hours since 1970 */

struct host host;
struct settings settings = {.audit_kib = 1024, .audit_files = 1};
static struct host_vm web = {.name = "web", .sampled = true};
static struct host_rates rates;
static int folder = -1;
static char folder_path[64];

int state_folder(void)
{
	return folder;
}

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
	(void)vm;
	return "running";
}

struct host_rates host_rates(const struct host_vm *vm)
{
	(void)vm;
	return rates;
}

const struct host_traffic *host_traffic_find(enum host_traffic_kind kind, const char *name)
{
	(void)kind;
	(void)name;
	return NULL;
}

static bool is_of_run(const char *name)
{
	return !strncmp(name, "run_", 4);
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder_path, sizeof(folder_path), "/tmp/history-test-XXXXXX");
	assert_non_null(mkdtemp(folder_path));
	folder = open(folder_path, O_RDONLY | O_DIRECTORY);
	memset(&host, 0, sizeof(host));
	host.known = true;
	host.vms[0] = &web;
	host.vm_count = 1;
	memset(&history, 0, sizeof(history));
	test_time = BEGIN;
	test_clock_s = 1000;
	rates = (struct host_rates){.cpu_percent = 50, .resident_bytes = 1 << 20};
	history_setup(512, is_of_run);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	while (history.things) {
		struct history_thing *thing = history.things;

		history.things = thing->next;
		free(thing);
	}
	close(folder);
	close(file_folder);
	snprintf(command, sizeof(command), "rm -r %s", folder_path);
	return system(command);
}

/* Lets `seconds` pass with a round of samples in each. */
static void pass(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		test_time++;
		test_clock_s++;
		history_sample();
	}
}

static struct history_point point_at(uint32_t from, uint32_t step_s)
{
	struct history_point point;

	assert_true(history_read("vm/web", from, step_s, 1, &point));
	return point;
}

static bool is_there(const char *name)
{
	return faccessat(file_folder, name, F_OK, 0) == 0;
}
