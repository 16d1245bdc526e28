/* SPDX-License-Identifier: MIT */
/* A disk's clients have their shares: what each may have in a second, and turns by weight. */
#include "tests/unit/vmm/driver/disk/core/driver_client_fixture.h"

#include "tests/random.h"

static void set_limit(u32 index, struct share_given limit)
{
	shared.client[index].disk.limit = limit;
	client_take_commands();
}

/* The client's ring always has requests, as many as it takes. */
static void fill(u32 index, u32 operation, u32 sectors)
{
	while (link_room(&peers[index].end) > DRIVER_DEPTH)
		put(index, (struct block_request){.operation = operation, .sectors = sectors});
}

static u64 drain(u32 index)
{
	struct block_answer answer;
	u64 count = 0;

	if (peers[index].memory == NULL)
		return 0;
	for (; slot_take(&peers[index].end, &answer); count++)
		assert_int_equal(answer.status, BLOCK_OK);
	(void)!link_publish(&peers[index].end);
	return count;
}

static void finish_all(void)
{
	while (given_count != 0)
		finish_first(BLOCK_OK);
	client_publish();
}

/* Empties the rings without limits: no request is left. */
static void empty_rings(void)
{
	device_room = DRIVER_DEPTH;
	do {
		serve();
		finish_all();
	} while (drain(0) + drain(1) != 0);
}

/* As main does, on a device that ends all at once; a wait may end late. Requests that were done. */
static u64 run_for(u64 ns, u32 operation, u32 sectors)
{
	u64 end = now + ns;
	u64 count = 0;

	while (now < end) {
		bool more;

		fill(0, operation, sectors);
		more = scheduler_serve();
		finish_all();
		count += drain(0);
		if (more || !scheduler_may_wait())
			now += 200;
		else
			now = MIN(end, MAX(scheduler_deadline(), now) + 20000);
	}
	return count;
}

static void operations_a_second(void **state)
{
	static const u64 rates[] = {1, 10, 1000, 100000, 1000000};
	static const struct {
		u32 operation;
		u32 sectors;
	} asked[] = {{BLOCK_READ, 8}, {BLOCK_WRITE, 128}, {BLOCK_FLUSH, 0}, {BLOCK_DISCARD, 8192}};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(rates); i++) {
		u64 ns = rates[i] >= 100000 ? NS_PER_S / 10 : 10 * NS_PER_S;
		u64 expected = rates[i] * ns / NS_PER_S;

		for (u32 j = 0; j < ARRAY_COUNT(asked); j++) {
			set_limit(0, (struct share_given){.units = rates[i]});
			/* the run includes the burst */
			run_for(ns, asked[j].operation, asked[j].sectors);
			assert_in_range(run_for(ns, asked[j].operation, asked[j].sectors),
					expected * 99 / 100, expected * 101 / 100);
			set_limit(0, (struct share_given){0});
			empty_rings();
		}
	}
	assert_true(shared.disk.counts[0].limited_ns > 20 * NS_PER_S);
}

static void bytes_a_second(void **state)
{
	/* clang-format off */
	static const struct {
		u64 rate;
		u64 burst;
		u32 sectors;
	} cases[] = {{100000, 0, 1}, {1000000, 0, 8}, {1000000, 1, 128}, {1000000000, 0, 128},
		     /* clang-format on */
		     {1000000, 1000000, 8}};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 bytes;

		set_limit(0, (struct share_given){.bytes = cases[i].rate, .burst = cases[i].burst});
		run_for(2 * NS_PER_S, BLOCK_WRITE, cases[i].sectors);
		bytes = 512 * cases[i].sectors *
			run_for(10 * NS_PER_S, BLOCK_WRITE, cases[i].sectors);
		assert_in_range(bytes, cases[i].rate * 10 * 99 / 100,
				cases[i].rate * 10 * 101 / 100);
		set_limit(0, (struct share_given){0});
		empty_rings();
	}
}

