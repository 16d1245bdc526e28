/* SPDX-License-Identifier: MIT */
/*
 * A small driver of virtio disks. Called by the guests that read or write disks; uses memory of its
 * own for the queue.
 */
#include "tests/guest/rt/blk.h"

#include "tests/guest/rt/devices.h"

bool blk_find(struct blk *blk, u32 number)
{
	for (u32 slot = 0; slot < PCI_NO_SLOT; slot++) {
		if (pci_get(slot, PCI_VENDOR, 4) != (0x1af4 | (0x1040 + BLK_TYPE) << 16))
			continue;
		if (number-- == 0)
			return virtio_find_at(&blk->virtio, slot);
	}
	return false;
}

bool blk_begin(struct blk *blk, u64 features, u16 vector)
{
	u32 queues = 1;

	blk->features = virtio_begin(&blk->virtio, features | VIRTIO_VERSION_1);
	if ((blk->features & VIRTIO_VERSION_1) == 0)
		return false;
	if ((blk->features & BLK_F_MQ) != 0)
		queues = BLK_QUEUES;
	for (u32 i = 0; i < queues; i++) {
		blk->seen[i] = 0;
		if (!virtio_add_queue(&blk->virtio, i, &blk->queue[i], vector))
			return false;
	}
	return virtio_start(&blk->virtio);
}

static bool device_writes(u32 type)
{
	return type == BLK_IN || type == BLK_GET_ID;
}

void blk_post(struct blk *blk, u32 queue, u32 slot, u32 type, u64 sector, void *data, u32 bytes)
{
	struct virtq *rings = &blk->queue[queue];
	struct blk_slot *own = &blk->slot[queue][slot];
	bool indirect = (blk->features & VIRTIO_RING_INDIRECT) != 0;
	struct virtq_descriptor *table = indirect ? own->indirect : &rings->table[3 * slot];
	u16 first = (u16)(indirect ? 0 : 3 * slot);
	u16 write = device_writes(type) ? VIRTQ_WRITE : 0;

	own->header.type = type;
	own->header.sector = sector;
	own->status = BLK_NO_ANSWER;
	table[0] = (struct virtq_descriptor){(word)&own->header, BLK_HEADER, VIRTQ_NEXT,
					     (u16)(first + (bytes != 0 ? 1 : 2))};
	table[1] = (struct virtq_descriptor){(word)data, bytes, (u16)(VIRTQ_NEXT | write),
					     (u16)(first + 2)};
	table[2] = (struct virtq_descriptor){(word)&own->status, 1, VIRTQ_WRITE, 0};
	if (indirect)
		rings->table[3 * slot] = (struct virtq_descriptor){
			(word)own->indirect, sizeof(own->indirect), VIRTQ_INDIRECT, 0};
	virtio_submit(&blk->virtio, queue, rings, (u16)(3 * slot));
}

bool blk_wait(struct blk *blk, u32 queue)
{
	u32 start = clock_ticks();

	while (blk->queue[queue].used.index == blk->seen[queue])
		if (clock_us_since(start) > BLK_ANSWER_US)
			return false;
	asm volatile("" ::: "memory");
	blk->seen[queue]++;
	return true;
}

u8 blk_do(struct blk *blk, u32 queue, u32 type, u64 sector, void *data, u32 bytes)
{
	blk_post(blk, queue, 0, type, sector, data, bytes);
	return blk_wait(blk, queue) ? blk->slot[queue][0].status : (u8)BLK_NO_ANSWER;
}
