/* SPDX-License-Identifier: MIT */
/*
 * The commands of a disk at a SCSI host (SBC-3, SPC-4): answers those that need no driver, and
 * finds the blocks that the others want. Called by virtio_scsi_host.c with a copy of the command;
 * reads guest RAM, and changes only the news that the guest gets next. Commands that are not here,
 * such as reservations, are refused as unknown.
 */
#include "vmm/monitor/virtio/virtio_scsi_disk.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/virtio/virtio_blk_request.h"

/* the largest block that is believed of a disk's driver, in sectors */
#define BLOCK_SECTORS_MAX 8u
#define LIST_AT		  sizeof(struct vio_scsi_request) /* where the data of a command begin */
#define LOOK_BYTES	  64u /* how much of a block is looked at at a time */

/* The places in a command of the first block's number and of the number of blocks. */
struct disk_place {
	u8 first, first_bytes;
	u8 count, count_bytes;
};

u32 disk_block_sectors(const struct virtio_blk *blk)
{
	return MIN(MAX(blk_block_bytes(blk) / BLOCK_SECTOR_BYTES, 1u), BLOCK_SECTORS_MAX);
}

static u64 disk_block_bytes(const struct virtio_blk *blk)
{
	return (u64)disk_block_sectors(blk) * BLOCK_SECTOR_BYTES;
}

static u64 disk_blocks(const struct virtio_blk *blk)
{
	return blk->state.capacity / disk_block_sectors(blk);
}

static bool disk_has(const struct virtio_blk *blk, u32 feature)
{
	return (blk->about.features & feature) != 0;
}

/* Returns whether the guest may discard blocks, or have them filled with zeros. */
static bool disk_changes_whole(const struct virtio_blk *blk, u32 feature)
{
	return disk_has(blk, feature) && blk_may_unmap(blk);
}

static u32 disk_range_blocks(const struct virtio_blk *blk)
{
	return BLOCK_RANGE_SECTORS / disk_block_sectors(blk);
}

/* --- facts about the disk --- */

static u32 disk_name_bytes(const struct virtio_blk *blk)
{
	u32 length = VIRTIO_BLK_NAME_BYTES;

	while (length > 0 && blk->name[length - 1] == '\0')
		length--;
	return length;
}

static u32 disk_inquire_identity(const struct virtio_blk *blk, u8 *page)
{
	static const char vendor[] = "SKERRY  ";
	u32 length = SCSI_VENDOR_BYTES + disk_name_bytes(blk);

	page[0] = SCSI_IDENTITY_ASCII;
	page[1] = SCSI_IDENTITY_VENDOR;
	page[3] = (u8)length;
	memcpy(page + SCSI_IDENTITY_HEADER, vendor, sizeof(vendor) - 1);
	memcpy(page + SCSI_IDENTITY_HEADER + SCSI_VENDOR_BYTES, blk->name, disk_name_bytes(blk));
	return SCSI_IDENTITY_HEADER + length;
}

static void disk_inquire_limits(const struct virtio_blk *blk, u8 *data)
{
	data[SCSI_LIMITS_SAME_NONE] = 1;
	if (disk_changes_whole(blk, DISK_DISCARD)) {
		scsi_put(data + SCSI_LIMITS_UNMAP, 4, disk_range_blocks(blk));
		scsi_put(data + SCSI_LIMITS_UNMAP_RANGES, 4, 1);
		scsi_put(data + SCSI_LIMITS_GRAIN, 4, 1);
	}
	if (disk_changes_whole(blk, DISK_WRITE_ZEROES))
		scsi_put(data + SCSI_LIMITS_SAME, 8, disk_range_blocks(blk));
}

static void disk_inquire_provisioning(const struct virtio_blk *blk, u8 *data)
{
	bool unmap = disk_changes_whole(blk, DISK_DISCARD);
	bool same = unmap && disk_changes_whole(blk, DISK_WRITE_ZEROES);

	data[SCSI_PROVISIONING_AT] =
		(u8)((unmap ? SCSI_PROVISIONING_UNMAP : 0u) | (same ? SCSI_PROVISIONING_SAME : 0u));
	data[SCSI_PROVISIONING_AT + 1] = unmap ? SCSI_PROVISIONING_THIN : 0;
}

