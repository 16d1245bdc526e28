/* SPDX-License-Identifier: MIT */
/*
 * Parses the answers of SCSI disks: SPC-4 6.4 and 7.8, SBC-3 5.16 and 6.5. Called by the virtio
 * SCSI driver; its input is untrusted, and it touches no hardware.
 */
#include "vmm/driver/disk/scsi.h"

#include "lib/string.h"
#include "vmm/rt/format.h"

#define SECTORS_MAX (1ull << 52)

static bool scsi_refuse(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/* Copies a text that is padded with spaces on either side, or ended by a zero. */
static void scsi_copy_text(char *to, size_t size, const u8 *from, size_t count)
{
	size_t length = 0;

	while (count > 0 && *from == ' ')
		from++, count--;
	for (; length < MIN(count, size - 1) && from[length] != 0; length++)
		to[length] = from[length] >= ' ' && from[length] <= '~' ? (char)from[length] : '?';
	while (length > 0 && to[length - 1] == ' ')
		length--;
	to[length] = '\0';
}

static enum scsi_outcome scsi_outcome_of_key(u8 key, u8 code)
{
	switch (key) {
	case SCSI_KEY_RECOVERED:
		return SCSI_DONE;
	case SCSI_KEY_NOT_READY:
	case SCSI_KEY_UNIT_ATTENTION:
	case SCSI_KEY_ABORTED:
		return SCSI_AGAIN;
	case SCSI_KEY_ILLEGAL_REQUEST:
		return code == SCSI_ASC_NO_COMMAND || code == SCSI_ASC_NO_FIELD ? SCSI_UNSUPPORTED
										: SCSI_FAILED;
	default:
		return SCSI_FAILED;
	}
}

enum scsi_outcome scsi_outcome_of(u8 status, const u8 *sense, u32 bytes)
{
	if (status == SCSI_GOOD)
		return SCSI_DONE;
	if (status == SCSI_BUSY || status == SCSI_TASK_SET_FULL)
		return SCSI_AGAIN;
	if (status != SCSI_CHECK_CONDITION || bytes < 4)
		return SCSI_FAILED;
	if ((sense[0] & SCSI_SENSE_CODE) == SCSI_SENSE_DESCRIPTOR)
		return scsi_outcome_of_key(sense[1] & SCSI_SENSE_KEY, sense[2]);
	if ((sense[0] & SCSI_SENSE_CODE) == SCSI_SENSE_FIXED)
		return scsi_outcome_of_key(sense[2] & SCSI_SENSE_KEY, bytes > 12 ? sense[12] : 0);
	return SCSI_FAILED;
}

bool scsi_read_inquiry(struct scsi_disk *disk, const u8 *data, char *problem, size_t size)
{
	char vendor[SCSI_VENDOR_BYTES + 1], product[SCSI_PRODUCT_BYTES + 1];

	if (data[0] >= SCSI_NO_UNIT)
		return scsi_refuse(problem, size, "there is no disk");
	if ((data[0] & SCSI_INQUIRY_TYPE) != SCSI_TYPE_DISK)
		return scsi_refuse(problem, size, "it is no disk, but another kind of device");
	scsi_copy_text(vendor, sizeof(vendor), data + SCSI_INQUIRY_VENDOR, SCSI_VENDOR_BYTES);
	scsi_copy_text(product, sizeof(product), data + SCSI_INQUIRY_PRODUCT, SCSI_PRODUCT_BYTES);
	format(disk->model, sizeof(disk->model), "%s %s", vendor, product);
	return true;
}

bool scsi_read_capacity(struct scsi_disk *disk, const u8 *data, char *problem, size_t size)
{
	u64 last = scsi_get(data, 8);

	disk->block_bytes = (u32)scsi_get(data + SCSI_CAPACITY_BLOCK, 4);
	if (disk->block_bytes != 512 && disk->block_bytes != 4096)
		return scsi_refuse(problem, size, "its blocks have neither 512 nor 4096 bytes");
	if (last >= SECTORS_MAX / (disk->block_bytes / BLOCK_SECTOR_BYTES))
		return scsi_refuse(problem, size, "its size cannot be true");
	disk->sectors = (last + 1) * (disk->block_bytes / BLOCK_SECTOR_BYTES);
	return true;
}

/*
 * Returns whether a limit of `blocks` blocks (0: no limit) lets a command have `sectors` sectors.
 */
static bool scsi_reaches(const struct scsi_disk *disk, u64 blocks, u32 sectors)
{
	return blocks == 0 || blocks >= sectors / (disk->block_bytes / BLOCK_SECTOR_BYTES);
}

bool scsi_read_limits(struct scsi_disk *disk, const u8 *limits, const u8 *provisioning,
		      char *problem, size_t size)
{
	static const u8 none[SCSI_LIMITS_BYTES];
	const u8 *page = limits != NULL ? limits : none;
	u64 unmap = scsi_get(page + SCSI_LIMITS_UNMAP, 4);

	if (!scsi_reaches(disk, scsi_get(page + SCSI_LIMITS_TRANSFER, 4),
			  BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES))
		return scsi_refuse(problem, size, "the disk moves less than 64 KiB at once");
	if (provisioning != NULL &&
	    (provisioning[SCSI_PROVISIONING_AT] & SCSI_PROVISIONING_UNMAP) != 0 && unmap != 0 &&
	    scsi_reaches(disk, unmap, BLOCK_RANGE_SECTORS) &&
	    scsi_get(page + SCSI_LIMITS_UNMAP_RANGES, 4) != 0)
		disk->features |= DISK_DISCARD;
	if (scsi_reaches(disk, scsi_get(page + SCSI_LIMITS_SAME, 8), BLOCK_RANGE_SECTORS))
		disk->features |= DISK_WRITE_ZEROES;
	return true;
}

void scsi_read_serial(struct scsi_disk *disk, const u8 *page)
{
	u32 bytes = (u32)scsi_get(page + 2, 2);

	scsi_copy_text(disk->serial, sizeof(disk->serial), page + SCSI_PAGE_HEADER,
		       MIN(bytes, SCSI_LIMITS_BYTES - SCSI_PAGE_HEADER));
}

void scsi_read_mode(struct scsi_disk *disk, const u8 *data)
{
	u32 at = SCSI_MODE_HEADER + data[SCSI_MODE_BLOCKS] + SCSI_CACHE_AT;
	bool there = at < SCSI_MODE_BYTES && (data[at - SCSI_CACHE_AT] & 0x3f) == SCSI_MODE_CACHING;

	disk->cache = !there || (data[at] & SCSI_CACHE_WRITES) != 0;
	if ((data[SCSI_MODE_DEVICE] & SCSI_MODE_PROTECTED) != 0)
		disk->features |= DISK_READ_ONLY;
}
