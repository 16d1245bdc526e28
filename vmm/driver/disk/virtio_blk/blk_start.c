/* SPDX-License-Identifier: MIT */
/*
 * Brings a virtio disk from any state to one with a queue for requests: virtio 1.2, 5.2.5. Defines
 * `driver_ops`, which the core calls. Resets the device and reads its configuration; owns the
 * device that the manager has given.
 */
#include "lib/string.h"
#include "vmm/driver/disk/virtio_blk/blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define SECTORS_MAX (1ull << 52)

static bool vblk_refuse_disk(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static bool vblk_disk_has(const struct vblk *vblk, u64 feature)
{
	return (vblk->host.features & feature) != 0;
}

static bool vblk_read_u32(const struct vblk *vblk, u32 offset, u32 *value)
{
	return virtio_host_config(&vblk->host, offset, value, sizeof(*value));
}

/*
 * Returns whether the disk takes discards, or writes of zeros, of any length and alignment that
 * clients may ask for.
 */
static bool vblk_may_take(const struct vblk *vblk, u32 offset)
{
	u32 sectors = 0;

	return vblk_read_u32(vblk, offset, &sectors) && sectors >= BLOCK_RANGE_SECTORS;
}

static bool vblk_read_sizes(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size)
{
	if (!virtio_host_config(&vblk->host, VIO_BLK_CAPACITY, &disk->sectors,
				sizeof(disk->sectors)))
		return vblk_refuse_disk(problem, size, "the disk does not say how large it is");
	if (vblk_disk_has(vblk, VIO_BLK_F_BLK_SIZE) &&
	    !vblk_read_u32(vblk, VIO_BLK_BLOCK, &disk->block_bytes))
		return vblk_refuse_disk(problem, size,
					"the disk does not say how large its blocks are");
	if (disk->block_bytes != 512 && disk->block_bytes != 4096)
		return vblk_refuse_disk(problem, size,
					"its blocks have neither 512 nor 4096 bytes");
	disk->sectors -= disk->sectors % (disk->block_bytes / BLOCK_SECTOR_BYTES);
	if (disk->sectors == 0 || disk->sectors > SECTORS_MAX)
		return vblk_refuse_disk(problem, size, "its size cannot be true");
	return true;
}

/*
 * Reads the disk's limits. Rejects a disk that takes less data in one request than a client may ask
 * for.
 */
static bool vblk_read_limits(struct vblk *vblk, char *problem, size_t size)
{
	u32 bytes = PAGE_SIZE;
	u32 parts = BLOCK_REQUEST_PAGES;

	if ((vblk_disk_has(vblk, VIO_BLK_F_SIZE_MAX) &&
	     !vblk_read_u32(vblk, VIO_BLK_SIZE_MAX, &bytes)) ||
	    (vblk_disk_has(vblk, VIO_BLK_F_SEG_MAX) &&
	     !vblk_read_u32(vblk, VIO_BLK_SEG_MAX, &parts)) ||
	    bytes < PAGE_SIZE || parts < BLOCK_REQUEST_PAGES)
		return vblk_refuse_disk(problem, size, "the disk moves less than 64 KiB at once");
	if (vblk->ring.size < VBLK_PARTS_MAX)
		return vblk_refuse_disk(problem, size, "its queue is too short");
	return true;
}

static void vblk_read_features(const struct vblk *vblk, struct driver_disk *disk)
{
	if (vblk_disk_has(vblk, VIO_BLK_F_FLUSH))
		disk->features |= DISK_FLUSH;
	if (vblk_disk_has(vblk, VIO_BLK_F_RO))
		disk->features |= DISK_READ_ONLY;
	if (vblk_disk_has(vblk, VIO_BLK_F_DISCARD) && vblk_may_take(vblk, VIO_BLK_DISCARD_SECTORS))
		disk->features |= DISK_DISCARD;
	if (vblk_disk_has(vblk, VIO_BLK_F_WRITE_ZEROES) &&
	    vblk_may_take(vblk, VIO_BLK_ZEROES_SECTORS))
		disk->features |= DISK_WRITE_ZEROES;
	string_copy(disk->model, sizeof(disk->model), "virtio disk");
}

bool vblk_start(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size)
{
	const u64 wanted = VIO_BLK_F_SIZE_MAX | VIO_BLK_F_SEG_MAX | VIO_BLK_F_RO |
			   VIO_BLK_F_BLK_SIZE | VIO_BLK_F_FLUSH | VIO_BLK_F_DISCARD |
			   VIO_BLK_F_WRITE_ZEROES;

	if (vblk->host.memory.pages < VBLK_PAGES)
		return vblk_refuse_disk(problem, size, "no memory that the disk could use");
	if (!virtio_host_begin(&vblk->host, wanted, problem, size) ||
	    !virtio_host_open(&vblk->host, &vblk->ring, 0, VBLK_PAGE_RING, problem, size) ||
	    !vblk_read_sizes(vblk, disk, problem, size) || !vblk_read_limits(vblk, problem, size))
		return false;
	vblk_read_features(vblk, disk);
	disk->depth = MIN(vblk->ring.size / VBLK_PARTS_MIN, DRIVER_DEPTH);
	virtio_host_go(&vblk->host);
	return true;
}

/* --- driver_ops, for core/device.h --- */

/*
 * The interval of checks whether the device still works, which are rare because the registers are
 * slow to read.
 */
#define LOOK_NS (100 * NS_PER_MS)

static struct vblk vblk;
static u64 look_tsc;

static bool vblk_ops_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (virtio_host_find(&vblk.host))
		return vblk_start(&vblk, disk, problem, size);
	format(problem, size, "the disk's registers are missing");
	return false;
}

static bool vblk_ops_submit(struct driver_request *request)
{
	return vblk_submit(&vblk, request);
}

static void vblk_ops_poll(void)
{
	const char *failure = NULL;

	vblk_poll(&vblk);
	if (vblk.ring.bad >= VIRTIO_HOST_BAD_MAX || (vblk.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = vblk_failure(&vblk);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

static bool vblk_ops_may_wait(void)
{
	return vblk_may_wait(&vblk);
}

const struct driver_ops driver_ops = {.start = vblk_ops_start,
				      .submit = vblk_ops_submit,
				      .poll = vblk_ops_poll,
				      .may_wait = vblk_ops_may_wait};
