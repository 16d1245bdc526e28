/* SPDX-License-Identifier: MIT */
/* What all drivers of cards share, between a switch and a card that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define main card_main
int card_main(void);
#include "lib/string.c"
#include "vmm/driver/net/card.c"
#include "vmm/io/frames.c"
#include "vmm/io/link.c"
#undef main

#define BELL	 31u
#define DOORBELL 32u

static _Alignas(PAGE_SIZE) u8 memory[FRAMES_LINK_BYTES];
static struct driver_channel shared;
static struct start_info page;
static struct link_end peer; /* the switch's end of the link */
static u64 now;
static u32 told, doorbells, unmasked, flushes, looks;
static bool ready, silent, link_is_up;
static char reason[DRIVER_TEXT_BYTES];
static jmp_buf given_up;
static u32 room; /* frames that the card takes */
static u32 sent_count;
static struct {
	u32 bytes;
	u8 data[2000];
} sent;
static struct start_entry net_entry;

const struct start_info *start_info = &page;

u64 clock_tsc(void)
{
	return now;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

const struct start_entry *start_find(enum start_kind kind)
{
	assert_int_equal(kind, START_NET);
	return &net_entry;
}

handle_t start_handle(enum start_kind kind)
{
	return kind == START_NET_BELL ? BELL : DOORBELL;
}

enum status sys_object_bind(handle_t handle, handle_t queue, u64 key)
{
	(void)queue;
	assert_int_equal(handle, BELL);
	assert_int_equal(key, PROCESS_OTHERS);
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	assert_int_equal(event, DOORBELL);
	doorbells++;
	return STATUS_OK;
}

struct driver_channel *process_open(void)
{
	return &shared;
}

handle_t process_queue(void)
{
	return 5;
}

bool process_has_interrupt(void)
{
	return !silent;
}

void process_tell_manager(void)
{
	told++;
}

void process_ready(void)
{
	ready = true;
}

u64 process_wait(u64 deadline)
{
	(void)deadline;
	fail();
	return 0;
}

void process_interrupt_taken(void)
{
	unmasked++;
}

void driver_give_up(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	vsnprintf(reason, sizeof(reason), pattern, arguments);
	va_end(arguments);
	longjmp(given_up, 1);
}

static bool fake_start(struct card *card, char *problem, size_t size)
{
	(void)problem, (void)size;
	card->mac = 0x563412005452;
	string_copy(card->model, sizeof(card->model), "fake");
	card_link(true, 1000);
	return true;
}

static bool fake_transmit(const u8 *frame, u32 bytes)
{
	if (room == 0)
		return false;
	room--;
	sent_count++;
	sent.bytes = bytes;
	memcpy(sent.data, frame, MIN(bytes, sizeof(sent.data)));
	return true;
}

static void fake_flush(void)
{
	flushes++;
}

static bool fake_poll(bool look)
{
	looks += look;
	if (look)
		card_link(link_is_up, link_is_up ? 1000 : 0);
	return false;
}

static bool fake_may_wait(void)
{
	return true;
}

const struct card_ops card_ops = {
	.start = fake_start,
	.transmit = fake_transmit,
	.flush = fake_flush,
	.poll = fake_poll,
	.may_wait = fake_may_wait,
};

static void new_generation(void)
{
	((struct link_memory *)(void *)memory)->generation++;
	assert_true(link_renewed(&peer));
}

static int set_up(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	memset(&shared, 0, sizeof(shared));
	memset(&page, 0, sizeof(page));
	frames_open(&peer, (struct link_memory *)(void *)memory, LINK_SERVER);
	net_entry = (struct start_entry){.kind = START_NET, .offset = (u64)(uintptr_t)memory};
	page.parameter[DRIVER_MTU] = 1500;
	told = doorbells = unmasked = flushes = looks = sent_count = 0;
	ready = silent = blocked = false;
	link_is_up = true;
	room = ~0u;
	now = look_tsc = blocked_tsc = 0;
	reason[0] = '\0';
	channel = process_open();
	card_open_link();
	card_start();
	new_generation();
	assert_false(card_turn(false));
	return 0;
}

static void from_switch(u32 bytes, u8 flags, u8 segments, u8 fill)
{
	const struct frame_header header = {.bytes = bytes, .flags = flags, .segments = segments};
	u8 *frame = frames_reserve(&peer, bytes);

	assert_non_null(frame);
	memset(frame, fill, bytes);
	frames_add(&peer, &header);
	(void)!link_publish(&peer);
}

static void test_start(void **state)
{
	(void)state;
	assert_true(ready);
	assert_true(shared.card.mac == 0x563412005452);
	assert_string_equal(shared.model, "fake");
	assert_int_equal(shared.card.link_up, 1);
	assert_int_equal(shared.card.megabits, 1000);
	assert_int_equal(doorbells, 1); /* one signal for the new generation */
	assert_int_equal(looks, 1);
}

static void test_send(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		from_switch(100 + i, FRAME_CHECKED, FRAME_WHOLE, (u8)i);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 3);
	assert_int_equal(sent.bytes, 102);
	assert_int_equal(sent.data[101], 2);
	assert_int_equal(flushes, 1); /* one flush for all frames at once */
	assert_int_equal(shared.card.sent_frames, 3);
	assert_int_equal(link_room(&peer), FRAMES_RING_BYTES);
}

