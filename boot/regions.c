/* SPDX-License-Identifier: MIT */
/*
 * The memory map while booting: sorts and merges the loader's regions, and keeps the list of free
 * RAM. boot/main.c, boot/kaslr.c and boot/map.c call it. It works on struct boot_info and the given
 * list of ranges, with static scratch space.
 */
#include "boot/regions.h"
#include "lib/bits.h"
#include "lib/string.h"

static struct boot_region given[BOOT_REGION_MAX];
static u64 edge[2 * BOOT_REGION_MAX];

/*
 * Returns the type of the memory between two neighbouring edges of regions: the highest in rank of
 * the types that overlap there; 0 if no region covers it.
 */
static u32 regions_winning_type(u32 count, u64 start, u64 end)
{
	static const u8 rank[] = {
		[BOOT_REGION_RAM] = 1,	    [BOOT_REGION_ACPI] = 2, [BOOT_REGION_NVS] = 3,
		[BOOT_REGION_RESERVED] = 4, [BOOT_REGION_BAD] = 5,
	};
	u32 winner = 0;

	for (u32 i = 0; i < count; i++) {
		const struct boot_region *region = &given[i];

		if (region->base <= start && end <= region->base + region->length &&
		    (winner == 0 || rank[region->type] > rank[winner]))
			winner = region->type;
	}
	return winner;
}

static u32 regions_sort_edges(u32 region_count)
{
	u32 count = 0;

	for (u32 i = 0; i < 2 * region_count; i++) {
		const struct boot_region *region = &given[i / 2];
		u64 value = region->base + (i % 2 == 0 ? 0 : region->length);
		u32 at = count;

		while (at > 0 && edge[at - 1] > value) {
			edge[at] = edge[at - 1];
			at--;
		}
		edge[at] = value;
		count++;
	}
	return count;
}

const char *regions_normalise(struct boot_info *info)
{
	u32 region_count = info->region_count;
	u32 edge_count;
	u32 count = 0;

	memcpy(given, info->region, sizeof(given));
	for (u32 i = 0; i < region_count; i++)
		if (given[i].type < BOOT_REGION_RAM || given[i].type > BOOT_REGION_BAD)
			given[i].type = BOOT_REGION_RESERVED;
	edge_count = regions_sort_edges(region_count);
	for (u32 i = 0; i + 1 < edge_count; i++) {
		u64 start = edge[i];
		u64 length = edge[i + 1] - start;
		u32 type = length == 0 ? 0 : regions_winning_type(region_count, start, edge[i + 1]);
		struct boot_region *last = count > 0 ? &info->region[count - 1] : NULL;

		if (type == 0)
			continue;
		if (last != NULL && last->type == type && last->base + last->length == start) {
			last->length += length;
			continue;
		}
		if (count == BOOT_REGION_MAX)
			return "the memory map has too many entries";
		info->region[count++] =
			(struct boot_region){.base = start, .length = length, .type = type};
	}
	info->region_count = count;
	return NULL;
}

void regions_from_ram(struct ram_ranges *ranges, const struct boot_info *info, u64 start, u64 limit)
{
	ranges->count = 0;
	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *region = &info->region[i];
		u64 end = align_down(MIN(region->base + region->length, limit), PAGE_SIZE);
		u64 base = MAX(region->base, start);

		if (region->type != BOOT_REGION_RAM || base >= end)
			continue;
		base = align_up(base, PAGE_SIZE);
		if (base < end)
			ranges->range[ranges->count++] = (struct ram_range){base, end};
	}
}

bool regions_remove(struct ram_ranges *ranges, u64 base, u64 length)
{
	u64 start = align_down(base, PAGE_SIZE);
	u64 end = length > ~base - PAGE_MASK ? ~PAGE_MASK : align_up(base + length, PAGE_SIZE);
	u32 i = 0;

	while (length != 0 && i < ranges->count) {
		struct ram_range *range = &ranges->range[i];
		struct ram_range above = {end, range->end};

		if (range->end <= start || range->start >= end) {
			i++;
			continue;
		}
		range->end = start;
		if (range->start < start)
			i++;
		else
			memmove(range, range + 1, (--ranges->count - i) * sizeof(*range));
		if (above.start >= above.end)
			continue;
		if (ranges->count == RAM_RANGE_MAX)
			return false;
		memmove(&ranges->range[i + 1], &ranges->range[i],
			(ranges->count++ - i) * sizeof(*range));
		ranges->range[i++] = above;
	}
	return true;
}

u64 regions_bytes(const struct ram_ranges *ranges)
{
	u64 bytes = 0;

	for (u32 i = 0; i < ranges->count; i++)
		bytes += ranges->range[i].end - ranges->range[i].start;
	return bytes;
}
