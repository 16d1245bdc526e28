/* SPDX-License-Identifier: MIT */
#pragma once

/* A driver's common part between clients and a device that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.c"
#include "tests/fake_clock.h"
#include "vmm/driver/disk/core/client.c"
#include "vmm/driver/disk/core/layer.c"
#include "vmm/driver/disk/core/request.c"
#include "vmm/driver/disk/core/scheduler.c"
#include "vmm/driver/disk/core/window.c"
#include "vmm/driver/disk/layers/changes.c"
#include "vmm/driver/disk/layers/stack.c"
#include "vmm/driver/disk/layers/store/pool_layout.c"
#include "vmm/driver/disk/layers/store/pool_load.c"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/driver/disk/layers/store/pool_sum.c"
#include "vmm/driver/disk/layers/store/pool_volume.c"
#include "vmm/driver/disk/layers/store/store.c"
#include "vmm/driver/disk/layers/store/store_check.c"
#include "vmm/driver/disk/layers/store/store_command.c"
#include "vmm/driver/disk/layers/store/store_commit.c"
#include "vmm/driver/disk/layers/store/store_fill.c"
#include "vmm/driver/disk/layers/store/store_grow.c"
#include "vmm/driver/disk/layers/store/store_io.c"
#include "vmm/driver/disk/layers/store/store_layer.c"
#include "vmm/driver/disk/layers/store/store_lease.c"
#include "vmm/driver/disk/layers/store/store_load.c"
#include "vmm/driver/disk/layers/store/store_scrub.c"
#include "vmm/driver/disk/layers/store/store_sum.c"
#include "vmm/driver/disk/layers/store/store_tell.c"
#include "vmm/driver/disk/layers/undo.c"
#include "vmm/driver/disk/layers/undo_move.c"
#include "vmm/driver/disk/layers/undo_store.c"
#include "vmm/driver/disk/layers/view.c"
#include "vmm/rt/crc32c.c"
#include "vmm/io/bucket.c"
#include "vmm/io/link.c"
#include "vmm/io/share.c"
#include "vmm/io/slots.c"

#define QUEUE	     5u
#define KEY	     16u
#define FIRST_SECTOR 1000u
#define SECTORS	     20000u
#define DOORBELL(n)  (100u + (n))
#define BELL(n)	     (200u + (n))

/* The clients' side of the links. */
struct peer {
	struct link_memory *memory;
	struct link_end end;
	u32 bells;
	bool bound;
};

static struct driver_channel shared;
static struct peer peers[DRIVER_CLIENT_MAX];
static const u64 pages[BLOCK_POOL_PAGES];
static u32 told; /* how often the manager was told */
static u32 last_number;

/* The requests that the device was given, in order, until the test finishes them. */
static struct driver_request *given[DRIVER_DEPTH];
static u32 given_count;
static u32 device_room;

enum status sys_object_bind(handle_t handle, handle_t bound_to, u64 key)
{
	u64 number = key - KEY;

