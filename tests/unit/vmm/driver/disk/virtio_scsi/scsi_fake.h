/* SPDX-License-Identifier: MIT */
/*
 * Two SCSI disks behind a fake virtio controller: targets 2 and 8. Included once, behind
 * virtio_host_fake.h, by a test that says how they are and answer.
 */
#include "vmm/driver/disk/scsi.h"

#define DISK_SECTORS 2048u
#define QUEUE	     2u

static u8 medium[2][DISK_SECTORS * 512];
static u32 flushes, unmaps, zeroes, commands;

/* The state of the disks, and how they answer the next commands. */
static struct {
	u8 type, mode_device, cache, response, status, key, code, sense_format;
	/* the length of a block, and the commands that are answered with a residual or badly */
	u32 block_bytes, residual, bad;
	u64 last_block;
	u32 transfer_max, unmap_max, unmap_ranges;
	u64 same_max;
	u8 no_page, no_flush, unmap_bit;
} how;

/* The parts of data: what the disk gives, or takes. */
static u32 move(const struct fake_request *what, u8 *data, u64 bytes, bool give)
{
	u32 first = give ? 2 : 1;
	u32 last = give ? what->count : what->count - 1;
	u64 done = 0;

	for (u32 i = first; i < last; i++) {
		u64 count = MIN((u64)what->part[i].bytes, bytes - done);

		assert_int_equal(what->part[i].write, give);
		if (give)
			memcpy(what->part[i].data, data + done, count);
		else
			memcpy(data + done, what->part[i].data, count);
		done += count;
	}
	return (u32)done;
}

static void give_page(const struct fake_request *what, u8 page)
{
	u8 data[SCSI_LIMITS_BYTES] = {0, page, 0, 60};

	if (page == SCSI_PAGE_LIMITS) {
		scsi_put(data + SCSI_LIMITS_TRANSFER, 4, how.transfer_max);
		scsi_put(data + SCSI_LIMITS_UNMAP, 4, how.unmap_max);
		scsi_put(data + SCSI_LIMITS_UNMAP_RANGES, 4, how.unmap_ranges);
		scsi_put(data + SCSI_LIMITS_SAME, 8, how.same_max);
	} else if (page == SCSI_PAGE_PROVISIONING) {
		data[SCSI_PROVISIONING_AT] = how.unmap_bit;
	} else {
		data[3] = 6;
		memcpy(data + 4, "  s\x01x ", 6);
	}
	(void)move(what, data, sizeof(data), true);
}

static void inquire(const struct fake_request *what, const u8 *cdb)
{
	u8 data[SCSI_INQUIRY_BYTES] = {how.type};

	if ((cdb[1] & 1) != 0) {
		give_page(what, cdb[2]);
		return;
	}
	assert_int_equal(scsi_get(cdb + 3, 2), SCSI_INQUIRY_BYTES);
	memcpy(data + 8, "VENDOR  a model\x80        ", 24);
	(void)move(what, data, sizeof(data), true);
}

static void tell_capacity(const struct fake_request *what, const u8 *cdb)
{
	u8 data[SCSI_CAPACITY_BYTES] = {0};

	assert_int_equal(cdb[1], SCSI_READ_CAPACITY_16);
	scsi_put(data, 8, how.last_block);
	scsi_put(data + 8, 4, how.block_bytes);
	(void)move(what, data, sizeof(data), true);
}

static void tell_mode(const struct fake_request *what)
{
	u8 data[SCSI_MODE_BYTES] = {30, 0, how.mode_device, 8};

	data[12] = SCSI_MODE_CACHING;
	data[13] = 18;
	data[14] = how.cache;
	(void)move(what, data, sizeof(data), true);
}

static void unmap(const struct fake_request *what, const u8 *cdb, u8 *bytes)
{
	u8 list[SCSI_UNMAP_LIST_BYTES];

	assert_int_equal(scsi_get(cdb + 7, 2), sizeof(list));
	assert_int_equal(move(what, list, sizeof(list), false), sizeof(list));
	assert_int_equal(scsi_get(list, 2), 22);
	assert_int_equal(scsi_get(list + 2, 2), 16);
	memset(bytes + scsi_get(list + 8, 8) * how.block_bytes, 0xdd,
	       scsi_get(list + 16, 4) * how.block_bytes);
	unmaps++;
}