/*
 * Writes a page of vital product data. Returns its length behind the header; 0: there is no such
 * page.
 */
static u32 disk_inquire_page(const struct virtio_blk *blk, u8 code, u8 *data)
{
	static const u8 codes[] = {0,
				   SCSI_PAGE_SERIAL,
				   SCSI_PAGE_IDENTITY,
				   SCSI_PAGE_LIMITS,
				   SCSI_PAGE_MEDIUM,
				   SCSI_PAGE_PROVISIONING};

	switch (code) {
	case 0:
		memcpy(data + SCSI_PAGE_HEADER, codes, sizeof(codes));
		return sizeof(codes);
	case SCSI_PAGE_SERIAL:
		memcpy(data + SCSI_PAGE_HEADER, blk->name, disk_name_bytes(blk));
		return disk_name_bytes(blk);
	case SCSI_PAGE_IDENTITY:
		return disk_inquire_identity(blk, data + SCSI_PAGE_HEADER);
	case SCSI_PAGE_LIMITS:
		disk_inquire_limits(blk, data);
		return SCSI_LIMITS_BYTES - SCSI_PAGE_HEADER;
	case SCSI_PAGE_MEDIUM:
		scsi_put(data + SCSI_MEDIUM_RATE, 2, SCSI_MEDIUM_SOLID_STATE);
		return SCSI_MEDIUM_BYTES - SCSI_PAGE_HEADER;
	case SCSI_PAGE_PROVISIONING:
		disk_inquire_provisioning(blk, data);
		return 4;
	default:
		return 0;
	}
}

static void disk_inquire(const struct virtio_blk *blk, u32 unit, const u8 *command,
			 struct scsi_answer *answer)
{
	static const char names[] = "SKERRY  DISK            1.0 ";
	bool page = (command[1] & SCSI_INQUIRY_PAGES) != 0;
	u32 bytes = SCSI_INQUIRY_BYTES;

	answer->data[0] = unit == 0 ? SCSI_TYPE_DISK : SCSI_TYPE_NONE;
	if (page && unit == 0) {
		answer->data[1] = command[2];
		bytes = disk_inquire_page(blk, command[2], answer->data);
		answer->data[3] = (u8)bytes;
		if (bytes != 0)
			bytes += SCSI_PAGE_HEADER;
	} else if (!page && command[2] == 0) {
		answer->data[2] = SCSI_VERSION_SPC_3;
		answer->data[3] = 2; /* response data format 2 (SPC-3 and later) */
		answer->data[4] = SCSI_INQUIRY_BYTES - 5;
		answer->data[7] = SCSI_INQUIRY_QUEUE;
		memcpy(answer->data + SCSI_INQUIRY_VENDOR, names, sizeof(names) - 1);
	} else {
		bytes = 0;
	}
	if (bytes != 0)
		scsi_return(answer, bytes, scsi_get(command + 3, 2));
	else
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
}

static void disk_read_capacity_10(const struct virtio_blk *blk, struct scsi_answer *answer)
{
	scsi_put(answer->data, 4, MIN(disk_blocks(blk) - 1, 0xffffffffull));
	scsi_put(answer->data + 4, 4, disk_block_bytes(blk));
	answer->bytes = 8;
}

static void disk_read_capacity_16(const struct virtio_blk *blk, const u8 *command,
				  struct scsi_answer *answer)
{
	if ((command[1] & SCSI_SERVICE_ACTION) != SCSI_READ_CAPACITY_16) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	scsi_put(answer->data, 8, disk_blocks(blk) - 1);
	scsi_put(answer->data + SCSI_CAPACITY_BLOCK, 4, disk_block_bytes(blk));
	if (disk_changes_whole(blk, DISK_DISCARD))
		answer->data[SCSI_CAPACITY_UNMAP] = SCSI_CAPACITY_THIN;
	scsi_return(answer, SCSI_CAPACITY_BYTES, scsi_get(command + 10, 4));
}

