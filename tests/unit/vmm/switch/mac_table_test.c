/* SPDX-License-Identifier: MIT */
/* The switch's table of addresses: found, learnt, aged, and who loses when it is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/random.h"
#include "vmm/switch/mac_table.c"

#define KEY(port, number) (0x2ull | (u64)(port) << 8 | (u64)(number) << 16)

static int setup(void **state)
{
	(void)state;
	mac_table_init(RANDOM_SEED, 1);
	mac_table_tick(1000);
	return 0;
}

static void fixed_and_learnt(void **state)
{
	(void)state;
	assert_int_equal(mac_table_find(KEY(1, 1)), MAC_TABLE_NOBODY);
	mac_table_add(1, KEY(1, 1));
	assert_true(mac_table_learn(2, KEY(2, 1)));
	assert_int_equal(mac_table_find(KEY(1, 1)), 1);
	assert_int_equal(mac_table_find(KEY(2, 1)), 2);
	assert_int_equal(mac_table_count(), 1);
	/* no port can take a fixed address; another address is where it was seen last */
	assert_false(mac_table_learn(2, KEY(1, 1)));
	assert_true(mac_table_learn(1, KEY(1, 1)));
	assert_int_equal(mac_table_find(KEY(1, 1)), 1);
	assert_true(mac_table_learn(3, KEY(2, 1)));
	assert_int_equal(mac_table_find(KEY(2, 1)), 3);
	assert_int_equal(mac_table_count(), 1);
}

/* An address that was learnt becomes a VM's own, and is gone with it. */
static void learnt_before_it_was_fixed(void **state)
{
	(void)state;
	assert_true(mac_table_learn(2, KEY(1, 1)));
	mac_table_add(1, KEY(1, 1));
	assert_int_equal(mac_table_find(KEY(1, 1)), 1);
	assert_int_equal(mac_table_count(), 0);
	mac_table_forget(1);
	assert_int_equal(mac_table_find(KEY(1, 1)), MAC_TABLE_NOBODY);
	assert_true(mac_table_learn(2, KEY(1, 1)));
}

static void two_with_one_address(void **state)
{
	(void)state;
	mac_table_add(4, KEY(1, 1));
	mac_table_add(3, KEY(1, 1));
	assert_int_equal(mac_table_find(KEY(1, 1)), 4);
	mac_table_forget(4);
	assert_int_equal(mac_table_find(KEY(1, 1)), 3);
}

static void the_same_address_in_two_vlans(void **state)
{
	(void)state;
	assert_true(mac_table_learn(1, mac_table_key(KEY(1, 1), 5)));
	assert_true(mac_table_learn(2, mac_table_key(KEY(1, 1), 6)));
	assert_int_equal(mac_table_find(mac_table_key(KEY(1, 1), 5)), 1);
	assert_int_equal(mac_table_find(mac_table_key(KEY(1, 1), 6)), 2);
	assert_int_equal(mac_table_find(mac_table_key(KEY(1, 1), 0)), MAC_TABLE_NOBODY);
}

static void forgotten_in_time(void **state)
{
	(void)state;
	mac_table_add(1, KEY(1, 1));
	assert_true(mac_table_learn(2, KEY(2, 1)));
	assert_true(mac_table_learn(2, KEY(2, 2)));
	mac_table_tick(1200);
	assert_true(mac_table_learn(2, KEY(2, 1)));
	mac_table_tick(1000 + MAC_TABLE_SECONDS);
	assert_int_equal(mac_table_find(KEY(2, 2)), 2);
	mac_table_tick(1000 + MAC_TABLE_SECONDS + 1);
	assert_int_equal(mac_table_find(KEY(2, 2)), MAC_TABLE_NOBODY);
	assert_int_equal(mac_table_find(KEY(2, 1)), 2);
	assert_int_equal(mac_table_count(), 1);
	mac_table_tick(1200 + MAC_TABLE_SECONDS + 1);
	assert_int_equal(mac_table_count(), 0);
	assert_int_equal(mac_table_find(KEY(1, 1)), 1);
}

/* One port sends from ever new addresses: only its own entries go, the oldest first. */
static void a_storm(void **state)
{
	(void)state;
	for (u32 i = 0; i < 100; i++)
		assert_true(mac_table_learn(1, KEY(1, i)));
	for (u32 i = 0; i < 5000; i++)
		assert_true(mac_table_learn(2, KEY(2, i)));
	assert_int_equal(mac_table_count(), MAC_TABLE_LEARNT);
	for (u32 i = 0; i < 100; i++)
		assert_int_equal(mac_table_find(KEY(1, i)), 1);
	assert_int_equal(mac_table_find(KEY(2, 4999)), 2);
	assert_int_equal(mac_table_find(KEY(2, 5000 - (MAC_TABLE_LEARNT - 100))), 2);
	assert_int_equal(mac_table_find(KEY(2, 5000 - (MAC_TABLE_LEARNT - 100) - 1)),
			 MAC_TABLE_NOBODY);
}

