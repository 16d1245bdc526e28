/* SPDX-License-Identifier: MIT */
/* CD-ROM drives whose medium lies in memory, for ever or for one start of the machine. */
#include "tests/unit/virtio_scsi_fixture.h"

/* A medium in memory is read at once; a state in which a read waits for it cannot be. */
static void in_memory(void **state)
{
	static struct virtio_scsi_state saved;

	(void)state;
	blk.medium = disk_bytes;
	blk.medium_sectors = DISK_SECTORS;
	expect_good(DO(3 * 2048, SCSI_READ_10, 0, 0, 0, 0, 7, 0, 0, 3), 3 * 2048, 3 * 2048);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 7 * 2048, 3 * 2048);
	disk_expect_nothing();
	expect_sense(DO(2048, SCSI_READ_10, 0, 0, 0, CD_BLOCKS >> 8, (u8)CD_BLOCKS, 0, 0, 1),
		     SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
	saved = blk.scsi;
	assert_true(virtio_scsi_memory_valid(&saved));
	blk.medium = NULL;
	DO(2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);
	saved = blk.scsi;
	assert_true(virtio_scsi_valid(&saved));
	assert_false(virtio_scsi_memory_valid(&saved));
	/* nor does a state make the medium longer than it is */
	blk.medium = disk_bytes;
	blk.state.capacity = ~0ull;
	virtio_scsi_memory_loaded(&blk.virtio.function.device);
	assert_int_equal(blk.state.capacity, DISK_SECTORS);
}

static void look_at(u32 block, u32 blocks)
{
	expect_good(DO(blocks * 2048, SCSI_READ_10, 0, 0, 0, 0, (u8)block, 0, 0, (u8)blocks),
		    blocks * 2048, blocks * 2048);
}

static void lock(u8 locked)
{
	expect_good(DO(0, MMC_PREVENT_ALLOW_REMOVAL, 0, 0, 0, locked), 0, 0);
}

/* A medium that is for once goes at the reset after the guest has read its secret and mounted it.
 */
static void for_once(void **state)
{
	static u8 after[DISK_SECTORS * 512];
	u32 used = 0;

	(void)state;
	blk.medium = disk_bytes;
	blk.medium_sectors = DISK_SECTORS;
	blk.secret_first = 3;
	blk.secret_end = 5;
	blk.medium_after = after;
	memset(after, 0x42, sizeof(after));
	blk.taken_mark = &used;
	lock(1);
	lock(0);
	look_at(0, 3);
	look_at(5, 1);
	drive_begin_start(&blk.scsi.drive);
	look_at(4, 3); /* nobody has locked the drive in this start */
	drive_begin_start(&blk.scsi.drive);
	assert_int_equal(used, 0);
	look_at(2, 2);
	lock(0);
	assert_int_equal(used, 0);
	lock(1);
	assert_int_equal(used, 1);
	look_at(3, 1);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 3 * 2048, 2048);
	assert_true(drive_valid(&blk.scsi.drive));
	drive_begin_start(&blk.scsi.drive);
	assert_int_equal(blk.scsi.drive.taken, TAKEN_ALL | TAKEN_GONE);
	assert_true(drive_valid(&blk.scsi.drive));
	look_at(3, 2);
	assert_int_equal(ram[DATA_AT], 0x42);
	drive_begin_start(&blk.scsi.drive);
	look_at(3, 2);
	assert_int_equal(ram[DATA_AT], 0x42);
	blk.scsi.drive.taken = TAKEN_GONE;
	assert_false(drive_valid(&blk.scsi.drive));
}

/* A medium that is for ever stays. */
static void for_ever(void **state)
{
	(void)state;
	blk.medium = disk_bytes;
	blk.medium_sectors = DISK_SECTORS;
	look_at(0, 5);
	lock(1);
	virtio_scsi_memory_reset(&blk.virtio.function.device);
	assert_int_equal(blk.scsi.drive.tray, TRAY_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(in_memory),
		DRIVE_TEST(for_once),
		DRIVE_TEST(for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