/* Zeroes are written, what is discarded is not. */
static void what_counts_as_bytes(void **state)
{
	(void)state;
	set_limit(0, (struct share_given){.bytes = 10000000});
	run_for(2 * NS_PER_S, BLOCK_WRITE_ZEROES, 1000);
	assert_in_range(run_for(10 * NS_PER_S, BLOCK_WRITE_ZEROES, 1000), 193, 198);
	/* the run includes what is still to be written */
	run_for(10 * NS_PER_S, BLOCK_DISCARD, 8192);
	assert_true(run_for(NS_PER_S / 10, BLOCK_DISCARD, 8192) > 1000);
	assert_true(run_for(NS_PER_S / 10, BLOCK_FLUSH, 0) > 1000);
}

/* Whatever the numbers, each request is done at last, and at once when the limit goes. */
static void never_stuck(void **state)
{
	static const u64 edges[] = {0, 1, 2, 511, 4096, 65536, 1000000000, 1000000000000};
	u64 random = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 2000; i++) {
		u32 left = 300;

		set_limit(0, (struct share_given){
				     .units = edges[random_step(&random) % ARRAY_COUNT(edges)],
				     .bytes = edges[random_step(&random) % ARRAY_COUNT(edges)],
				     .burst = edges[random_step(&random) % ARRAY_COUNT(edges)],
				     .weight = edges[random_step(&random) % ARRAY_COUNT(edges)]});
		for (u32 j = 0; j < 3; j++)
			put(0, (struct block_request){.operation = random_step(&random) % 2,
						      .sectors = 128});
		for (u32 done = 0; done < 3; done += (u32)drain(0)) {
			bool more = scheduler_serve();

			finish_all();
			if (!more && scheduler_may_wait() && scheduler_deadline() != ~0ull) {
				assert_true(scheduler_deadline() - now < 1000000 * NS_PER_S);
				now = MAX(now, scheduler_deadline());
			}
			assert_true(left-- > 0);
		}
	}
	set_limit(0, (struct share_given){.units = 1, .bytes = 1});
	for (u32 j = 0; j < 9; j++)
		put_read(0, j);
	serve();
	finish_all();
	assert_true(drain(0) < 9);
	set_limit(0, (struct share_given){0});
	serve();
	finish_all();
	assert_true(scheduler_may_wait());
	assert_int_equal(scheduler_deadline(), ~0ull);
	assert_int_equal(given_count, 0);
}

/* A client that waits for its limit can leave, and keeps nobody else waiting. */
static void one_over_its_limit_among_others(void **state)
{
	(void)state;
	attach(1, false);
	set_limit(0, (struct share_given){.bytes = 1});
	for (u32 j = 0; j < 5; j++)
		put(0, (struct block_request){.sectors = 128});
	serve();
	finish_all();
	assert_int_equal(drain(0), 1);
	put_read(1, 1);
	serve();
	finish_all();
	expect_answer(1, 1, BLOCK_OK);
	assert_true(scheduler_may_wait());
	shared.client[0].number = 0;
	client_take_commands();
	assert_int_equal(shared.served[0], 0);
	assert_int_equal(scheduler_deadline(), ~0ull);
}

/* --- turns --- */

/*
 * Two clients that always ask, on a device that has room for `room` and ends the oldest in each
 * round. How often each was served.
 */
static void compete(u32 rounds, u32 room, const u32 sectors[2], u64 counts[2])
{
	device_room = room;
	counts[0] = counts[1] = 0;
	for (u32 i = 0; i < rounds; i++) {
		for (u32 index = 0; index < 2; index++)
			fill(index, BLOCK_READ, sectors[index]);
		scheduler_serve();
		finish_first(BLOCK_OK);
		client_publish();
		for (u32 index = 0; index < 2; index++)
			counts[index] += drain(index);
	}
	empty_rings();
}

static void turns_by_weight(void **state)
{
	static const struct {
		u64 weight[2];
		u32 sectors[2];
		u32 room;
	} cases[] = {
		{{1, 1}, {8, 8}, 1},   {{1, 2}, {8, 8}, 1},	   {{1, 2}, {8, 8}, 32},
		{{3, 1}, {1, 128}, 8}, {{256, 512}, {128, 1}, 64}, {{100, 100}, {128, 8}, 2},
		{{1, 10}, {8, 8}, 63},
	};

	(void)state;
	attach(1, false);
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u64 counts[2];
		u64 a, b;

		scheduler_open(0, cases[i].room);
		for (u32 index = 0; index < 2; index++)
			set_limit(index, (struct share_given){.weight = cases[i].weight[index]});
		compete(200, cases[i].room, cases[i].sectors, counts);
		compete(10000, cases[i].room, cases[i].sectors, counts);
		a = counts[0] * (cases[i].sectors[0] * 512 + REQUEST_OVERHEAD) * cases[i].weight[1];
		b = counts[1] * (cases[i].sectors[1] * 512 + REQUEST_OVERHEAD) * cases[i].weight[0];
		assert_in_range(a, b * 98 / 100, b * 102 / 100);
	}
}

