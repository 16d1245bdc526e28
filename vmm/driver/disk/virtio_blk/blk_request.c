/* SPDX-License-Identifier: MIT */
/*
 * Turns requests into descriptors and ends completed ones: virtio 1.2, 5.2.6. Called by blk_start.c
 * for `driver_ops`; owns the slots' headers and statuses and reaches the device by its queue.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/virtio_blk/blk.h"

/* the value of a request's status as long as the device has not written it */
#define STATUS_NONE 0xffu

static const u8 types[BLOCK_OPERATION_COUNT] = {
	[BLOCK_READ] = VIO_BLK_IN,
	[BLOCK_WRITE] = VIO_BLK_OUT,
	[BLOCK_FLUSH] = VIO_BLK_FLUSH,
	[BLOCK_DISCARD] = VIO_BLK_DISCARD,
	[BLOCK_WRITE_ZEROES] = VIO_BLK_WRITE_ZEROES,
};

static struct vblk_slot *vblk_slot_at(const struct vblk *vblk, u32 slot)
{
	u8 *page = vblk->host.memory.memory + VBLK_PAGE_SLOTS * PAGE_SIZE;

	return (struct vblk_slot *)(uintptr_t)page + slot;
}

static u64 vblk_slot_address(const struct vblk *vblk, u32 slot, size_t offset)
{
	return virtio_host_address(&vblk->host, VBLK_PAGE_SLOTS * PAGE_SIZE +
							slot * sizeof(struct vblk_slot) + offset);
}

/* Adds the pages of a request's data to its parts. Returns the number of parts in all. */
static u32 vblk_add_data(const struct driver_request *request, struct virtio_part *parts, u32 count)
{
	u32 left = request->sectors * BLOCK_SECTOR_BYTES;

	for (u32 i = 0; left != 0 && i < BLOCK_REQUEST_PAGES; i++) {
		u32 bytes = MIN(left, (u32)PAGE_SIZE);

		parts[count++] = (struct virtio_part){.address = request->address[i],
						      .bytes = bytes,
						      .write = request->operation == BLOCK_READ};
		left -= bytes;
	}
	return count;
}

static u32 vblk_make_parts(const struct vblk *vblk, u32 slot, const struct driver_request *request,
			   struct virtio_part parts[VBLK_PARTS_MAX])
{
	struct vblk_slot *shared = vblk_slot_at(vblk, slot);
	bool data = request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
	u32 count = 1;

	*shared = (struct vblk_slot){
		.header = {.type = types[request->operation], .sector = data ? request->sector : 0},
		.range = {.sector = request->sector, .sectors = request->sectors},
		.status = STATUS_NONE,
	};
	parts[0] = (struct virtio_part){
		.address = vblk_slot_address(vblk, slot, offsetof(struct vblk_slot, header)),
		.bytes = sizeof(struct vio_blk_header)};
	if (data)
		count = vblk_add_data(request, parts, count);
	else if (request->operation != BLOCK_FLUSH)
		parts[count++] = (struct virtio_part){
			.address = vblk_slot_address(vblk, slot, offsetof(struct vblk_slot, range)),
			.bytes = sizeof(struct vio_blk_range)};
	parts[count++] = (struct virtio_part){
		.address = vblk_slot_address(vblk, slot, offsetof(struct vblk_slot, status)),
		.bytes = 1,
		.write = true};
	return count;
}

bool vblk_submit(struct vblk *vblk, struct driver_request *request)
{
	struct virtio_part parts[VBLK_PARTS_MAX];
	u32 slot = 0;
	u32 count;
	u16 id;

	if (vblk->busy == DRIVER_DEPTH || vblk->ring.free_count < VBLK_PARTS_MAX)
		return false;
	while (vblk->request[slot] != NULL)
		slot++;
	count = vblk_make_parts(vblk, slot, request, parts);
	if (!virtio_ring_add(&vblk->ring, parts, count, &id))
		return false;
	vblk->request[slot] = request;
	vblk->slot_of[id] = (u16)slot;
	vblk->busy++;
	/* the driver polls until it waits */
	virtio_ring_hush(&vblk->ring);
	virtio_ring_tell(&vblk->ring);
	return true;
}

static enum block_status vblk_status_of(u8 status)
{
	if (status == VIO_BLK_S_OK)
		return BLOCK_OK;
	return status == VIO_BLK_S_UNSUPP ? BLOCK_UNSUPPORTED : BLOCK_ERROR;
}

static void vblk_end_request(struct vblk *vblk, u16 id)
{
	u32 slot = vblk->slot_of[id];
	struct driver_request *request = vblk->request[slot];
	u8 status = *(volatile u8 *)&vblk_slot_at(vblk, slot)->status;

	vblk->request[slot] = NULL;
	vblk->busy--;
	request_finish(request, vblk_status_of(status));
}

/* Ends completed requests until none is left. */
void vblk_poll(struct vblk *vblk)
{
	u32 left = 2 * DRIVER_DEPTH;
	u32 bytes;
	u16 id;

	virtio_host_acknowledge(&vblk->host);
	while (left > 0 && virtio_ring_take(&vblk->ring, &id, &bytes)) {
		vblk_end_request(vblk, id);
		left--;
	}
}

bool vblk_may_wait(struct vblk *vblk)
{
	return virtio_ring_may_wait(&vblk->ring);
}

const char *vblk_failure(const struct vblk *vblk)
{
	if (vblk->ring.bad >= VIRTIO_HOST_BAD_MAX)
		return "the disk ends requests that it was not given";
	return virtio_host_failure(&vblk->host);
}