	assert_int_equal(bound_to, QUEUE);
	assert_true(number < DRIVER_CLIENT_MAX);
	assert_int_equal(handle, DOORBELL(number));
	peers[number].bound = true;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

/* The pages of the clients' RAM that the device reaches. */
static u64 populated[64];
static u32 populated_count;
static u32 populate_left;
static u64 leaf_bytes;

handle_t start_handle(enum start_kind kind)
{
	return kind == START_DMA_SPACE ? 9 : HANDLE_NONE;
}

enum status sys_space_populate(handle_t space, u64 at, u32 access, u64 *bytes)
{
	assert_int_equal(space, 9);
	assert_int_equal(access, RIGHT_WRITE);
	assert_true(populated_count < 64);
	if (populate_left == 0)
		return STATUS_NO_QUOTA;
	populate_left--;
	populated[populated_count++] = at;
	*bytes = leaf_bytes;
	return populated_count == 1 ? STATUS_AGAIN : STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	assert_true(event - BELL(0) < DRIVER_CLIENT_MAX);
	peers[event - BELL(0)].bells++;
	return STATUS_OK;
}

void process_tell_manager(void)
{
	told++;
}

/* The driver's own pages. */
static u8 own[DRIVER_OWN_PAGES * PAGE_SIZE];

struct driver_dma process_own_memory(void)
{
	return (struct driver_dma){.memory = own, .pages = DRIVER_OWN_PAGES};
}

void driver_give_up(const char *pattern, ...)
{
	fail_msg("%s", pattern);
	abort();
}

static u32 full_unit = ~0u; /* a disk that takes nothing; ~0: all do */

static bool submit(struct driver_request *request)
{
	if (given_count >= device_room || request->unit == full_unit)
		return false;
	given[given_count++] = request;
	return true;
}

const struct driver_ops driver_ops = {.submit = submit};

/* The device has done one of its requests. */
static UNUSED void finish_at(u32 at, enum block_status status)
{
	struct driver_request *request = given[at];

	assert_true(at < given_count);
	given_count--;
	memmove(given + at, given + at + 1, (given_count - at) * sizeof(given[0]));
	request_finish(request, status);
}

/* The request that the device has had for the longest. */
static UNUSED void finish_first(enum block_status status)
{
	finish_at(0, status);
}

static UNUSED void raise_generation(struct peer *peer)
{
	peer->memory->generation++;
	assert_true(link_renewed(&peer->end));
	scheduler_hear((u64)(peer - peers));
}

/* Attaches a client as the manager does; the driver then sees it. */
static UNUSED void attach(u32 index, bool read_only)
{
	struct peer *peer = &peers[index];

	peer->memory = calloc(1, shared.client[index].disk.view.number != 0
					 ? BLOCK_BOUNCE_OFFSET + BLOCK_BOUNCE_BYTES
					 : BLOCK_LINK_BYTES);
	slot_open(&peer->end, peer->memory, LINK_CLIENT);
	raise_generation(peer);
	shared.client[index] = (struct driver_client){
		.link = (u64)(uintptr_t)peer->memory,
		.disk.first_sector = FIRST_SECTOR,
		.disk.sectors = SECTORS,
		.doorbell = DOORBELL(index),
		.bell = BELL(index),
		.disk.read_only = read_only,
		.disk.view = shared.client[index].disk.view,
		.disk.store = shared.client[index].disk.store,
		.number = ++last_number,
	};
	client_take_commands();
	assert_int_equal(shared.served[index], last_number);
	assert_true(peer->bound);
	(void)scheduler_serve(); /* sees that the link is new */
}

/* All that a driver's process remembers. */
static UNUSED void forget_all(void)
{
	memset(clients, 0, sizeof(clients));
	memset(client_sets, 0, sizeof(client_sets));
	client_quiet_set = 0;
	rounds_unheard = 0;
	memset(requests, 0, sizeof(requests));
	memset(request_set, 0, sizeof(request_set));
	memset(request_count, 0, sizeof(request_count));
	request_sum = 0;
	changed_set = 0;
	memset(units, 0, sizeof(units));
	limited_set = 0;
	memset(bitmaps, 0, sizeof(bitmaps));
	memset(views, 0, sizeof(views));
	memset(all_kept, 0, sizeof(all_kept));
	memset(&move, 0, sizeof(move));
}

static UNUSED int setup(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(peers, 0, sizeof(peers));
	forget_all();
	scheduler_open(0, 0);
	populated_count = 0;
	populate_left = 64;
	leaf_bytes = 2 * MIB;
	given_count = 0;
	device_room = DRIVER_DEPTH;
	shared.disk.unit[0].block_bytes = 512;
	shared.disk.unit[0].direct_pages = BLOCK_REQUEST_PAGES;
	shared.disk.unit[0].features = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES;
	request_init(&shared);
	client_init(&shared, QUEUE, KEY, stack_of);
	attach(0, false);
	return 0;
}

static UNUSED int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++)
		free(peers[i].memory);
	return 0;
}

static UNUSED void put(u32 index, struct block_request request)
{
	assert_true(link_room(&peers[index].end) != 0);
	slot_put(&peers[index].end, &request);
	if (link_publish(&peers[index].end))
		scheduler_hear(index);
}

static UNUSED void put_read(u32 index, u64 id)
{
	put(index, (struct block_request){.id = id, .operation = BLOCK_READ, .sectors = 1});
}

/* Serves as main does, until there is nothing more to take. */
static UNUSED void serve(void)
{
	/* a client that has taken much at once owes it for some rounds */
	for (u32 i = 0, idle = 0; idle < 80; i++) {
		idle = scheduler_serve() ? 0 : idle + 1;
		assert_true(i < 1000);
	}
	client_publish();
}

static UNUSED void expect_answer(u32 index, u64 id, enum block_status status)
{
	struct block_answer answer = {.id = ~0ull};

	assert_true(slot_take(&peers[index].end, &answer));
	assert_int_equal(answer.id, id);
	assert_int_equal(answer.status, status);
	(void)!link_publish(&peers[index].end);
}

static UNUSED void expect_no_answer(u32 index)
{
	struct block_answer answer;

	assert_false(slot_take(&peers[index].end, &answer));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
