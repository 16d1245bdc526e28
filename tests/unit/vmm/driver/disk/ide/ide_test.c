/* SPDX-License-Identifier: MIT */
/* The IDE driver's core against a disk that works, and against those that do not. */
#include "tests/unit/vmm/driver/disk/ide/ide_fake.h"

#include "tests/unit/disk_conformance.h"

#define DATA_PAGE 20u /* the first page of RAM that requests read and write */

static struct driver_disk disk;
static char problem[128];
static struct driver_request request[DRIVER_DEPTH + 1];
static u32 finished;
static enum block_status last_status;
static struct driver_request *last_done;

void request_finish(struct driver_request *done, enum block_status status)
{
	if (conformance_finish(done, status))
		return;
	assert_true(done->busy); /* a request ends once */
	done->busy = false;
	last_status = status;
	last_done = done;
	finished++;
}

static bool begin_disk(void)
{
	memset(&ide, 0, sizeof(ide));
	memset(&disk, 0, sizeof(disk));
	problem[0] = '\0';
	finished = 0;
	ide.command_port = COMMAND_PORT;
	ide.control_port = CONTROL_PORT;
	ide.dma_port = DMA_PORT;
	ide.memory = (struct driver_dma){fake.ram, addresses, 16};
	return ide_start(&ide, &disk, problem, sizeof(problem));
}

static void conformance_make(void)
{
	fake_init();
	memset(&ide, 0, sizeof(ide));
	for (u32 i = 0; i < DISK_BYTES; i++)
		fake.disk[i] = (u8)random_step(&conformance_seed);
	process_given.command_port = COMMAND_PORT;
	process_given.control_port = CONTROL_PORT;
	process_given.dma_port = DMA_PORT;
	process_given.memory = (struct driver_dma){fake.ram, addresses, 16};
	conformance.data = fake.ram + DATA_PAGE * PAGE_SIZE;
	conformance.address = addresses + DATA_PAGE;
	conformance.disk = fake.disk;
	conformance.bytes = DISK_BYTES;
}

static void conformance_work(void)
{
	process_pause();
}

static int set_up(void **state)
{
	(void)state;
	fake_init();
	return 0;
}

static struct driver_request *ask(u32 number, enum block_operation operation, u64 sector,
				  u32 sectors)
{
	request[number] = (struct driver_request){.operation = operation,
						  .sector = sector,
						  .sectors = sectors,
						  .busy = true,
						  .data = fake.ram + DATA_PAGE * PAGE_SIZE,
						  .address = addresses + DATA_PAGE};
	return &request[number];
}

static enum block_status run(enum block_operation operation, u64 sector, u32 sectors)
{
	u32 before = finished;

	assert_true(ide_submit(&ide, ask(0, operation, sector, sectors)));
	for (u32 i = 0; i < 10000 && finished == before && ide.failure == NULL; i++) {
		process_pause();
		ide_poll(&ide);
	}
	assert_int_equal(finished, before + (ide.failure == NULL));
	return last_status;
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin_disk());
	assert_int_equal(fake.resets, 1); /* the reset ends what the disk did before */
	assert_string_equal(disk.model, "Fake? disk");
	assert_string_equal(disk.serial, "SN 1");
	assert_int_equal(disk.sectors, DISK_BYTES / 512);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.features, DISK_FLUSH);
	assert_int_equal(fake.control, 0); /* interrupts are on */
	assert_int_equal(fake.mode, 0);	   /* the firmware's mode stays */
	assert_true(ide.dma);
}

/*
 * Firmware that looked for the other disk of the channel has left that disk chosen. It is not
 * there: its status is 0, also during the reset.
 */
static void test_other_chosen(void **state)
{
	(void)state;
	fake.status = (u8)ATA_STATUS_READY;
	fake.reg[IDE_DEVICE] = (u8)(IDE_DEVICE_OLD | IDE_DEVICE_SLAVE);
	fake.reset_steps = 20;
	assert_true(begin_disk());
	assert_int_equal(disk.sectors, DISK_BYTES / 512);
}

/*
 * The disk has a mode that nobody chose, a size of 48 bits, and a cache without a command to empty
 * it.
 */
