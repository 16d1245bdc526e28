/* SPDX-License-Identifier: MIT */
/* `net capture` with readers that leave, come in between, or see nothing of a busy network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/io/frames.h"
#include "vmm/io/link.h"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/commands/net_capture.c"
#include "vmm/manager/net/capture.c"

static struct net_config configs[2] = {{.section = {.name = "lan", .declared = true}},
				       {.section = {.name = "dmz", .declared = true}}};
static struct driver bridges[2] = {{.life = DRIVER_LIFE_READY}, {.life = DRIVER_LIFE_READY}};
static struct net nets[2] = {{.config = &configs[0], .bridge = &bridges[0]},
			     {.config = &configs[1], .bridge = &bridges[1]}};
static struct driver_link made;
static struct link_memory *memory;
static struct link_end port; /* the switch's end of the port */
static bool flooded;	     /* each frame that was taken makes room for another one */
static u32 written;
static u32 lines;
static u32 errors;

const struct net *net_at(u32 number)
{
	return number < 2 ? &nets[number] : NULL;
}

struct driver_link *driver_link_make(struct driver *driver, handle_t group,
				     const struct driver_link *wanted, char *problem, size_t size)
{
	(void)driver;
	(void)group;
	(void)problem;
	(void)size;
	made = *wanted;
	made.used = true;
	return &made;
}

bool driver_link_end(struct driver_link *ended)
{
	ended->used = false;
	return true;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

static void write_frame(void)
{
	u8 *to;

	(void)!link_renewed(&port);
	to = frames_reserve(&port, 60);
	if (to == NULL)
		return;
	memset(to, 0x22, 60);
	frames_add(&port, &(struct frame_header){.bytes = 60});
	(void)!link_publish(&port);
	written++;
}

enum status sys_space_map(handle_t space, u64 place, handle_t object, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space;
	(void)place;
	(void)object;
	(void)offset;
	(void)bytes;
	(void)rights;
	*address = (u64)(uintptr_t)memory;
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 place, u64 bytes)
{
	(void)space;
	(void)place;
	(void)bytes;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

u64 machine_wall_seconds(u64 tsc)
{
	(void)tsc;
	return 0;
}

u32 pcapng_begin(u8 block[PCAPNG_BLOCK_BYTES], const char *interface)
{
	(void)block;
	(void)interface;
	return 0;
}

u32 pcapng_frame(u8 block[PCAPNG_BLOCK_BYTES], u64 time_ns, const u8 *frame, u32 kept, u32 bytes)
{
	(void)block;
	(void)time_ns;
	(void)frame;
	(void)kept;
	(void)bytes;
	return 0;
}

static void take_line(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	(void)text;
	if (kind == REPLY_ERROR)
		errors++;
	else
		lines++;
}

/* Returns the room, for which the capture asks before each frame. */
static u32 room_left(void *context)
{
	(void)context;
	if (flooded) {
		assert_true(written < 100000);
		write_frame();
	}
	return 1u << 20;
}

static const struct requester asker = {.put = take_line, .room = room_left};

static void ask(struct reply *reply, const char *name, const char *seconds, const char *frames)
{
	struct arguments arguments = {.count = frames != NULL ? 3 : 2};

	arguments.word[0] = name;
	arguments.word[1] = seconds;
	arguments.word[2] = frames;
	memset(reply, 0, sizeof(*reply));
	reply->to = &asker;
	command_net_capture_run(reply, &arguments);
}

static int setup(void **state)
{
	(void)state;
	free(memory);
	memory = aligned_alloc(PAGE_SIZE, FRAMES_LINK_BYTES);
	memset(memory, 0, FRAMES_LINK_BYTES);
	memory->generation = 1;
	frames_open(&port, memory, LINK_SERVER);
	flooded = false;
	written = lines = errors = 0;
	now = NS_PER_S;
	link = NULL;
	leaving = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	memory = NULL;
	return 0;
}

static void shows_frames(void **state)
{
	static struct reply reply;

	(void)state;
	ask(&reply, "lan", "10", "2");
	assert_non_null(reply.resume);
	assert_false(command_net_capture_resume(&reply));
	for (u32 i = 0; i < 3; i++)
		write_frame();
	assert_true(command_net_capture_resume(&reply));
	assert_int_equal(lines, 2);
	assert_false(capture_step());
	assert_null(link);
}

/* A capture that is refused takes nothing from the capture under way. */
static void refused_beside_another(void **state)
{
	static struct reply first, second;

	(void)state;
	ask(&first, "lan", "10", "3");
	assert_false(command_net_capture_resume(&first));
	ask(&second, "dmz", "86400", "1");
	assert_null(second.resume);
	assert_int_equal(errors, 1);
	ask(&second, "dmz", "86400", "x");
	assert_int_equal(errors, 2);
	for (u32 i = 0; i < 3; i++)
		write_frame();
	assert_true(command_net_capture_resume(&first));
	assert_int_equal(lines, 3);
	setup(NULL);
	ask(&first, "lan", "10", NULL);
	ask(&second, "dmz", "86400", NULL);
	now += 10 * NS_PER_S;
	assert_true(command_net_capture_resume(&first));
}

/*
 * A capture whose reader went without a word ends, and that reader gets nothing of the next
 * capture.
 */
static void a_reader_who_left(void **state)
{
	static struct reply first, second;

	(void)state;
	ask(&first, "lan", "86400", NULL);
	for (u32 i = 0; i < 10; i++) {
		now += NS_PER_S;
		assert_false(command_net_capture_resume(&first));
		assert_false(capture_step());
		assert_non_null(link);
	}
	now += 3 * NS_PER_S;
	assert_false(capture_step());
	assert_null(link);
	memory->generation++;
	ask(&second, "dmz", "10", NULL);
	assert_int_equal(errors, 0);
	assert_false(command_net_capture_resume(&second));
	write_frame();
	assert_true(command_net_capture_resume(&first));
	assert_int_equal(lines, 0);
	assert_false(command_net_capture_resume(&second));
	assert_int_equal(lines, 1);
}

/* Frames that a filter leaves out take no room, and others have their turn all the same. */
static void nothing_to_show_of_many(void **state)
{
	static struct reply reply;

	(void)state;
	ask(&reply, "lan", "10", NULL);
	string_copy(reply.filter, sizeof(reply.filter), "nothing like that");
	assert_false(command_net_capture_resume(&reply));
	flooded = true;
	assert_false(command_net_capture_resume(&reply));
	assert_true(written <= 1000);
	assert_int_equal(reply.deadline_tsc, now);
	assert_int_equal(lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_frames),
		TEST(refused_beside_another),
		TEST(a_reader_who_left),
		TEST(nothing_to_show_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
