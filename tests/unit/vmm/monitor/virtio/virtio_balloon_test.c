/* SPDX-License-Identifier: MIT */
/* The balloon: what it gives back, what it refuses, what its guest says of its memory. */
#include "tests/unit/virtio_balloon_fixture.h"

#define ALL_FEATURES (VERSION_1 | STATS | REPORTS)
#define SIZE	     8u
#define FIRST_PAGE   0x100u /* the first page that a test gives back: behind the VGA window */

static void set_time(u64 ns)
{
	fixture_platform.clock.now_ns = ns;
}

static u32 config_word(u32 at)
{
	return (u32)load(memory_of(BALLOON) + AT_DEVICE + at, 4);
}

static void up(u64 features)
{
	bring_up(BALLOON, features, 5, SIZE);
}

/* Sends a request with one buffer at BUFFERS, head 0. */
static void request(u32 queue, u64 address, u32 bytes, u32 flags)
{
	put_descriptor(queue, 0, address, bytes, flags, 0);
	offer(queue, SIZE, 0);
	kick(BALLOON, queue);
}

static void inflate(const u32 *numbers, u32 count)
{
	memcpy(ram + BUFFERS, numbers, count * sizeof(*numbers));
	request(0, BUFFERS, (u32)(count * sizeof(*numbers)), 0);
}

static void target(void **state)
{
	struct query_balloon answer;

	(void)state;
	assert_true(features_of(BALLOON) ==
		    (VERSION_1 | EVENTS | INDIRECTS | STATS | REPORTS | BIT(BALLOON_DEFLATE_OOM)));
	assert_int_equal(config_in(BALLOON, 2, 2), 0x1045);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(answer.live, 0);
	assert_int_equal(answer.ram, RAM_PAGES);
	assert_int_equal(virtio_balloon_aim(the_balloon(), RAM_PAGES + 1), STATUS_TOO_BIG);
	assert_int_equal(virtio_balloon_aim(the_balloon(), ~0ull), STATUS_TOO_BIG);
	assert_int_equal(config_word(0), 0);
	assert_int_equal(virtio_balloon_aim(the_balloon(), 100), STATUS_OK);
	assert_int_equal(config_word(0), 100);
	up(ALL_FEATURES);
	assert_false(fixture_line[PCI_LINE_FIRST + BALLOON]);
	assert_int_equal(virtio_balloon_aim(the_balloon(), 200), STATUS_OK);
	assert_true(fixture_line[PCI_LINE_FIRST + BALLOON]);
	assert_int_equal(load(memory_of(BALLOON) + AT_ISR, 1), VIRTIO_ISR_CONFIG);
	store(memory_of(BALLOON) + AT_DEVICE + 4, 4, 77);
	store(memory_of(BALLOON) + AT_DEVICE, 4, 5); /* the guest may not write this field */
	store(memory_of(BALLOON) + AT_DEVICE + 4, 2, 5);
	assert_int_equal(config_word(0), 200);
	assert_int_equal(config_word(4), 77);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(answer.live, 1);
	assert_int_equal(answer.reports, 1);
	assert_int_equal(answer.target, 200);
	assert_int_equal(answer.actual, 77);
	/* the next kernel is to give up as much, and has given nothing yet */
	device_reset(&function_at(BALLOON)->device);
	assert_int_equal(config_word(0), 200);
	assert_int_equal(config_word(4), 0);
}

/*
 * Neighbouring pages in either direction are discarded in one call; each page is one that was
 * named.
 */
