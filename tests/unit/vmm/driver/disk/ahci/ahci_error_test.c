/* SPDX-License-Identifier: MIT */
/* The AHCI driver and disks that fail, say nothing, or are gone. */
#include "tests/unit/vmm/driver/disk/ahci/ahci_fixture.h"

/* One sector is bad: the request for it fails, all other requests under way are done. */
static void a_bad_sector(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].bad_sector = 20;
	for (u32 i = 0; i < 32; i++)
		assert_true(ask(i, 0, BLOCK_READ, 2 * i, 2));
	assert_true(ask(32, 1, BLOCK_READ, 20, 1));
	work();
	assert_int_equal(finished, 33);
	for (u32 i = 0; i < 33; i++)
		expect_status(i, i == 10 ? BLOCK_ERROR : BLOCK_OK);
	/* one reset at the start, and one for each attempt */
	assert_int_equal(fake.port[0].resets, 3);
	assert_int_equal(fake.port[1].resets, 1);
	assert_null(ahci.failure);
	assert_true(ask(0, 0, BLOCK_READ, 4, 1));
	work();
	compare(0, 0);
}

static void fails_once(void **state)
{
	(void)state;
	fake.port[0].identify[ATA_ID_SERIAL_ATA] = 0;
	assert_true(start_all());
	for (u32 unit = 0; unit < DISKS; unit++) {
		fake.port[unit].fail_commands = 1;
		assert_true(ask(0, unit, BLOCK_WRITE, 5, 1));
		assert_true(ask(1, unit, BLOCK_READ, 5, 1));
		work();
		expect_status(0, BLOCK_OK);
		expect_status(1, BLOCK_OK);
		fake.port[unit].fail_commands = 2;
		assert_true(ask(0, unit, BLOCK_FLUSH, 0, 0));
		work();
		expect_status(0, BLOCK_ERROR);
	}
}

/* A disk says nothing: each attempt has two seconds; the other disk goes on. */
static void one_that_says_nothing(void **state)
{
	u64 begin;

	(void)state;
	assert_true(start_all());
	begin = now_tsc;
	fake.port[0].silent = true;
	assert_true(ask(0, 0, BLOCK_READ, 5, 1));
	assert_true(ask(1, 1, BLOCK_READ, 5, 1));
	fake_step();
	ahci_poll(&ahci);
	expect_status(1, BLOCK_OK);
	while (asked[0].busy) {
		work();
		assert_null(ahci.failure);
	}
	expect_status(0, BLOCK_ERROR);
	assert_in_range(now_tsc - begin, 4 * NS_PER_S, 5 * NS_PER_S);
}

/* A disk does not return from a reset: no request is answered, so that the next process does it. */
static void one_that_does_not_return(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].no_return = true; /* the port does not return from its third reset */
	fake.port[0].fail_commands = 1;
	assert_true(ask(0, 0, BLOCK_READ, 5, 1));
	work();
	expect_status(0, BLOCK_OK);
	fake.port[0].fail_commands = 5;
	assert_true(ask(1, 0, BLOCK_READ, 5, 1));
	work();
	assert_string_equal(ahci.failure, "a disk does not return from its reset");
	assert_true(asked[1].busy);
}

static void a_port_that_does_not_stop(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].stuck = true;
	fake.port[0].fail_commands = 1;
	assert_true(ask(0, 0, BLOCK_READ, 5, 1));
	work();
	assert_string_equal(ahci.failure, "a disk does not return from its reset");
	assert_true(asked[0].busy);
}

static void alarms_without_end(void **state)
{
	(void)state;
	assert_true(start_all());
	for (u32 i = 0; i < 2 * AHCI_ALARMS_MAX && ahci.failure == NULL; i++) {
		raise(&fake.port[1], AHCI_INT_HOST);
		ahci_poll(&ahci);
		if (i == AHCI_ALARMS_MAX / 2) {
			assert_true(ask(0, 1, BLOCK_READ, 5, 1));
			work();
			expect_status(0, BLOCK_OK);
		}
	}
	assert_string_equal(ahci.failure, "a disk reports errors without end");
	assert_int_equal(finished, 1);
}

static void one_that_is_gone(void **state)
{
	(void)state;
	assert_true(start_all());
	assert_true(ask(0, 0, BLOCK_READ, 5, 1));
	fake.gone = true;
	ahci_poll(&ahci);
	ahci_look(&ahci);
	assert_non_null(ahci.failure);
	assert_true(asked[0].busy);
}

/* Without interrupts errors are seen all the same. */
static void without_interrupts(void **state)
{
	(void)state;
	ahci.interrupts = false;
	assert_true(start_all());
	assert_int_equal(fake.ghc, AHCI_GHC_ENABLE);
	assert_int_equal(fake.port[0].ie, 0);
	fake.port[0].bad_sector = 5;
	assert_true(ask(0, 0, BLOCK_READ, 5, 1));
	assert_true(ask(1, 0, BLOCK_READ, 6, 1));
	work();
	expect_status(0, BLOCK_ERROR);
	expect_status(1, BLOCK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bad_sector),
		TEST(fails_once),
		TEST(one_that_says_nothing),
		TEST(one_that_does_not_return),
		TEST(a_port_that_does_not_stop),
		TEST(alarms_without_end),
		TEST(one_that_is_gone),
		TEST(without_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