/* The least of weights is served, and as well as it goes when nobody else asks. */
static void the_least_weight(void **state)
{
	const u32 sectors[2] = {8, 8};
	u64 counts[2];

	(void)state;
	attach(1, false);
	scheduler_open(0, 1);
	set_limit(0, (struct share_given){.weight = 1});
	set_limit(1, (struct share_given){.weight = 65535});
	compete(200000, 1, sectors, counts);
	assert_in_range(counts[0], 1, 10);
	assert_true(run_for(NS_PER_MS, BLOCK_READ, 8) > 1000);
}

/* A client that has not asked has nothing saved up. */
static void no_saving(void **state)
{
	const u32 sectors[2] = {8, 8};
	u64 counts[2];

	(void)state;
	attach(1, false);
	run_for(NS_PER_MS, BLOCK_READ, 8);
	compete(1000, 1, sectors, counts);
	assert_in_range(counts[1], counts[0] - 20, counts[0] + 20);
}

/* In one round each client has its turn, whatever another asks for; and a turn is short. */
static void one_flood_among_many(void **state)
{
	enum { MANY = DRIVER_DEPTH - 24 }; /* so that the device has room for all of a round */

	(void)state;
	for (u32 i = 1; i < MANY; i++)
		attach(i, false);
	fill(0, BLOCK_READ, 1);
	for (u32 i = 1; i < MANY; i++)
		put_read(i, i);
	scheduler_serve();
	for (u32 i = 1; i < MANY; i++)
		assert_int_equal(clients[i].waiting, 1);
	assert_in_range(clients[0].waiting, 1, 16);
}

/*
 * However many requests others have with the device, there is room for one request of another
 * client at once.
 */
static void a_place_for_newcomers(void **state)
{
	(void)state;
	for (u32 i = 1; i < 4; i++)
		attach(i, false);
	fill(0, BLOCK_READ, 8);
	fill(1, BLOCK_READ, 8);
	serve();
	assert_int_equal(given_count, DRIVER_DEPTH - 2);
	client_publish();
	assert_true(scheduler_may_wait());
	for (u32 i = 2; i < 4; i++) {
		put_read(i, 1);
		put_read(i, 2);
		assert_false(scheduler_may_wait());
		serve();
		assert_int_equal(given_count, DRIVER_DEPTH - 4 + i + 1);
		assert_ptr_equal(given[given_count - 1]->client, &clients[i]);
		assert_true(scheduler_may_wait());
	}
	/* a device with few places is for whoever has the turn; one client alone has all */
	finish_all();
	scheduler_open(0, 2);
	serve();
	assert_int_equal(given_count, 2);
}

/* The client of the last number has its turn like others, and the next turn is the first one's. */
static void the_last_number(void **state)
{
	u32 last = DISK_CLIENT_MAX - 1;

	(void)state;
	attach(last, false);
	for (u32 round = 0; round < 3; round++) {
		put_read(last, 1);
		put_read(0, 2);
		serve();
		assert_int_equal(given_count, 2);
		assert_true(given[0]->client == &clients[0] || given[1]->client == &clients[0]);
		assert_true(given[0]->client == &clients[last] ||
			    given[1]->client == &clients[last]);
		finish_all();
		assert_int_equal(drain(0), 1);
		assert_int_equal(drain(last), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(operations_a_second),
		TEST(bytes_a_second),
		TEST(what_counts_as_bytes),
		TEST(never_stuck),
		TEST(one_over_its_limit_among_others),
		TEST(turns_by_weight),
		TEST(the_least_weight),
		TEST(no_saving),
		TEST(one_flood_among_many),
		TEST(a_place_for_newcomers),
		TEST(the_last_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