static void write_same(const struct fake_request *what, const u8 *cdb, u8 *bytes)
{
	u8 block[4096];

	assert_int_equal(move(what, block, how.block_bytes, false), how.block_bytes);
	for (u64 i = 0; i < scsi_get(cdb + 10, 4); i++)
		memcpy(bytes + (scsi_get(cdb + 2, 8) + i) * how.block_bytes, block,
		       how.block_bytes);
	zeroes++;
}

static void do_command(const struct fake_request *what, const u8 *cdb, u8 *bytes)
{
	u8 *at_byte = bytes + scsi_get(cdb + 2, 8) * how.block_bytes;
	u64 count = scsi_get(cdb + 10, 4) * how.block_bytes;

	switch (cdb[0]) {
	case SCSI_INQUIRY:
		inquire(what, cdb);
		break;
	case SCSI_SERVICE_ACTION_IN_16:
		tell_capacity(what, cdb);
		break;
	case SCSI_MODE_SENSE_6:
		assert_int_equal(cdb[4], SCSI_MODE_BYTES);
		tell_mode(what);
		break;
	case SCSI_READ_16:
	case SCSI_WRITE_16:
		assert_true(at_byte + count <= bytes + sizeof(medium[0]));
		assert_int_equal(move(what, at_byte, count, cdb[0] == SCSI_READ_16), count);
		break;
	case SCSI_UNMAP:
		unmap(what, cdb, bytes);
		break;
	case SCSI_WRITE_SAME_16:
		write_same(what, cdb, bytes);
		break;
	case SCSI_SYNCHRONIZE_CACHE_10:
		flushes++;
		break;
	default:
		assert_int_equal(cdb[0], SCSI_TEST_UNIT_READY);
	}
}

static bool is_refused(const u8 *cdb)
{
	return (cdb[0] == SCSI_INQUIRY && (cdb[1] & 1) != 0 && cdb[2] == how.no_page) ||
	       (cdb[0] == SCSI_SYNCHRONIZE_CACHE_10 && how.no_flush);
}

static void set_sense(struct vio_scsi_response *response, u8 key, u8 code)
{
	bool fixed = how.sense_format < SCSI_SENSE_DESCRIPTOR;

	response->status = SCSI_CHECK_CONDITION;
	response->sense_bytes = fixed ? 18 : 8;
	response->sense[0] = how.sense_format;
	response->sense[fixed ? 2 : 1] = key;
	response->sense[fixed ? 12 : 2] = code;
}

static u32 fake_do(u32 queue, struct fake_request *what)
{
	struct vio_scsi_request asked;
	struct vio_scsi_response response = {.response = how.response, .residual = how.residual};
	u32 place = what->count > 1 && what->part[1].write ? 1 : what->count - 1;

	commands++;
	assert_int_equal(queue, QUEUE);
	assert_int_equal(what->part[0].bytes, sizeof(asked));
	assert_int_equal(what->part[place].bytes, sizeof(response));
	assert_true(what->part[place].write);
	memcpy(&asked, what->part[0].data, sizeof(asked));
	assert_int_equal(asked.unit[0], 1);
	assert_int_equal(asked.unit[2], 0x40);
	if (how.bad != 0) {
		how.bad--;
		response.status = how.status;
		if (how.status == SCSI_CHECK_CONDITION)
			set_sense(&response, how.key, how.code);
	} else if (asked.unit[1] == 31) {
		response.response = VIO_SCSI_S_BAD_TARGET;
	} else if (is_refused(asked.cdb)) {
		set_sense(&response, SCSI_KEY_ILLEGAL_REQUEST, SCSI_ASC_NO_COMMAND);
	} else {
		assert_true(asked.unit[1] == 2 || asked.unit[1] == 8);
		response.response = VIO_SCSI_S_OK;
		response.residual = 0;
		do_command(what, asked.cdb, medium[asked.unit[1] == 8]);
	}
	memcpy(what->part[place].data, &response, sizeof(response));
	return sizeof(response);
}