/* Answers MODE SENSE (6) or (10): the caching page, and in the header whether one may write. */
static void disk_sense_mode(const struct virtio_blk *blk, const u8 *command,
			    struct scsi_answer *answer)
{
	bool ten = command[0] == SCSI_MODE_SENSE_10;
	u32 header = ten ? SCSI_MODE_HEADER_10 : SCSI_MODE_HEADER;
	u32 bytes = header + SCSI_CACHING_BYTES;
	u32 code = command[2] & SCSI_MODE_ALL;
	u8 device = (u8)(SCSI_MODE_THROUGH |
			 (disk_has(blk, DISK_READ_ONLY) ? SCSI_MODE_PROTECTED : 0u));
	u8 *page = answer->data + header;

	if (code != SCSI_MODE_CACHING && code != SCSI_MODE_ALL) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	scsi_put(answer->data, ten ? 2 : 1, bytes - (ten ? 2 : 1));
	answer->data[ten ? SCSI_MODE_DEVICE + 1 : SCSI_MODE_DEVICE] = device;
	page[0] = SCSI_MODE_CACHING;
	page[1] = SCSI_CACHING_BYTES - 2;
	if (command[2] >> 6 != SCSI_MODE_CHANGEABLE && disk_has(blk, DISK_FLUSH))
		page[SCSI_CACHE_AT] = SCSI_CACHE_WRITES;
	scsi_return(answer, bytes, ten ? scsi_get(command + 7, 2) : command[4]);
}

/* --- blocks --- */

static void disk_ask(struct scsi_answer *answer, u8 operation, u64 first, u32 blocks)
{
	answer->asks = true;
	answer->operation = operation;
	answer->first = first;
	answer->blocks = blocks;
}

/* Returns whether the disk has these blocks; if not, the command fails. */
static bool disk_has_blocks(const struct virtio_blk *blk, u64 first, u64 blocks,
			    struct scsi_answer *answer)
{
	u64 all = disk_blocks(blk);

	if (blocks <= all && first <= all - blocks)
		return true;
	scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
	return false;
}

/* Returns whether the disk may be written to; if not, the command fails. */
static bool disk_is_writable(const struct virtio_blk *blk, struct scsi_answer *answer)
{
	if (!disk_has(blk, DISK_READ_ONLY))
		return true;
	scsi_fail(answer, SCSI_KEY_DATA_PROTECT, SCSI_CODE_PROTECTED);
	return false;
}

static const struct disk_place *disk_place_of(u8 code)
{
	/* the upper three bits of a command's code say how long it is, and how it is laid out */
	static const struct disk_place places[8] = {
		[0] = {.first = 1, .first_bytes = 3, .count = 4, .count_bytes = 1},
		[1] = {.first = 2, .first_bytes = 4, .count = 7, .count_bytes = 2},
		[2] = {.first = 2, .first_bytes = 4, .count = 7, .count_bytes = 2},
		[4] = {.first = 2, .first_bytes = 8, .count = 10, .count_bytes = 4},
		[5] = {.first = 2, .first_bytes = 4, .count = 6, .count_bytes = 4},
	};

	return &places[code >> 5];
}

/* Reads from a command which blocks it wants; READ (6) and WRITE (6) have 21 bits for the first. */
static void disk_read_place(const u8 *command, u64 *first, u64 *blocks)
{
	const struct disk_place *place = disk_place_of(command[0]);

	*first = scsi_get(command + place->first, place->first_bytes);
	*blocks = scsi_get(command + place->count, place->count_bytes);
	if (place->first_bytes == 3) {
		*first &= 0x1fffff;
		*blocks = *blocks == 0 ? 256 : *blocks;
	}
}

/*
 * Reads or writes blocks, or confirms that they exist (VERIFY), without a check of their content.
 */
static void disk_access(const struct virtio_blk *blk, const u8 *command, u8 operation,
			struct scsi_answer *answer)
{
	bool short_one = command[0] >> 5 == 0; /* in this form, byte 1 has block bits */
	bool through = !short_one && (command[1] & SCSI_THROUGH) != 0;
	bool verify = command[0] == SCSI_VERIFY_10 || command[0] == SCSI_VERIFY_16;
	u8 refused = verify ? SCSI_PROTECT_BITS | SCSI_VERIFY_DATA : SCSI_PROTECT_BITS;
	u64 first;
	u64 blocks;

