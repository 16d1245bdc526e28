/* SPDX-License-Identifier: MIT */
/* From whatever state the disk is in to a queue for requests: virtio 1.2, 5.2.5. */
#include "lib/string.h"
#include "vmm/driver/disk/virtio_blk/blk.h"
#include "vmm/rt/format.h"

#define SECTORS_MAX (1ull << 52)

static bool refuse_disk(char *problem, size_t size, const char *text)
{
	format(problem, size, "%s", text);
	return false;
}

static bool disk_has(const struct vblk *vblk, u64 feature)
{
	return (vblk->host.features & feature) != 0;
}

static bool read_u32(const struct vblk *vblk, u32 offset, u32 *value)
{
	return virtio_host_config(&vblk->host, offset, value, sizeof(*value));
}

/* Whether each request of so many sectors may be passed on as it is. */
static bool may_take(const struct vblk *vblk, u32 offset)
{
	u32 sectors = 0;

	return read_u32(vblk, offset, &sectors) && sectors >= BLOCK_RANGE_SECTORS;
}

static bool read_sizes(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size)
{
	if (!virtio_host_config(&vblk->host, VIO_BLK_CAPACITY, &disk->sectors,
				sizeof(disk->sectors)))
		return refuse_disk(problem, size, "the disk does not say how large it is");
	if (disk_has(vblk, VIO_BLK_F_BLK_SIZE) &&
	    !read_u32(vblk, VIO_BLK_BLOCK, &disk->block_bytes))
		return refuse_disk(problem, size, "the disk does not say how large its blocks are");
	if (disk->block_bytes != 512 && disk->block_bytes != 4096)
		return refuse_disk(problem, size, "its blocks have neither 512 nor 4096 bytes");
	disk->sectors -= disk->sectors % (disk->block_bytes / BLOCK_SECTOR_BYTES);
	if (disk->sectors == 0 || disk->sectors > SECTORS_MAX)
		return refuse_disk(problem, size, "its size cannot be true");
	return true;
}

/* A disk that takes less at once than a client may ask for is not used. */
static bool read_limits(struct vblk *vblk, char *problem, size_t size)
{
	u32 bytes = PAGE_SIZE;
	u32 parts = BLOCK_REQUEST_PAGES;

	if ((disk_has(vblk, VIO_BLK_F_SIZE_MAX) && !read_u32(vblk, VIO_BLK_SIZE_MAX, &bytes)) ||
	    (disk_has(vblk, VIO_BLK_F_SEG_MAX) && !read_u32(vblk, VIO_BLK_SEG_MAX, &parts)) ||
	    bytes < PAGE_SIZE || parts < BLOCK_REQUEST_PAGES)
		return refuse_disk(problem, size, "the disk moves less than 64 KiB at once");
	if (vblk->ring.size < VBLK_PARTS_MAX)
		return refuse_disk(problem, size, "its queue is too short");
	return true;
}

static void read_features(const struct vblk *vblk, struct driver_disk *disk)
{
	if (disk_has(vblk, VIO_BLK_F_FLUSH))
		disk->features |= DISK_FLUSH;
	if (disk_has(vblk, VIO_BLK_F_RO))
		disk->features |= DISK_READ_ONLY;
	if (disk_has(vblk, VIO_BLK_F_DISCARD) && may_take(vblk, VIO_BLK_DISCARD_SECTORS))
		disk->features |= DISK_DISCARD;
	if (disk_has(vblk, VIO_BLK_F_WRITE_ZEROES) && may_take(vblk, VIO_BLK_ZEROES_SECTORS))
		disk->features |= DISK_WRITE_ZEROES;
	string_copy(disk->model, sizeof(disk->model), "virtio disk");
}

bool vblk_start(struct vblk *vblk, struct driver_disk *disk, char *problem, size_t size)
{
	const u64 wanted = VIO_BLK_F_SIZE_MAX | VIO_BLK_F_SEG_MAX | VIO_BLK_F_RO |
			   VIO_BLK_F_BLK_SIZE | VIO_BLK_F_FLUSH | VIO_BLK_F_DISCARD |
			   VIO_BLK_F_WRITE_ZEROES;

	if (vblk->host.memory.pages < VBLK_PAGES)
		return refuse_disk(problem, size, "no memory that the disk could use");
	if (!virtio_host_begin(&vblk->host, wanted, problem, size) ||
	    !virtio_host_open(&vblk->host, &vblk->ring, 0, VBLK_PAGE_RING, problem, size) ||
	    !read_sizes(vblk, disk, problem, size) || !read_limits(vblk, problem, size))
		return false;
	read_features(vblk, disk);
	disk->depth = MIN(vblk->ring.size / VBLK_PARTS_MIN, DRIVER_DEPTH);
	virtio_host_go(&vblk->host);
	return true;
}