static void test_features(void **state)
{
	u64 sectors = 0x123456789abull;

	(void)state;
	fake.identify[ATA_ID_MULTIWORD] = 7;
	fake.identify[ATA_ID_COMMANDS_2] = 0x4400;
	memcpy(fake.identify + ATA_ID_SECTORS_48, &sectors, 8);
	assert_true(begin_disk());
	assert_int_equal(fake.mode, 0x22);
	assert_int_equal(disk.sectors, sectors);
	assert_int_equal(disk.features, 0);
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(fake.flushes, 0);
	fake.refuse = ATA_SET_FEATURES; /* the cache stays on */
	assert_false(begin_disk());
	assert_non_null(strstr(problem, "write cache"));
	fake.identify[ATA_ID_COMMANDS] = 0;
	assert_true(begin_disk());
	assert_false(ide.dma); /* without a mode there is no DMA */
}

/* Every length up to the longest goes to the right pages and sectors, and comes back. */
static void check_data(void)
{
	u8 *data = fake.ram + DATA_PAGE * PAGE_SIZE;
	static u8 want[DISK_BYTES];

	memset(want, 0, sizeof(want));
	for (u32 sectors = 1; sectors <= BLOCK_REQUEST_BYTES / 512; sectors += 3) {
		for (u32 i = 0; i < sectors * 512; i++)
			data[i] = (u8)rand();
		memcpy(want + sectors * 3 * 512, data, sectors * 512);
		assert_int_equal(run(BLOCK_WRITE, fake.far + sectors * 3, sectors), BLOCK_OK);
		assert_memory_equal(fake.disk, want, DISK_BYTES);
		memset(data, 0, BLOCK_REQUEST_BYTES + 512);
		assert_int_equal(run(BLOCK_READ, fake.far + sectors * 3, sectors), BLOCK_OK);
		assert_memory_equal(data, want + sectors * 3 * 512, sectors * 512);
		assert_int_equal(data[sectors * 512], 0);
	}
	assert_int_equal(ide.resets, 1);
}

static void test_dma(void **state)
{
	(void)state;
	assert_true(begin_disk());
	check_data();
	assert_int_equal(fake.by_cpu, 0);
	assert_int_equal(fake.last_command, ATA_READ_DMA);
}

/* Where DMA does not reach, or is not to be had, the CPU moves the data. */
static void test_cpu(void **state)
{
	(void)state;
	assert_true(begin_disk());
	addresses[DATA_PAGE] |= 1ull << 32;
	check_data();
	assert_int_equal(fake.by_dma, 0);
	fake_init();
	fake.identify[ATA_ID_CAPABILITIES] = 0x200;
	assert_true(begin_disk());
	check_data();
	fake_init();
	addresses[0] |= 1ull << 40; /* the table's address is out of reach */
	assert_true(begin_disk());
	check_data();
	assert_int_equal(fake.by_dma, 0);
}

/* Behind what 28 bits can name other commands are used, and before it the old ones. */
static void test_far(void **state)
{
	u64 sectors = 1ull << 40;

	(void)state;
	fake.identify[ATA_ID_COMMANDS_2] |= 0x400;
	memcpy(fake.identify + ATA_ID_SECTORS_48, &sectors, 8);
	fake.far = 0xfedcba9800ull;
	assert_true(begin_disk());
	check_data();
	assert_int_equal(fake.last_command, ATA_READ_DMA_EXT);
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(fake.last_command, ATA_FLUSH_CACHE_EXT);
	fake.far = ATA_LBA28_SECTORS - 8;
	assert_int_equal(run(BLOCK_READ, fake.far, 8), BLOCK_OK);
	assert_int_equal(fake.last_command, ATA_READ_DMA);
	assert_int_equal(run(BLOCK_READ, fake.far + 1, 8), BLOCK_OK);
	assert_int_equal(fake.last_command, ATA_READ_DMA_EXT);
}

/*
 * Requests go one at a time, in order; the next begins when one is done, without being asked for.
 */
