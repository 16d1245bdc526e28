/* SPDX-License-Identifier: MIT */
/* The AHCI driver against a controller that works, and disks that do not. */
#include "tests/unit/ahci_fixture.h"

/* --- starting --- */

static void starts(void **state)
{
	(void)state;
	assert_true(start_all());
	assert_int_equal(fake.resets, 1);
	assert_int_equal(fake.bohc & 3, AHCI_BOHC_OS);
	assert_int_equal(fake.ghc, AHCI_GHC_ENABLE | AHCI_GHC_INTERRUPTS);
	for (u32 i = 0; i < DISKS; i++) {
		assert_int_equal(disk[i].sectors, DISK_BYTES / 512);
		assert_int_equal(disk[i].block_bytes, 512);
		assert_int_equal(disk[i].features, DISK_FLUSH | DISK_DISCARD);
		assert_int_equal(disk[i].depth, 32);
		assert_string_equal(disk[i].model, "ABAB");
		assert_string_equal(disk[i].serial, "S1");
		assert_true((fake.port[i].command & AHCI_COMMAND_START) != 0);
		assert_int_equal(fake.port[i].cache_off, 0);
	}
}

static void a_firmware_that_keeps_it(void **state)
{
	(void)state;
	fake.firmware_keeps = true;
	assert_true(start_all());
}

static void controllers_of_no_use(void **state)
{
	(void)state;
	fake.gone = true;
	expect_refusal("the controller does not answer");
	set_up(state);
	fake.stays_in_reset = true;
	expect_refusal("the controller does not return from its reset");
	/* and none of its disks is touched afterwards */
	assert_false(ahci_start_disk(&ahci, &disk[1], problem, sizeof(problem)));
	assert_string_equal(problem, "its controller cannot be used");
	set_up(state);
	fake.cap &= ~(u32)AHCI_CAP_64;
	expect_refusal("the controller reaches the first 4 GiB only");
	set_up(state);
	ahci.memory.pages = 2 * AHCI_PAGES - 1;
	expect_refusal("no memory that the controller could use");
	set_up(state);
	ahci.register_bytes = 0x80;
	expect_refusal("the controller's registers are missing");
	set_up(state);
	ahci.register_bytes = 0x200;
	assert_true(start());
	assert_true(ahci_start_disk(&ahci, &disk[0], problem, sizeof(problem)));
	assert_false(ahci_start_disk(&ahci, &disk[1], problem, sizeof(problem)));
	assert_string_equal(problem, "the controller has no such port");
	set_up(state);
	fake.pi = 0xd;
	expect_refusal("the controller has no such port");
}

/* One port without a disk of use: the other works. */
static void disks_of_no_use(void **state)
{
	static const struct {
		u32 word;
		u16 value;
		const char *text;
	} cases[] = {
		{ATA_ID_GENERAL, 0x8000, "it is no disk: it takes packets (ATAPI)"},
		{ATA_ID_CAPABILITIES, 0x100, "its sectors have no numbers (LBA)"},
		{ATA_ID_COMMANDS_2, 0x7000, "its size cannot be true"},
		{ATA_ID_SECTORS_48, 0, "its size cannot be true"},
		{ATA_ID_SECTORS_48 + 3, 0x8000, "its size cannot be true"},
		{ATA_ID_SECTOR_SIZE, 0x5000, "its sectors have neither 512 nor 4096 bytes"},
	};

	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		set_up(state);
		fake.port[0].identify[cases[i].word] = cases[i].value;
		expect_refusal(cases[i].text);
		assert_int_equal(fake.port[0].command & AHCI_COMMAND_START, 0);
		assert_true(ahci_start_disk(&ahci, &disk[1], problem, sizeof(problem)));
	}
	set_up(state);
	fake.port[0].identify[ATA_ID_COMMANDS_2] = 0x7000;
	fake.port[0].identify[ATA_ID_SECTORS] = 2048;
	expect_refusal("it has no commands for 48-bit sector numbers");
	set_up(state);
	fake.port[0].absent = true;
	expect_refusal("there is no disk, or it does not become ready");
	assert_true(now_tsc < NS_PER_S);
	set_up(state);
	fake.port[0].never_ready = true;
	expect_refusal("there is no disk, or it does not become ready");
	assert_true(now_tsc < 12 * NS_PER_S);
	set_up(state);
	fake.port[0].signature = AHCI_SIGNATURE_PACKET;
	expect_refusal("it is no disk: it takes packets (ATAPI)");
	set_up(state);
	fake.port[0].signature = AHCI_SIGNATURE_MULTIPLIER;
	expect_refusal("it is a port multiplier, which is not served");
	set_up(state);
	fake.port[0].fail_commands = 1;
	expect_refusal("the disk does not say what it is");
	set_up(state);
	fake.port[0].silent = true;
	expect_refusal("the disk does not say what it is");
}

