/* SPDX-License-Identifier: MIT */
/*
 * Brings a controller and its disks from any state to one that takes requests: virtio 1.2, 5.6.5.
 * Defines `driver_ops`, which the core calls. Resets the device and runs commands of its own
 * through scsi_task.c; owns the controller that the manager has given.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/virtio_scsi/scsi_host.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static bool vscsi_refuse_controller(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

/* Rejects a controller that takes less data in one command than a client may ask for. */
static bool vscsi_check_limits(const struct vscsi *vscsi, char *problem, size_t size)
{
	u32 parts = 0;
	u32 sectors = 0;

	if (!virtio_host_config(&vscsi->host, VIO_SCSI_SEG_MAX, &parts, sizeof(parts)) ||
	    !virtio_host_config(&vscsi->host, VIO_SCSI_MAX_SECTORS, &sectors, sizeof(sectors)))
		return vscsi_refuse_controller(problem, size,
					       "the controller does not say what it can");
	if (parts < BLOCK_REQUEST_PAGES || sectors < BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)
		return vscsi_refuse_controller(problem, size,
					       "the controller moves less than 64 KiB at once");
	if (vscsi->ring.size / vscsi->unit_count < VSCSI_PARTS_MAX)
		return vscsi_refuse_controller(problem, size,
					       "its queue is too short for its disks");
	return true;
}

static void vscsi_set_units(struct vscsi *vscsi, u32 targets)
{
	vscsi->unit_count = 0;
	for (; targets != 0 && vscsi->unit_count < DISK_UNIT_MAX; targets &= targets - 1)
		vscsi->unit[vscsi->unit_count++] =
			(struct vscsi_unit){.target = bit_lowest(targets)};
}

static void vscsi_share_queue(struct vscsi *vscsi)
{
	for (u32 i = 0; i < vscsi->unit_count; i++)
		vscsi->unit[i].parts_left = vscsi->ring.size / vscsi->unit_count;
}

bool vscsi_start(struct vscsi *vscsi, u32 targets, char *problem, size_t size)
{
	vscsi_set_units(vscsi, targets);
	if (vscsi->unit_count == 0)
		return vscsi_refuse_controller(problem, size, "none of its disks was asked for");
	if (vscsi->host.memory.pages < VSCSI_PAGES)
		return vscsi_refuse_controller(problem, size,
					       "no memory that the controller could use");
	if (!virtio_host_begin(&vscsi->host, 0, problem, size) ||
	    !virtio_host_open(&vscsi->host, &vscsi->ring, VIO_SCSI_FIRST_REQUESTS, VSCSI_PAGE_RING,
			      problem, size) ||
	    !vscsi_check_limits(vscsi, problem, size))
		return false;
	memset(vscsi->host.memory.memory + VSCSI_PAGE_ZEROES * PAGE_SIZE, 0, PAGE_SIZE);
	vscsi_share_queue(vscsi);
	virtio_host_go(&vscsi->host);
	vscsi->up = true;
	return true;
}

static bool vscsi_find_disk(struct vscsi *vscsi, u32 unit, struct scsi_disk *disk, char *problem,
			    size_t size)
{
	u8 data[SCSI_LIMITS_BYTES];
	struct scsi_command command;
	u8 response = VIO_SCSI_S_OK;

	scsi_make_inquiry(&command);
	if (!vscsi_run(vscsi, unit, &command, data, &response))
		return vscsi_refuse_controller(problem, size,
					       response == VIO_SCSI_S_BAD_TARGET
						       ? "the controller has no such disk"
						       : "the disk does not say what it is");
	if (!scsi_read_inquiry(disk, data, problem, size))
		return false;
	scsi_make_test(&command);
	if (!vscsi_run(vscsi, unit, &command, data, &response))
		return vscsi_refuse_controller(problem, size, "the disk does not become ready");
	scsi_make_capacity(&command);
	if (!vscsi_run(vscsi, unit, &command, data, &response))
		return vscsi_refuse_controller(problem, size,
					       "the disk does not say how large it is");
	return scsi_read_capacity(disk, data, problem, size);
}

/*
 * Reads the vital product data page `page` of a disk to `data` and returns it, or NULL if the disk
 * has no such page.
 */
static const u8 *vscsi_read_page(struct vscsi *vscsi, u32 unit, u8 page, u8 *data)
{
	struct scsi_command command;
	u8 response;

	scsi_make_page(&command, page);
	return vscsi_run(vscsi, unit, &command, data, &response) && data[1] == page ? data : NULL;
}