static void test_queue(void **state)
{
	(void)state;
	assert_true(begin_disk());
	fake.silent = true;
	for (u32 i = 0; i < DRIVER_DEPTH; i++)
		assert_true(ide_submit(&ide, ask(i, BLOCK_WRITE, i, 1)));
	assert_false(ide_submit(&ide, ask(DRIVER_DEPTH, BLOCK_WRITE, 0, 1)));
	assert_int_equal(fake.by_dma, 0);
	fake.silent = false;
	for (u32 i = 0; i < DRIVER_DEPTH; i++) {
		assert_int_equal(finished, i);
		fake_step();
		ide_poll(&ide);
		assert_ptr_equal(last_done, &request[i]);
	}
	assert_int_equal(ide.count, 0);
	assert_int_equal(fake.by_dma, DRIVER_DEPTH);
}

/* An error is tried once more, then it is the client's. */
static void test_errors(void **state)
{
	bool *const ways[] = {&fake.dma_error, &fake.partial};

	(void)state;
	assert_true(begin_disk());
	fake.fail_commands = 1;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
	fake.fail_commands = 2;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_ERROR);
	assert_int_equal(fake.fail_commands, 0);
	fake.fail_commands = 2;
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_ERROR);
	for (u32 i = 0; i < ARRAY_COUNT(ways); i++) {
		*ways[i] = true;
		assert_int_equal(run(BLOCK_WRITE, 0, 8), BLOCK_ERROR);
		*ways[i] = false;
		assert_int_equal(run(BLOCK_WRITE, 0, 8), BLOCK_OK);
	}
	assert_int_equal(ide.resets, 1); /* no reset was needed so far */
	fake.stuck = true;		 /* the disk wants more data than there are */
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_ERROR);
	fake.stuck = false;
	assert_true(ide.resets > 1);
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
	addresses[DATA_PAGE] |= 1ull << 32;
	fake.short_data = true; /* the CPU moves the data */
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_ERROR);
}

/* Without an end the channel is reset, before the manager loses its patience. */
static void test_timeouts(void **state)
{
	u64 before;

	(void)state;
	assert_true(begin_disk());
	fake.silent = true;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK); /* the reset has cured the disk */
	assert_int_equal(ide.resets, 2);
	fake.no_interrupt = true;
	before = now_tsc;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_ERROR);
	assert_true(now_tsc - before < 5 * NS_PER_S);
	fake.no_interrupt = false;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
	fake.silent = fake.dies = true;
	(void)run(BLOCK_READ, 0, 8);
	assert_string_equal(ide.failure, "the disk does not return from its reset");
	assert_int_equal(ide.count, 1); /* and so the request is not answered */
}

/* A disk that was pulled out: all registers read as ones. */
static void test_gone(void **state)
{
	(void)state;
	assert_true(begin_disk());
	fake.absent = true;
	fake.dma_status = 0xff;
	(void)run(BLOCK_WRITE, 0, 8);
	assert_non_null(ide.failure);
}

/* Each gives a sentence, in bounded time. */
static void test_refused(void **state)
{
	bool *const ways[] = {&fake.absent, &fake.packet, &fake.never_ready, &fake.short_data};
	static const struct {
		u32 word;
		u16 value;
		const char *says;
	} words[] = {
		{ATA_ID_GENERAL, 0x8000, "packets"}, {ATA_ID_CAPABILITIES, 0x100, "LBA"},
		{ATA_ID_SECTORS, 0, "size"},	     {ATA_ID_SECTOR_SIZE, 0x5000, "512"},
		{ATA_ID_COMMANDS_2, 0x5400, "size"},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(ways); i++) {
		fake_init();
		*ways[i] = true;
		now_tsc = 0;
		assert_false(begin_disk());
		assert_int_not_equal(problem[0], 0);
		assert_true(now_tsc < 30 * NS_PER_S);
	}
	for (u32 i = 0; i < ARRAY_COUNT(words); i++) {
		fake_init();
		fake.identify[words[i].word] = words[i].value;
		assert_false(begin_disk());
		assert_non_null(strstr(problem, words[i].says));
	}
	fake_init();
	fake.refuse = ATA_IDENTIFY;
	assert_false(begin_disk());
	fake_init();
	ide = (struct ide){0};
	assert_false(ide_start(&ide, &disk, problem, sizeof(problem)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TESTS(NULL), TEST(test_start),   TEST(test_features),
		TEST(test_dma),		 TEST(test_cpu),     TEST(test_far),
		TEST(test_queue),	 TEST(test_errors),  TEST(test_timeouts),
		TEST(test_gone),	 TEST(test_refused), TEST(test_other_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