/* The table is full of one port's: the others still get their shares. */
static void shares_in_a_full_table(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2000; i++)
		assert_true(mac_table_learn(0, KEY(0, i)));
	for (u32 port = 1; port < NET_PORT_MAX; port++) {
		for (u32 i = 0; i < 100; i++)
			assert_true(mac_table_learn(port, KEY(port, i)));
	}
	for (u32 port = 1; port < NET_PORT_MAX; port++) {
		for (u32 i = 100 - MAC_TABLE_SHARE; i < 100; i++)
			assert_int_equal(mac_table_find(KEY(port, i)), port);
		assert_int_equal(mac_table_find(KEY(port, 100 - MAC_TABLE_SHARE - 1)),
				 MAC_TABLE_NOBODY);
	}
	assert_int_equal(mac_table_count(), MAC_TABLE_LEARNT);
	assert_int_equal(mac_table_find(KEY(0, 1999)), 0);
}

static void what_goes_with_a_port(void **state)
{
	(void)state;
	mac_table_add(1, KEY(1, 0));
	for (u32 i = 1; i < 50; i++) {
		assert_true(mac_table_learn(1, KEY(1, i)));
		assert_true(mac_table_learn(2, KEY(2, i)));
	}
	mac_table_forget(1);
	mac_table_forget(1);
	for (u32 i = 0; i < 50; i++)
		assert_int_equal(mac_table_find(KEY(1, i)), MAC_TABLE_NOBODY);
	for (u32 i = 1; i < 50; i++)
		assert_int_equal(mac_table_find(KEY(2, i)), 2);
	assert_int_equal(mac_table_count(), 49);
}

/* Checks that all lists and chains hold what they should, whatever is done. */
static void check_all(void)
{
	u32 chained = 0;
	u32 listed = unused.count;

	for (u32 i = 0; i < ARRAY_COUNT(chains); i++) {
		for (u16 at = chains[i]; at != NONE; at = entries[at].next) {
			assert_ptr_equal(mac_table_chain_of(entries[at].key), &chains[i]);
			chained += !mac_table_is_fixed(at);
		}
	}
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		u32 count = 0;
		u32 seen = 0;

		for (u16 at = lists[i].oldest; at != NONE; at = entries[at].newer) {
			assert_int_equal(entries[at].port, i);
			assert_true(entries[at].seen >= seen);
			seen = entries[at].seen;
			count++;
		}
		assert_int_equal(count, lists[i].count);
		listed += count;
	}
	assert_int_equal(listed, MAC_TABLE_LEARNT);
	assert_int_equal(chained, mac_table_count());
}

static void whatever_is_done(void **state)
{
	u64 random = RANDOM_SEED;
	u32 seconds = 1000;

	(void)state;
	for (u32 i = 0; i < 30000; i++) {
		u32 port = (u32)random_step(&random) % NET_PORT_MAX;
		u64 key = KEY(random_step(&random) % 8, random_step(&random) % 400);
		bool own;

		switch (random_step(&random) % 64) {
		case 0:
			mac_table_forget(port);
			break;
		case 1:
			mac_table_forget(port);
			mac_table_add(port, key);
			break;
		case 2:
			mac_table_tick(seconds += (u32)random_step(&random) % 100);
			break;
		default:
			own = mac_table_learn(port, key);
			assert_true((mac_table_find(key) == port) == own);
		}
		if (i % 100 == 0)
			check_all();
	}
}

static u32 chain_number(u64 key)
{
	return (u32)(mac_table_chain_of(key) - chains);
}

/* Three addresses at that distance are in one chain, as one could see by the time it takes. */
static u64 distance_of_one_chain(u64 from)
{
	for (u64 distance = 1; distance < 1ull << 26; distance++) {
		if (chain_number(from) == chain_number(from + distance) &&
		    chain_number(from) == chain_number(from + 2 * distance))
			return distance;
	}
	fail_msg("no three in one chain");
	return 0;
}

/* A sender that has found some addresses of one chain does not know the next ones by that. */
static void no_chain_is_chosen(void **state)
{
	u64 random = RANDOM_SEED;

	(void)state;
	for (u32 round = 0; round < 4; round++) {
		u32 length[ARRAY_COUNT(chains)] = {0};
		u32 longest = 0;
		u64 distance;

		mac_table_init(random_step(&random), random_step(&random));
		distance = distance_of_one_chain(KEY(1, 0));
		for (u64 i = 0; i < MAC_TABLE_LEARNT; i++) {
			u32 chain = chain_number(KEY(1, 0) + i * distance);

			longest = MAX(longest, ++length[chain]);
		}
		assert_in_range(longest, 1, 12); /* by chance the longest chain has 5 to 7 */
	}
}

/* The hash of the bytes 0 to 7 by the key of bytes 0 to 15 is SipHash-1-3's. */
static void hash_is_siphash_1_3(void **state)
{
	(void)state;
	mac_table_init(0x0706050403020100, 0x0f0e0d0c0b0a0908);
	assert_true(mac_table_hash(0x0706050403020100) == 0x369095118d299a8e);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fixed_and_learnt),	      TEST(learnt_before_it_was_fixed),
		TEST(two_with_one_address),   TEST(the_same_address_in_two_vlans),
		TEST(forgotten_in_time),      TEST(a_storm),
		TEST(shares_in_a_full_table), TEST(what_goes_with_a_port),
		TEST(whatever_is_done),	      TEST(no_chain_is_chosen),
		TEST(hash_is_siphash_1_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