	disk_read_place(command, &first, &blocks);
	if (!short_one && (command[1] & refused) != 0) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	if ((operation == BLOCK_WRITE && !disk_is_writable(blk, answer)) ||
	    !disk_has_blocks(blk, first, blocks, answer) || blocks == 0 || verify)
		return;
	if (operation == BLOCK_WRITE && through && disk_has(blk, DISK_FLUSH))
		operation = BLK_WRITE_THROUGH;
	disk_ask(answer, operation, first, (u32)blocks);
}

/* Returns whether the block that comes with the command is there, and has only zeros. */
static bool disk_data_are_zero(const struct virtio_blk *blk, const struct virtio_chain *chain)
{
	u64 piece[LOOK_BYTES / 8];

	for (u32 at = 0; at < disk_block_bytes(blk); at += LOOK_BYTES) {
		u64 any = 0;

		if (virtio_chain_read(blk->device->memory, chain, LIST_AT + at, piece,
				      LOOK_BYTES) != LOOK_BYTES)
			return false;
		for (u32 i = 0; i < LOOK_BYTES / 8; i++)
			any |= piece[i];
		if (any != 0)
			return false;
	}
	return true;
}

/* WRITE SAME fills blocks with zeros, whether or not they may be unmapped; with nothing else. */
static void disk_write_same(const struct virtio_blk *blk, const struct virtio_chain *chain,
			    const u8 *command, struct scsi_answer *answer)
{
	bool no_data = command[0] == SCSI_WRITE_SAME_16 && (command[1] & SCSI_SAME_NO_DATA) != 0;
	u8 known = SCSI_SAME_UNMAP | (command[0] == SCSI_WRITE_SAME_16 ? SCSI_SAME_NO_DATA : 0);
	u64 first;
	u64 blocks;

	disk_read_place(command, &first, &blocks);
	if (!disk_changes_whole(blk, DISK_WRITE_ZEROES))
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	else if ((command[1] & ~known) != 0 || blocks == 0 || blocks > disk_range_blocks(blk))
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
	else if (disk_is_writable(blk, answer) && disk_has_blocks(blk, first, blocks, answer)) {
		if (no_data || disk_data_are_zero(blk, chain))
			disk_ask(answer, BLOCK_WRITE_ZEROES, first, (u32)blocks);
		else
			scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
	}
}

/* Unmaps the one range that a list may have; incomplete ranges at its end do not count. */
static void disk_unmap(const struct virtio_blk *blk, const struct virtio_chain *chain,
		       const u8 *command, struct scsi_answer *answer)
{
	u8 list[SCSI_UNMAP_HEADER + SCSI_UNMAP_RANGE] = {0};
	u64 length = scsi_get(command + 7, 2);
	u64 there = MIN(length, chain->readable_bytes - LIST_AT);
	u64 read = virtio_chain_read(blk->device->memory, chain, LIST_AT, list,
				     MIN(there, (u64)sizeof(list)));
	u64 ranges = scsi_get(list + 2, 2);
	u64 first = scsi_get(list + SCSI_UNMAP_HEADER, 8);
	u32 blocks = (u32)scsi_get(list + SCSI_UNMAP_HEADER + 8, 4);

	if (!disk_changes_whole(blk, DISK_DISCARD))
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	else if (command[1] != 0)
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
	else if (length != 0 && (read < SCSI_UNMAP_HEADER || ranges > there - SCSI_UNMAP_HEADER))
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_LIST_LENGTH);
	else if (ranges / SCSI_UNMAP_RANGE > 1 || blocks > disk_range_blocks(blk))
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_LIST_FIELD);
	else if (disk_is_writable(blk, answer) && ranges >= SCSI_UNMAP_RANGE &&
		 disk_has_blocks(blk, first, blocks, answer) && blocks != 0)
		disk_ask(answer, BLOCK_DISCARD, first, blocks);
}

static void disk_flush(const struct virtio_blk *blk, struct scsi_answer *answer)
{
	if (disk_has(blk, DISK_FLUSH))
		disk_ask(answer, BLOCK_FLUSH, 0, 0);
}

/*
 * There is nothing that spins, and nothing to eject; but a disk that is to stop writes its cache
 * out, as a guest may rely on that before it goes off (SBC-3 5.20).
 */