static void runs(void **state)
{
	static const u32 numbers[] = {0x110, 0x111, 0x112, 0x150, 0x14f, 0x14e,
				      0x14d, 0x180, 0x170, 0x171, 0x16f};

	(void)state;
	up(ALL_FEATURES);
	inflate(numbers, ARRAY_COUNT(numbers));
	assert_int_equal(used_index(0), 1);
	assert_int_equal(used_written(0, 0), 0);
	assert_int_equal(discard_calls, 4);
	for (u32 page = 0; page < RAM_PAGES; page++) {
		u32 wanted = 0;

		for (u32 i = 0; i < ARRAY_COUNT(numbers); i++)
			wanted += numbers[i] == page;
		assert_int_equal(discarded[page], wanted);
	}
	assert_int_equal(the_balloon()->state.inflated, ARRAY_COUNT(numbers));
	assert_int_equal(the_balloon()->state.refused, 0);
	/* and back: a page comes when it is touched */
	memcpy(ram + BUFFERS, numbers, sizeof(numbers));
	request(1, BUFFERS, sizeof(numbers), 0);
	assert_int_equal(used_index(1), 1);
	assert_int_equal(discard_calls, 4);
}

/* A number that is no RAM's, or comes twice, harms nobody. */
static void bad_pages(void **state)
{
	static const u32 numbers[] = {0xa0, 0xb7, 0x200, 0xffffffff, 0x100000, 0x120, 0x120, 0x1ff};

	(void)state;
	up(ALL_FEATURES);
	inflate(numbers, ARRAY_COUNT(numbers));
	assert_int_equal(the_balloon()->state.refused, 5);
	assert_int_equal(the_balloon()->state.inflated, 3);
	assert_int_equal(discarded[0x120], 2);
	assert_int_equal(discarded[0x1ff], 1);
	discard_answer = STATUS_BAD_STATE; /* a device may be at work in the RAM */
	inflate(numbers + 5, 3);
	assert_int_equal(used_index(0), 2);
	assert_int_equal(the_balloon()->state.refused, 8);
	assert_int_equal(discarded[0x1ff], 1);
	request(0, BUFFERS, 3, 0); /* the request has not even one number */
	request(0, BUFFERS, 64, WRITE);
	assert_int_equal(used_index(0), 4);
	assert_int_equal(the_balloon()->state.refused, 8);
	assert_int_equal(status_of(BALLOON), STATUS_UP);
}

/* One request is bounded, and so is what is taken at once. */
static void bounds(void **state)
{
	struct device *device = &function_at(BALLOON)->device;
	u32 more = 2 * VIRTIO_BALLOON_PAGES_MAX;

	(void)state;
	up(ALL_FEATURES);
	for (u32 i = 0; i < more; i++)
		ram_put(BUFFERS + 4 * i, 4, FIRST_PAGE + i % 128);
	request(0, BUFFERS, 4 * more, 0);
	assert_int_equal(the_balloon()->state.inflated, VIRTIO_BALLOON_PAGES_MAX);
	assert_int_equal(the_balloon()->state.refused, more - VIRTIO_BALLOON_PAGES_MAX);
	for (u32 i = 0; i < VIRTIO_BALLOON_REQUESTS_MAX + 2; i++) {
		put_descriptor(0, i, BUFFERS, 4, 0, 0);
		offer(0, SIZE, i);
	}
	kick(BALLOON, 0);
	assert_int_equal(used_index(0), 1 + VIRTIO_BALLOON_REQUESTS_MAX);
	assert_int_equal(device->deadline_ns, 0);
	device_tick(device);
	assert_int_equal(used_index(0), 1 + VIRTIO_BALLOON_REQUESTS_MAX + 2);
	assert_true(device->deadline_ns == DEADLINE_NONE);
}

/* Whole pages of free memory, by the specification's queue and by the one that Linux takes. */
static void reports(void **state)
{
	static const struct {
		u64 features;
		u32 queue;
		bool heard;
	} cases[] = {
		{ALL_FEATURES, 4, true},       {ALL_FEATURES, 3, true},
		{ALL_FEATURES, 2, false},      {VERSION_1 | REPORTS, 2, true},
		{VERSION_1 | STATS, 4, false}, {VERSION_1, 3, false},
	};

	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		balloon_setup(state);
		up(cases[i].features);
		put_descriptor(cases[i].queue, 0, 0x140800, 0x3000, NEXT | WRITE, 1);
		put_descriptor(cases[i].queue, 1, 0x150000, 0x2fff, NEXT | WRITE, 2);
		put_descriptor(cases[i].queue, 2, 0x160800, 0x7ff, WRITE, 0);
		offer(cases[i].queue, SIZE, 0);
		kick(BALLOON, cases[i].queue);
		assert_int_equal(the_balloon()->state.reported, cases[i].heard ? 4 : 0);
		assert_int_equal(discard_calls, cases[i].heard ? 2 : 0);
		assert_int_equal(discarded[0x141], cases[i].heard);
		assert_int_equal(discarded[0x140] + discarded[0x143] + discarded[0x152], 0);
		assert_int_equal(used_index(cases[i].queue),
				 /* otherwise the buffer is held */
				 cases[i].queue != 2 || cases[i].heard);
	}
}

