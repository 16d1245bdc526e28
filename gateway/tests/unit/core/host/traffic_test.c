/* SPDX-License-Identifier: MIT */
/* What is made of Skerry's counts of disks and networks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/core/common/name.c"
#include "gateway/core/host/traffic.c"

struct host host;
static struct host_vm web = {.name = "web"};
static struct host_vm namesake = {.name = "net0"}; /* a VM by the name of an uplink's card */

struct host_vm *host_find(const char *name)
{
	return !strcmp(name, "web") ? &web : !strcmp(name, "net0") ? &namesake : NULL;
}

/* Hands over what VM `vm` has had of the disk `disk`. */
static void disks(const char *disk, const char *vm, int kib, double now_s)
{
	json_t *rows = json_pack("[{s:s, s:s, s:i, s:i, s:i}]", "disk", disk, "vm", vm, "requests",
				 kib, "read_bytes", kib * 1024, "written_bytes", kib * 2048);

	host_traffic_take_disks(rows, now_s);
	json_decref(rows);
}

static int setup(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	return 0;
}

static void test_disks(void **state)
{
	const struct host_traffic *thing;

	(void)state;
	disks("pool/a", "web", 100, 1000);
	assert_true(isnan(host_traffic_find(HOST_TRAFFIC_DISK, "pool/a")->rates[0]));
	disks("pool/a", "web", 200, 1010);
	thing = host_traffic_find(HOST_TRAFFIC_DISK, "pool/a");
	assert_true(thing->rates[0] == 10 && thing->rates[1] == 10240 && thing->rates[2] == 20480);
	thing = host_traffic_find(HOST_TRAFFIC_VM, "web");
	assert_true(thing->rates[0] == 10240 && thing->rates[1] == 20480);
	assert_true(isnan(thing->rates[2]));
	/* The driver was started again: unknown once. */
	disks("pool/a", "web", 5, 1020);
	assert_true(isnan(host_traffic_find(HOST_TRAFFIC_DISK, "pool/a")->rates[1]));
	disks("pool/a", "web", 15, 1030);
	assert_true(host_traffic_find(HOST_TRAFFIC_DISK, "pool/a")->rates[1] == 1024);
	/* What is counted has not become less meanwhile, and has nothing twice. */
	assert_true(host_traffic_find(HOST_TRAFFIC_DISK, "pool/a")->counted[1] == 110 * 1024);
	assert_true(host_traffic_find(HOST_TRAFFIC_VM, "web")->counted[1] == 110 * 2048);
	/* Another disk comes, and the first is gone. */
	disks("b", "nobody", 15, 1040);
	assert_null(host_traffic_find(HOST_TRAFFIC_DISK, "pool/a"));
	assert_non_null(host_traffic_find(HOST_TRAFFIC_DISK, "b"));
	assert_null(host_traffic_find(HOST_TRAFFIC_VM, "nobody"));
	disks("../etc", "web", 15, 1050);
	assert_null(host_traffic_find(HOST_TRAFFIC_DISK, "../etc"));
}

static void nets(int kib, double now_s)
{
	json_t *rows =
		json_pack("[{s:s, s:s, s:s, s:i, s:i, s:i, s:{s:i, s:i}}, {s:s, s:s, s:s, s:i}]",
			  "net", "lan", "port", "web", "mac", "02:00:00:00:00:01",
			  "received_frames", kib, "received_bytes", kib * 1024, "sent_bytes",
			  kib * 4096, "dropped", "bad", kib, "full", kib, "net", "lan", "port",
			  "net0", "mac", "-", "received_bytes", kib * 1024);

	host_traffic_take_nets(rows, now_s);
	json_decref(rows);
}

static void test_nets(void **state)
{
	const struct host_traffic *thing;

	(void)state;
	nets(0, 1000);
	nets(10, 1010);
	thing = host_traffic_find(HOST_TRAFFIC_NET, "lan");
	assert_true(thing->rates[0] == 1 && thing->rates[1] == 2048 && thing->rates[2] == 2);
	/* What the network receives is what the VM sends. */
	thing = host_traffic_find(HOST_TRAFFIC_VM, "web");
	assert_true(thing->rates[2] == 4096 && thing->rates[3] == 1024);
	/* What all have sent through the uplink is not what a VM of its name has. */
	assert_null(host_traffic_find(HOST_TRAFFIC_VM, "net0"));
}

static void test_there_may_be_too_many(void **state)
{
	json_t *rows = json_array();

	(void)state;
	for (int i = 0; i < HOST_TRAFFIC + 10; i++) {
		char name[16];

		snprintf(name, sizeof(name), "disk%d", i);
		json_array_append_new(rows, json_pack("{s:s, s:i}", "disk", name, "requests", -5));
	}
	host_traffic_take_disks(rows, 1000);
	host_traffic_take_disks(rows, 1001);
	assert_int_equal(host.traffic_count, HOST_TRAFFIC);
	assert_true(host.traffic[0].rates[0] == 0);
	json_decref(rows);
	host_traffic_take_disks(NULL, 1002);
	assert_int_equal(host.traffic_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_disks, setup),
		cmocka_unit_test_setup(test_nets, setup),
		cmocka_unit_test_setup(test_there_may_be_too_many, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