static bool vscsi_read_pages(struct vscsi *vscsi, u32 unit, struct scsi_disk *disk, char *problem,
			     size_t size)
{
	u8 limits[SCSI_LIMITS_BYTES], other[SCSI_LIMITS_BYTES];
	const u8 *limits_page = vscsi_read_page(vscsi, unit, SCSI_PAGE_LIMITS, limits);
	const u8 *page = vscsi_read_page(vscsi, unit, SCSI_PAGE_PROVISIONING, other);

	if (!scsi_read_limits(disk, limits_page, page, problem, size))
		return false;
	page = vscsi_read_page(vscsi, unit, SCSI_PAGE_SERIAL, other);
	if (page != NULL)
		scsi_read_serial(disk, page);
	return true;
}

/* Rejects a disk with a write cache that no command can flush: written data could be lost. */
static bool vscsi_check_cache(struct vscsi *vscsi, u32 unit, struct scsi_disk *disk, char *problem,
			      size_t size)
{
	u8 data[SCSI_LIMITS_BYTES];
	struct scsi_command command;
	u8 response;

	disk->cache = true;
	scsi_make_mode(&command);
	if (vscsi_run(vscsi, unit, &command, data, &response))
		scsi_read_mode(disk, data);
	scsi_make_flush(&command);
	if (vscsi_run(vscsi, unit, &command, data, &response))
		disk->features |= DISK_FLUSH;
	else if (disk->cache)
		return vscsi_refuse_controller(problem, size, "its write cache cannot be emptied");
	return true;
}

/* Returns the number of commands that the disk takes at once, at most its share of the queue. */
static u32 vscsi_read_depth(const struct vscsi *vscsi)
{
	u32 per_unit = 0;

	if (!virtio_host_config(&vscsi->host, VIO_SCSI_PER_UNIT, &per_unit, sizeof(per_unit)) ||
	    per_unit == 0)
		per_unit = 1;
	return MIN(per_unit,
		   MIN(DRIVER_DEPTH, vscsi->ring.size / (VSCSI_PARTS_MIN + 1)) / vscsi->unit_count);
}

bool vscsi_start_disk(struct vscsi *vscsi, struct driver_disk *disk, char *problem, size_t size)
{
	struct vscsi_unit *unit = &vscsi->unit[disk->unit];
	struct scsi_disk found = {0};

	if (!vscsi->up)
		return vscsi_refuse_controller(problem, size, "its controller cannot be used");
	if (!vscsi_find_disk(vscsi, disk->unit, &found, problem, size) ||
	    !vscsi_read_pages(vscsi, disk->unit, &found, problem, size) ||
	    !vscsi_check_cache(vscsi, disk->unit, &found, problem, size))
		return false;
	unit->block_bytes = found.block_bytes;
	unit->flush = (found.features & DISK_FLUSH) != 0;
	disk->sectors = found.sectors;
	disk->block_bytes = found.block_bytes;
	disk->features = found.features;
	disk->depth = vscsi_read_depth(vscsi);
	string_copy(disk->model, sizeof(disk->model), found.model);
	string_copy(disk->serial, sizeof(disk->serial), found.serial);
	return true;
}

/* --- driver_ops, for core/device.h --- */

/*
 * The interval of checks whether the controller still works, which are rare because the registers
 * are slow to read.
 */
#define LOOK_NS (100 * NS_PER_MS)

static struct vscsi vscsi;
static u64 look_tsc;

static bool vscsi_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (disk->unit == 0 && !virtio_host_find(&vscsi.host)) {
		format(problem, size, "the controller's registers are missing");
		return false;
	}
	if (disk->unit == 0 &&
	    !vscsi_start(&vscsi, (u32)start_info->parameter[DRIVER_UNITS], problem, size))
		return false;
	return vscsi_start_disk(&vscsi, disk, problem, size);
}

static bool vscsi_ops_submit(struct driver_request *request)
{
	return vscsi_submit(&vscsi, request);
}

static void vscsi_ops_poll(void)
{
	const char *failure = NULL;

	vscsi_poll(&vscsi);
	if (vscsi.ring.bad >= VIRTIO_HOST_BAD_MAX || (vscsi.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = vscsi_failure(&vscsi);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

const struct driver_ops driver_ops = {
	.start = vscsi_ops_start, .submit = vscsi_ops_submit, .poll = vscsi_ops_poll};
