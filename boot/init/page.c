/* SPDX-License-Identifier: MIT */
/*
 * Sets up the page allocator: the array of struct page, the RAM in use and the free blocks by NUMA
 * node. boot/init/main.c and boot/init/machine.c call it, while one CPU runs. It writes the
 * allocator's data (mm/buddy.c) without its lock.
 */
#include "mm/page.h"

#include "boot/init/init.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "mm/address.h"

/* Returns the lowest address of `bytes` of RAM that overlap no range in use; 0 if there is none. */
static u64 page_place_find(const struct boot_info *info, u64 bytes)
{
	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *ram = &info->region[i];
		u64 at = align_up(MAX(ram->base, PAGE_SIZE), PAGE_SIZE);
		u32 j = 0;

		while (j < info->used_count) {
			const struct boot_used *used = &info->used[j];

			if (ranges_overlap(at, bytes, used->base.value, used->length)) {
				at = align_up(used->base.value + used->length, PAGE_SIZE);
				j = 0;
			} else {
				j++;
			}
		}
		if (ram->type == BOOT_REGION_RAM && at >= ram->base &&
		    range_within(at - ram->base, bytes, ram->length))
			return at;
	}
	return 0;
}

static void page_frames_mark_used(u64 base, u64 length, enum page_owner owner)
{
	u64 end = MIN(align_up(base + length, PAGE_SIZE) >> PAGE_SHIFT, page_frame_count);

	for (u64 frame = base >> PAGE_SHIFT; frame < end; frame++) {
		if (!(page_frames[frame].flags & PAGE_FLAG_RAM))
			continue;
		if (page_frames[frame].flags & PAGE_FLAG_HEAD)
			page_counts[page_frames[frame].owner]--;
		page_frames[frame].owner = (u8)owner;
		page_frames[frame].flags |= PAGE_FLAG_HEAD;
		page_counts[owner]++;
	}
}

/*
 * Gives a run of free frames to the allocator, as the largest aligned blocks of which none spans
 * two nodes.
 */
static void page_run_insert(u64 frame, u64 end)
{
	u64 stop = frame; /* the frame at which another node begins, or `end` */

	while (frame < end) {
		unsigned int order;

		if (stop == frame)
			do
				stop++;
			while (stop < end && page_frames[stop].node == page_frames[frame].node);
		order = MIN(bit_highest(stop - frame), bit_lowest(frame));
		order = MIN(order, (unsigned int)PAGE_ORDER_MAX);
		page_block_insert((u32)frame, order);
		frame += 1ull << order;
	}
}

/* Gives every run of RAM frames that has no owner to the allocator. */
static void page_frames_free_rest(void)
{
	u64 frame = 0;

	while (frame < page_frame_count) {
		u64 end = frame;

		while (end < page_frame_count && page_frames[end].flags == PAGE_FLAG_RAM)
			end++;
		page_counts[PAGE_FREE] += end - frame;
		page_nodes[0].free += end - frame;
		page_run_insert(frame, end);
		frame = end + 1;
	}
}

/* Returns the number of the frame behind a region's last one; 0 if the region is not RAM. */
static u64 page_ram_end(const struct boot_region *region)
{
	return region->type == BOOT_REGION_RAM ? (region->base + region->length) >> PAGE_SHIFT : 0;
}

bool page_init(const struct boot_info *info)
{
	u64 array_bytes;
	u64 array;

	direct_map_base = info->direct_map_base.value;
	for (u32 i = 0; i < info->region_count; i++)
		page_frame_count = MAX(page_frame_count, page_ram_end(&info->region[i]));
	array_bytes = align_up(page_frame_count * sizeof(struct page), PAGE_SIZE);
	array = page_place_find(info, array_bytes);
	if (array == 0)
		return false;

	page_frames = hpa_to_pointer(HPA(array));
	memset(page_frames, 0, array_bytes);
	for (u32 i = 0; i < info->region_count; i++) {
		u64 frame = align_up(info->region[i].base, PAGE_SIZE) >> PAGE_SHIFT;

		for (; frame < page_ram_end(&info->region[i]); frame++) {
			page_total += !(page_frames[frame].flags & PAGE_FLAG_RAM);
			page_frames[frame].flags = PAGE_FLAG_RAM;
		}
	}
	page_nodes[0].pages = page_total;
	page_frames_mark_used(0, PAGE_SIZE, PAGE_RESERVED);
	page_frames_mark_used(array, array_bytes, PAGE_RESERVED);
	for (u32 i = 0; i < info->used_count; i++)
		page_frames_mark_used(info->used[i].base.value, info->used[i].length,
				      info->used[i].owner);
	page_frames_free_rest();
	return true;
}

static void page_frame_move(struct page *page, u8 node)
{
	if (page->flags & PAGE_FLAG_RAM) {
		page_nodes[page->node].pages--;
		page_nodes[node].pages++;
	}
	page->node = node;
}

/*
 * Takes the free blocks that the range touches out of the allocator's lists, and inserts their
 * parts by node.
 */
void page_node_set(hpa_t base, u64 length, u8 node)
{
	u64 first = base.value >> PAGE_SHIFT;
	u64 end = MIN((base.value + length) >> PAGE_SHIFT, page_frame_count);
	u64 count;

	for (u64 frame = 0; frame < end; frame += count) {
		struct page *page = &page_frames[frame];
		bool is_free = (page->flags & PAGE_FLAG_HEAD) && page->owner == PAGE_FREE;

		count = is_free ? 1ull << page->order : 1;
		if (frame + count <= first)
			continue;
		if (is_free) {
			page_nodes[page->node].free -= count;
			page_block_remove((u32)frame);
		}
		for (u64 n = MAX(frame, first); n < MIN(frame + count, end); n++)
			page_frame_move(&page_frames[n], node);
		for (u64 n = frame; is_free && n < frame + count; n++)
			page_nodes[page_frames[n].node].free++;
		if (is_free)
			page_run_insert(frame, frame + count);
	}
}