static void disks_that_can_less(void **state)
{
	fake.port[0].identify[ATA_ID_COMMANDS_2] = 0x4400; /* it has no flush */
	fake.port[0].identify[ATA_ID_TRIM] = 0xffff;
	fake.port[0].identify[ATA_ID_SERIAL_ATA] = 0xffff;
	fake.port[1].identify[ATA_ID_DEPTH] = 3;
	assert_true(start_all());
	assert_int_equal(fake.port[0].cache_off, 1);
	assert_int_equal(disk[0].features, 0);
	assert_int_equal(disk[0].depth, AHCI_ALONE_DEPTH);
	assert_int_equal(disk[1].depth, 4);
	set_up(state);
	fake.cap = (u32)AHCI_CAP_64; /* one slot, no queue */
	assert_true(start_all());
	assert_int_equal(disk[0].depth, 1);
	assert_false(ahci.port[0].queue);
	set_up(state);
	fake.port[1].identify[ATA_ID_SECTOR_SIZE] = 0x5000;
	fake.port[1].identify[ATA_ID_LOGICAL_WORDS] = 2048;
	assert_true(start_all());
	assert_int_equal(disk[1].block_bytes, 4096);
	assert_int_equal(disk[1].sectors, DISK_BYTES / 512 * 8);
}

/* --- requests --- */

/* Data goes through 16 pages, which three requests have in turn. */
static u8 *data_of(u32 number)
{
	return fake.ram + (DATA_PAGE + number % 3 * BLOCK_REQUEST_PAGES) * PAGE_SIZE;
}

static bool ask(u32 number, u32 unit, u32 operation, u64 sector, u32 sectors)
{
	struct driver_request *request = &asked[number];

	*request = (struct driver_request){
		.operation = (enum block_operation)operation,
		.unit = unit,
		.sector = sector,
		.sectors = sectors,
		.data = data_of(number),
		.address = addresses + DATA_PAGE + number % 3 * BLOCK_REQUEST_PAGES,
		.busy = true,
	};
	if (ahci_submit(&ahci, request))
		return true;
	request->busy = false;
	return false;
}

/* Until all is done, or nothing more is to be hoped for. */
static void work(void)
{
	for (u32 i = 0; i < 3000 && ahci.failure == NULL; i++) {
		fake_step();
		ahci_poll(&ahci);
		now_tsc += NS_PER_MS;
		if (i % 100 == 99)
			ahci_look(&ahci);
		if (ahci.port[0].busy + ahci.port[1].busy == 0)
			return;
	}
}

static void expect_status(u32 number, enum block_status status)
{
	assert_false(asked[number].busy);
	assert_int_equal(asked[number].status, status);
}

/* Its pages are scattered: what is moved is compared by pages of the fake's memory. */
static void compare(u32 number, u32 unit)
{
	const u8 *wanted = fake.port[unit].disk + asked[number].sector * 512;

	for (u32 i = 0; i < asked[number].sectors; i++)
		assert_memory_equal(data_of(number) + i * 512, wanted + i * 512, 512);
}

static void moves_data(void **state)
{
	static const u32 lengths[] = {1, 7, 8, 9, 127, 128};

	(void)state;
	assert_true(start_all());
	for (u32 i = 0; i < ARRAY_COUNT(lengths); i++) {
		assert_true(ask(0, 0, BLOCK_READ, 100 * i + 3, lengths[i]));
		work();
		expect_status(0, BLOCK_OK);
		compare(0, 0);
		memset(data_of(1), (int)(0x40 + i), lengths[i] * 512);
		assert_true(ask(1, 1, BLOCK_WRITE, 200 * i, lengths[i]));
		work();
		expect_status(1, BLOCK_OK);
		compare(1, 1);
	}
	/* nothing is left that would keep the next message from being sent */
	assert_int_equal(fake.is | fake.port[0].is | fake.port[1].is, 0);
	assert_int_equal(fake.port[0].queued, 6);
	assert_int_equal(fake.port[0].resets, 1); /* at the start */
}

static void as_many_as_the_queue_has(void **state)
{
	(void)state;
	fake.port[0].identify[ATA_ID_DEPTH] = 15;
	assert_true(start_all());
	for (u32 i = 0; i < 16; i++)
		assert_true(ask(i, 0, BLOCK_READ, i, 1));
	assert_false(ask(16, 0, BLOCK_READ, 0, 1));
	assert_true(ask(16, 1, BLOCK_READ, 0, 1)); /* of the other disk */
	work();
	assert_int_equal(finished, 17);
	assert_int_equal(fake.port[0].most, 16);
	for (u32 i = 0; i < 17; i++)
		expect_status(i, BLOCK_OK);
}