static void disk_start_or_stop(const struct virtio_blk *blk, const u8 *command,
			       struct scsi_answer *answer)
{
	if ((command[4] & (MMC_START | SCSI_STOP_NO_FLUSH)) == 0)
		disk_flush(blk, answer);
}

/* --- commands --- */

static void disk_command_ready(const struct virtio_blk *blk, const struct virtio_chain *chain,
			       const u8 *command, struct scsi_answer *answer)
{
	switch (command[0]) {
	case SCSI_TEST_UNIT_READY:
		break;
	case SCSI_START_STOP_UNIT:
		disk_start_or_stop(blk, command, answer);
		break;
	case SCSI_READ_CAPACITY_10:
		disk_read_capacity_10(blk, answer);
		break;
	case SCSI_SERVICE_ACTION_IN_16:
		disk_read_capacity_16(blk, command, answer);
		break;
	case SCSI_READ_6:
	case SCSI_READ_10:
	case SCSI_READ_12:
	case SCSI_READ_16:
	case SCSI_VERIFY_10:
	case SCSI_VERIFY_16:
		disk_access(blk, command, BLOCK_READ, answer);
		break;
	case SCSI_WRITE_6:
	case SCSI_WRITE_10:
	case SCSI_WRITE_12:
	case SCSI_WRITE_16:
		disk_access(blk, command, BLOCK_WRITE, answer);
		break;
	case SCSI_SYNCHRONIZE_CACHE_10:
	case SCSI_SYNCHRONIZE_CACHE_16:
		disk_flush(blk, answer);
		break;
	case SCSI_WRITE_SAME_10:
	case SCSI_WRITE_SAME_16:
		disk_write_same(blk, chain, command, answer);
		break;
	case SCSI_UNMAP:
		disk_unmap(blk, chain, command, answer);
		break;
	default:
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	}
}

/* Takes one thing that the guest is to be told, a reset first, and returns its code; 0: nothing. */
static u16 disk_take_attention(struct virtio_blk *blk)
{
	u8 attention = blk->scsi.drive.attention;

	blk->scsi.drive.attention = attention & DISK_ATTENTION_CAPACITY;
	if ((attention & DISK_ATTENTION_RESET) != 0)
		return SCSI_CODE_UNIT_RESET;
	blk->scsi.drive.attention = 0;
	return attention != 0 ? SCSI_CODE_CAPACITY_CHANGED : 0;
}

/*
 * Answers with sense data about the news for the guest; a failed command had its own in its answer.
 */
static void disk_request_sense(struct virtio_blk *blk, const u8 *command,
			       struct scsi_answer *answer)
{
	u16 code = disk_take_attention(blk);

	scsi_write_sense(answer->data, code != 0 ? SCSI_KEY_UNIT_ATTENTION : 0, code);
	scsi_return(answer, SCSI_FIXED_SENSE_BYTES, command[4]);
}

static void disk_command_of_unit(struct virtio_blk *blk, const struct virtio_chain *chain,
				 const u8 *command, struct scsi_answer *answer)
{
	u16 code = disk_take_attention(blk);

	if (code != 0)
		scsi_fail(answer, SCSI_KEY_UNIT_ATTENTION, code);
	else if (command[0] == SCSI_MODE_SENSE_6 || command[0] == SCSI_MODE_SENSE_10)
		disk_sense_mode(blk, command, answer);
	else if (blk->lost || disk_blocks(blk) == 0)
		scsi_fail(answer, SCSI_KEY_NOT_READY, SCSI_CODE_NOT_READY);
	else
		disk_command_ready(blk, chain, command, answer);
}

void disk_command(struct virtio_blk *blk, u32 unit, const struct virtio_chain *chain,
		  const u8 command[SCSI_COMMAND_BYTES], struct scsi_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	/* these three commands are answered even if there are news for the guest (SAM-5 5.14) */
	if (command[0] == SCSI_INQUIRY)
		disk_inquire(blk, unit, command, answer);
	else if (command[0] == SCSI_REPORT_LUNS)
		scsi_report_units(command, answer);
	else if (unit != 0)
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_UNIT);
	else if (command[0] == SCSI_REQUEST_SENSE)
		disk_request_sense(blk, command, answer);
	else
		disk_command_of_unit(blk, chain, command, answer);
}