static void put_stat(u32 at, u32 tag, u64 value)
{
	ram_put(BUFFERS + 10 * at, 2, tag);
	ram_put(BUFFERS + 10 * at + 2, 8, value);
}

/* The guest's buffer stays until somebody looks, and 5 s have gone by. */
static void statistics(void **state)
{
	struct query_balloon answer;

	(void)state;
	set_time(NS_PER_S);
	up(ALL_FEATURES | EVENTS);
	put_stat(0, 4, 444);
	put_stat(1, 5, 555);
	put_stat(2, 10, 1); /* a tag of a later specification */
	put_stat(3, 0xffff, 1);
	put_stat(4, 9, 999);
	request(2, BUFFERS, 5 * 10 - 1, 0); /* the last entry is not whole */
	assert_int_equal(used_index(2), 0);
	set_time(3 * NS_PER_S);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(answer.stats_seen, BIT(4) | BIT(5));
	assert_int_equal(answer.stats[4], 444);
	assert_int_equal(answer.stats[5], 555);
	assert_int_equal(answer.stats_age_ns, 2 * NS_PER_S);
	assert_int_equal(used_index(2), 0);
	set_time(6 * NS_PER_S);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(used_index(2), 1);
	assert_int_equal(used_head(2, 0), 0);
	/* the guest is to say when it has filled it again */
	assert_int_equal(ram_get(2 * RINGS + USED_RING + 4 + 8 * SIZE, 2), 1);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(used_index(2), 1);
	put_stat(0, 4, 445);
	request(2, BUFFERS, 10, 0);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(answer.stats[4], 445);
	assert_int_equal(answer.stats[5], 555);
	assert_int_equal(used_index(2), 1);
	/* a second buffer waits behind the first */
	put_descriptor(2, 1, BUFFERS, 10, 0, 0);
	offer(2, SIZE, 1);
	kick(BALLOON, 2);
	set_time(20 * NS_PER_S);
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(used_index(2), 2);
	assert_int_equal(the_balloon()->state.stats_head, 1);
	set_status(BALLOON, 0); /* nothing of the statistics stays */
	virtio_balloon_look(the_balloon(), &answer);
	assert_int_equal(answer.stats_seen, 0);
}

static void saved(void **state)
{
	struct device *device = &function_at(BALLOON)->device;

	(void)state;
	up(ALL_FEATURES);
	put_stat(0, 4, 444);
	request(2, BUFFERS, 10, 0);
	assert_int_equal(virtio_balloon_aim(the_balloon(), 33), STATUS_OK);
	assert_round_trip(device);
	assert_int_equal(the_balloon()->state.stats_held, 1);
	assert_int_equal(the_balloon()->state.target, 33);
	assert_load_refused(device, offsetof(struct virtio_balloon_state, stats_held), 2);
	assert_load_refused(device, offsetof(struct virtio_balloon_state, stats_head) + 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(target, balloon_setup),
		cmocka_unit_test_setup(runs, balloon_setup),
		cmocka_unit_test_setup(bad_pages, balloon_setup),
		cmocka_unit_test_setup(bounds, balloon_setup),
		cmocka_unit_test_setup(reports, balloon_setup),
		cmocka_unit_test_setup(statistics, balloon_setup),
		cmocka_unit_test_setup(saved, balloon_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