static void in_any_order(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].holds = true;
	for (u32 i = 0; i < 5; i++)
		assert_true(ask(i, 0, BLOCK_READ, i, 1));
	end_command(&fake.port[0], 3);
	ahci_poll(&ahci);
	expect_status(3, BLOCK_OK);
	assert_int_equal(finished, 1);
	end_command(&fake.port[0], 0);
	end_command(&fake.port[0], 4);
	ahci_poll(&ahci);
	assert_int_equal(finished, 3);
	assert_true(asked[1].busy && asked[2].busy);
	/* a slot is used again at once */
	assert_true(ask(5, 0, BLOCK_READ, 9, 1));
	ahci_poll(&ahci);
	assert_int_equal(finished, 3);
}

/* What it flushes has ended before, and nothing comes in between. */
static void flushes_alone(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].holds = true;
	assert_true(ask(0, 0, BLOCK_WRITE, 0, 1));
	assert_true(ask(1, 0, BLOCK_WRITE, 1, 1));
	assert_true(ask(2, 0, BLOCK_FLUSH, 0, 0));
	assert_false(ask(3, 0, BLOCK_READ, 0, 1));
	assert_false(ask(3, 0, BLOCK_FLUSH, 0, 0));
	end_command(&fake.port[0], 0);
	ahci_poll(&ahci);
	fake_step();
	assert_int_equal(fake.port[0].flushes, 0);
	end_command(&fake.port[0], 1);
	ahci_poll(&ahci);
	fake_step();
	assert_int_equal(fake.port[0].flushes, 1);
	assert_false(ask(3, 0, BLOCK_READ, 0, 1));
	ahci_poll(&ahci);
	expect_status(2, BLOCK_OK);
	assert_true(ask(3, 0, BLOCK_READ, 0, 1));
}

static void discards(void **state)
{
	(void)state;
	fake.port[1].identify[ATA_ID_SECTOR_SIZE] = 0x5000;
	fake.port[1].identify[ATA_ID_LOGICAL_WORDS] = 2048;
	assert_true(start_all());
	assert_true(ask(0, 0, BLOCK_DISCARD, 0x123456789aull, BLOCK_RANGE_SECTORS));
	work();
	expect_status(0, BLOCK_OK);
	assert_true(fake.port[0].trim_first == 0x123456789aull);
	assert_int_equal(fake.port[0].trim_count, BLOCK_RANGE_SECTORS);
	assert_true(ask(0, 1, BLOCK_DISCARD, 80, 16));
	work();
	assert_true(fake.port[1].trim_first == 10);
	assert_int_equal(fake.port[1].trim_count, 2);
}

static void without_a_queue(void **state)
{
	(void)state;
	fake.port[0].identify[ATA_ID_SERIAL_ATA] = 0;
	fake.port[0].identify[ATA_ID_COMMANDS_2] = 0x4400;
	assert_true(start_all());
	assert_true(ask(0, 0, BLOCK_READ, 5, 128));
	assert_true(ask(1, 0, BLOCK_WRITE, 200, 3));
	assert_false(ask(2, 0, BLOCK_READ, 5, 1));
	work();
	assert_int_equal(finished, 2);
	assert_int_equal(fake.port[0].most, 1);
	assert_int_equal(fake.port[0].queued, 0);
	compare(0, 0);
	/* it has no cache then */
	assert_true(ask(2, 0, BLOCK_FLUSH, 0, 0));
	expect_status(2, BLOCK_OK);
	assert_int_equal(fake.port[0].flushes, 0);
}

/* --- errors --- */

/* One sector is bad: the request for it fails, all others that were under way are done. */
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
	assert_int_equal(fake.port[0].resets, 3); /* at the start, and for each attempt */
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

/* Each attempt has two seconds; the other disk goes on meanwhile. */
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

/* Nothing of it is answered: whoever comes next does it. */
static void one_that_does_not_return(void **state)
{
	(void)state;
	assert_true(start_all());
	fake.port[0].no_return = true; /* from its third reset */
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
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(starts),
		TEST(a_firmware_that_keeps_it),
		TEST(controllers_of_no_use),
		TEST(disks_of_no_use),
		TEST(disks_that_can_less),
		TEST(moves_data),
		TEST(as_many_as_the_queue_has),
		TEST(in_any_order),
		TEST(flushes_alone),
		TEST(discards),
		TEST(without_a_queue),
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
