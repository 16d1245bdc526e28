/* SPDX-License-Identifier: MIT */
/* The AHCI driver against a controller that works: starting, refusals, requests. */
#include "tests/unit/vmm/driver/disk/ahci/ahci_fixture.h"

static void expect_refusal(const char *text)
{
	assert_false(start_all());
	assert_string_equal(problem, text);
}

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
	/* and none of the controller's disks is touched afterwards */
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

/* One port has no disk of use: the other port works. */
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
	fake.port[0].identify[ATA_ID_COMMANDS_2] = 0x4400; /* the disk has no flush */
	fake.port[0].identify[ATA_ID_TRIM] = 0xffff;
	fake.port[0].identify[ATA_ID_SERIAL_ATA] = 0xffff;
	fake.port[1].identify[ATA_ID_DEPTH] = 3;
	assert_true(start_all());
	assert_int_equal(fake.port[0].cache_off, 1);
	assert_int_equal(disk[0].features, 0);
	assert_int_equal(disk[0].depth, AHCI_ALONE_DEPTH);
	assert_int_equal(disk[1].depth, 4);
	set_up(state);
	fake.cap = (u32)AHCI_CAP_64; /* the controller has one slot and no queue */
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
	assert_int_equal(fake.port[0].resets, 1); /* one reset, at the start */
}

static void as_many_as_the_queue_has(void **state)
{
	(void)state;
	fake.port[0].identify[ATA_ID_DEPTH] = 15;
	assert_true(start_all());
	for (u32 i = 0; i < 16; i++)
		assert_true(ask(i, 0, BLOCK_READ, i, 1));
	assert_false(ask(16, 0, BLOCK_READ, 0, 1));
	assert_true(ask(16, 1, BLOCK_READ, 0, 1)); /* a request for the other disk */
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

/* A flush goes alone: what it flushes has ended before, and nothing comes in between. */
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
	/* without a flush the disk has no cache */
	assert_true(ask(2, 0, BLOCK_FLUSH, 0, 0));
	expect_status(2, BLOCK_OK);
	assert_int_equal(fake.port[0].flushes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts),
		TEST(a_firmware_that_keeps_it),
		TEST(controllers_of_no_use),
		TEST(disks_of_no_use),
		TEST(disks_that_can_less),
		CONFORMANCE_TESTS(NULL),
		TEST(moves_data),
		TEST(as_many_as_the_queue_has),
		TEST(in_any_order),
		TEST(flushes_alone),
		TEST(discards),
		TEST(without_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