/* Frames that a card cannot send, or that are too long for it, are dropped and counted. */
static void test_refused(void **state)
{
	(void)state;
	from_switch(100, FRAME_NEEDS_CHECKSUM, FRAME_WHOLE, 0);
	from_switch(1000, 0, FRAME_TCP4, 0);
	from_switch(1519, 0, FRAME_WHOLE, 0);
	from_switch(1518, 0, FRAME_WHOLE, 0);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 1);
	assert_int_equal(sent.bytes, 1518);
	assert_int_equal(shared.card.errors, 3);
	link_is_up = false;
	assert_false(card_turn(true));
	from_switch(60, 0, FRAME_WHOLE, 0);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 1);
	assert_int_equal(shared.card.errors, 4);
}

static void test_batch(void **state)
{
	(void)state;
	for (u32 i = 0; i < SEND_MAX + 1; i++)
		from_switch(60, 0, FRAME_WHOLE, 0);
	assert_true(card_turn(false));
	assert_int_equal(sent_count, SEND_MAX);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, SEND_MAX + 1);
}

/* Frames stay where they are, in order; the driver waits for the card, but not for ever. */
static void test_blocked(void **state)
{
	(void)state;
	room = 1;
	for (u32 i = 0; i < 3; i++)
		from_switch(60, 0, FRAME_WHOLE, (u8)i);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 1);
	assert_true(card_may_wait()); /* the card's driver may wait, although the link has frames */
	now += STUCK_NS;
	assert_false(card_turn(false));
	room = 1;
	now += STUCK_NS; /* the card moves: its time begins anew */
	assert_false(card_turn(true));
	assert_int_equal(sent_count, 2);
	assert_int_equal(sent.data[0], 1);
	now += STUCK_NS;
	assert_false(card_turn(false));
	now++;
	if (setjmp(given_up) == 0) {
		(void)card_turn(false);
		fail();
	}
	assert_string_equal(reason, "the card has sent nothing for 5 seconds");
}

static void test_receive(void **state)
{
	struct frame_header header;
	const u8 *frame;
	u8 data[1600] = {1, 2, 3};

	(void)state;
	card_receive(data, 60, FRAME_CHECKED | FRAME_NEEDS_CHECKSUM);
	card_receive(data, 13, 0);
	card_receive(data, 1519, 0);
	card_receive(data, 1518, 0);
	assert_false(card_turn(false));
	assert_true(frames_next(&peer, &header, &frame));
	assert_int_equal(header.bytes, 60);
	assert_int_equal(header.flags, FRAME_CHECKED);
	assert_memory_equal(frame, data, 60);
	frames_drop(&peer, &header);
	assert_true(frames_next(&peer, &header, &frame));
	assert_int_equal(header.bytes, 1518);
	frames_drop(&peer, &header);
	assert_false(frames_next(&peer, &header, &frame));
	assert_int_equal(shared.card.received_frames, 2);
	assert_int_equal(shared.card.errors, 2);
}

static void test_no_room(void **state)
{
	u8 data[1518] = {0};

	(void)state;
	for (u32 i = 0; i < 400; i++)
		card_receive(data, sizeof(data), 0);
	assert_true(shared.card.dropped > 0);
	assert_int_equal(shared.card.dropped + shared.card.received_frames, 400);
}

/* A switch that writes impossible indices is heard again only in its next life. */
static void test_broken(void **state)
{
	struct link_memory *link = (struct link_memory *)(void *)memory;

	(void)state;
	link->line[LINK_SERVER].written = FRAMES_RING_BYTES + 16;
	assert_false(card_turn(false));
	assert_true(card_may_wait());
	from_switch(60, 0, FRAME_WHOLE, 0);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 0);
	new_generation();
	assert_false(card_turn(false));
	from_switch(60, 0, FRAME_WHOLE, 0);
	assert_false(card_turn(false));
	assert_int_equal(sent_count, 1);
}

static void test_look(void **state)
{
	u32 before = told;

	(void)state;
	assert_false(card_turn(false));
	assert_int_equal(looks, 1);
	link_is_up = false;
	assert_false(card_turn(true));
	assert_int_equal(looks, 2);
	assert_int_equal(unmasked, 1);
	assert_int_equal(told, before + 1);
	assert_int_equal(shared.card.link_up, 0);
	assert_false(card_turn(true));
	assert_int_equal(told, before + 1);
	now = look_tsc;
	assert_false(card_turn(false));
	assert_int_equal(looks, 4);
	assert_int_equal(look_tsc - now, LOOK_NS);
	silent = true;
	assert_false(card_turn(true));
	assert_int_equal(look_tsc - now, NO_IRQ_NS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_start),   TEST(test_send),	TEST(test_refused),
		TEST(test_batch),   TEST(test_blocked), TEST(test_receive),
		TEST(test_no_room), TEST(test_broken),	TEST(test_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
