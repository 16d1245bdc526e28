/* SPDX-License-Identifier: MIT */
/* Both ends of a link of frames in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/random.h"
#include "vmm/io/frames.c"
#include "vmm/io/link.h"

static struct link_memory *memory;
static struct link_end client;
static struct link_end server;

static int setup(void **state)
{
	(void)state;
	memory = aligned_alloc(PAGE_SIZE, FRAMES_LINK_BYTES);
	memset(memory, 0, FRAMES_LINK_BYTES);
	frames_open(&client, memory, LINK_CLIENT);
	frames_open(&server, memory, LINK_SERVER);
	memory->generation = 1;
	assert_true(link_renewed(&client));
	assert_true(link_renewed(&server));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static bool send(struct link_end *end, u32 bytes, u8 fill)
{
	const struct frame_header header = {.bytes = bytes, .checksum_start = fill};
	u8 *frame = frames_reserve(end, bytes);

	if (frame == NULL)
		return false;
	memset(frame, fill, bytes);
	frames_add(end, &header);
	return true;
}

static void expect(struct link_end *end, u32 bytes, u8 fill)
{
	struct frame_header header;
	const u8 *frame;

	assert_true(frames_next(end, &header, &frame));
	assert_int_equal(header.bytes, bytes);
	assert_int_equal(header.checksum_start, fill);
	for (u32 i = 0; i < bytes; i++)
		assert_int_equal(frame[i], fill);
	frames_drop(end, &header);
}

static void expect_nothing(struct link_end *end)
{
	struct frame_header header;
	const u8 *frame;

	assert_false(frames_next(end, &header, &frame));
}

static void both_directions(void **state)
{
	(void)state;
	expect_nothing(&server);
	assert_true(send(&client, 14, 1));
	assert_true(send(&client, FRAME_BYTES_MAX, 2));
	assert_true(send(&server, 60, 3));
	expect_nothing(&server); /* no frame comes before it is shown */
	(void)!link_publish(&client);
	(void)!link_publish(&server);
	expect(&server, 14, 1);
	expect(&server, FRAME_BYTES_MAX, 2);
	expect_nothing(&server);
	expect(&client, 60, 3);
	expect_nothing(&client);
}

/*
 * Frames of any length pass, far beyond the ring's size; sometimes the ring is full, and room_for
 * says enough.
 */
static void any_lengths(void **state)
{
	u64 random = 5;
	u32 sent = 0;
	u32 taken = 0;
	u32 length[256];
	u32 full = 0;

	(void)state;
	client.written = client.published = server.read = server.returned = ~0u - 4095 * 16 + 1;
	client.free = server.seen = client.written;
	memory->line[LINK_CLIENT].written = memory->line[LINK_SERVER].read = client.written;
	while (taken < 3000) {
		u32 bytes = FRAME_BYTES_MIN +
			    (u32)random_step(&random) % (FRAME_BYTES_MAX - FRAME_BYTES_MIN + 1);

		if (sent - taken < 200 && (random_step(&random) & 3) != 0) {
			bool room = link_room(&client) >= frames_room_for(bytes);

			length[sent % 256] = bytes;
			if (send(&client, bytes, (u8)sent))
				sent++;
			else
				assert_false(room);
			full += !room;
			(void)!link_publish(&client);
		} else if (taken < sent) {
			expect(&server, length[taken % 256], (u8)taken);
			taken++;
			(void)!link_publish(&server);
		}
	}
	assert_true(full > 100);
}

/* An end does not look at the peer's line again before it has used up what it once saw. */
static void looks_at_the_peer_seldom(void **state)
{
	struct link_line *line = &memory->line[LINK_CLIENT];

	(void)state;
	for (u32 i = 0; i < 3; i++)
		assert_true(send(&client, 60, (u8)i));
	(void)!link_publish(&client);
	expect(&server, 60, 0);
	line->written += 16; /* the peer lies; the next lie is seen when the frames are through */
	expect(&server, 60, 1);
	expect(&server, 60, 2);
	assert_false(server.broken);
	line->written -= 64;
	expect_nothing(&server);
	assert_true(server.broken);
	expect_nothing(&server);
}

/* An end that waits for room is signalled once there is enough, and not before. */
static void signalled_when_there_is_room(void **state)
{
	u32 frames = 0;

	(void)state;
	while (send(&client, 1500, 7))
		frames++;
	assert_true(link_await_room(&client, FRAMES_RING_BYTES / 2));
	(void)!link_publish(&client);
	for (u32 i = 0; i < frames; i++) {
		bool before = link_room(&client) >= FRAMES_RING_BYTES / 2;
		bool signalled;

		expect(&server, 1500, 7);
		signalled = link_publish(&server);
		assert_int_equal(signalled, !before && link_room(&client) >= FRAMES_RING_BYTES / 2);
	}
	assert_false(link_await_room(&client, FRAMES_RING_BYTES / 2));
}

static void wishes(void **state)
{
	(void)state;
	assert_int_equal(link_wish_of_peer(&server), 0);
	link_set_wish(&client, 5);
	assert_int_equal(link_wish_of_peer(&server), 5);
	memory->generation++;
	assert_true(link_renewed(&server));
	assert_int_equal(link_wish_of_peer(&server), 0); /* the peer is of another life */
	assert_true(link_renewed(&client));
	assert_int_equal(link_wish_of_peer(&server), 0);
}

static void put_raw(u32 at, u32 bytes, u32 written)
{
	const struct frame_header header = {.bytes = bytes};

	memcpy((u8 *)memory + PAGE_SIZE + at, &header, sizeof(header));
	memory->line[LINK_CLIENT].written = written;
	server.read = server.seen = at;
	server.broken = false;
}

static void impossible_frames(void **state)
{
	static const struct {
		u32 at, bytes, written;
	} bad[] = {
		{0, 0, 1024},
		{0, FRAME_BYTES_MIN - 1, 1024},
		{0, FRAME_BYTES_MAX + 1, FRAMES_RING_BYTES},
		{0, 1024 - 15, 1024}, /* not all of the frame is written */
		{0, 14, 8},
		{4, 14, 1024},					      /* the frame is not aligned */
		{FRAMES_RING_BYTES - 64, 64, FRAMES_RING_BYTES + 64}, /* over the ring's end */
		/* the skip reaches beyond what is written */
		{0, FRAME_SKIP, 1024},
		/* no frame follows the skip */
		{FRAMES_RING_BYTES - 64, FRAME_SKIP, FRAMES_RING_BYTES + 16},
		{0, FRAME_SKIP, FRAMES_RING_BYTES + 16}, /* the skip is more than the ring holds */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		memset((u8 *)memory + PAGE_SIZE, 0, FRAMES_RING_BYTES);
		put_raw(bad[i].at, bad[i].bytes, bad[i].written);
		expect_nothing(&server);
		if (!server.broken)
			fail_msg("number %u is believed", i);
		expect_nothing(&server);
	}
	put_raw(FRAMES_RING_BYTES - 64, FRAME_SKIP, FRAMES_RING_BYTES);
	expect_nothing(&server); /* the frame may still come */
	assert_false(server.broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_directions, setup, teardown),
		cmocka_unit_test_setup_teardown(any_lengths, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_at_the_peer_seldom, setup, teardown),
		cmocka_unit_test_setup_teardown(signalled_when_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(wishes, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_frames, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
