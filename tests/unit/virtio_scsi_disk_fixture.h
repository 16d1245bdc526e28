/* SPDX-License-Identifier: MIT */
#pragma once

/* A platform with a disk at its SCSI host, and a guest that sends the disk commands. */
#include "tests/unit/virtio_scsi_fixture.h"

#define TARGET 3u

static UNUSED int setup_disk_with(u32 features)
{
	fixture_target = TARGET;
	next_command = 0;
	return setup_with(features);
}

static UNUSED int setup_disk(void **state)
{
	(void)state;
	return setup_disk_with(DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES);
}

static UNUSED int setup_read_only(void **state)
{
	(void)state;
	return setup_disk_with(DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES | DISK_READ_ONLY);
}

/* The command was good, and its data are longer than what expect_good looks behind. */
static UNUSED void expect_done_well(u32 response, u32 bytes)
{
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES + bytes);
	assert_int_equal(ram[response + RESPONSE_CODE], VIO_SCSI_S_OK);
	assert_int_equal(ram[response + RESPONSE_STATUS], SCSI_GOOD);
}

static UNUSED void expect_code(u32 response, u32 code)
{
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_CODE], code);
}

#define DISK_TEST(name)	     cmocka_unit_test_setup_teardown(name, setup_disk, teardown)
#define READ_ONLY_TEST(name) cmocka_unit_test_setup_teardown(name, setup_read_only, teardown)
