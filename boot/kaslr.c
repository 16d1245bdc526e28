/* SPDX-License-Identifier: MIT */
/*
 * Chooses at random where the image, the direct map and the area for stacks and devices lie, or
 * takes fixed addresses with the option "nokaslr". boot/main.c calls it once. It takes the image's
 * pages out of the free RAM and writes the chosen addresses to struct boot_info.
 */
#include "boot/boot.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"

/* The kernel's parts of the address space, by slots of the top-level page table. */
#define SLOT_BYTES	   (512 * GIB)
#define SLOT_ADDRESS(slot) ((u64)(slot)*SLOT_BYTES | 0xffff000000000000ull)

#define DIRECT_MAP_FIRST 256u
#define DIRECT_MAP_END	 320u
#define IMAGE_FIRST	 384u
#define IMAGE_END	 448u
#define VMAP_FIRST	 448u
#define VMAP_END	 511u
/* least size in bytes of the address area for stacks and devices */
#define VMAP_LEAST SLOT_BYTES

/*
 * Returns a random address in [start, end - bytes], in steps of `step` from `start`, evenly
 * distributed.
 */
static u64 kaslr_choose_at_random(struct entropy_pool *pool, u64 start, u64 end, u64 bytes,
				  u64 step)
{
	u64 places = (end - start - bytes) / step + 1;

	return start + entropy_draw_u64(pool) % places * step;
}

/*
 * Returns the address of a random page of the free ranges at which `bytes` fit, evenly distributed.
 * The function goes through the ranges and replaces the choice by a page of the new range with a
 * probability equal to this range's share of all such pages so far.
 */
static u64 kaslr_choose_hpa(const struct ram_ranges *free, struct entropy_pool *pool, u64 bytes)
{
	u64 places = 0;
	u64 chosen = 0;

	for (u32 i = 0; i < free->count; i++) {
		u64 length = free->range[i].end - free->range[i].start;
		u64 here = length >= bytes ? (length - bytes) / PAGE_SIZE + 1 : 0;
		u64 place = here != 0 ? entropy_draw_u64(pool) % (places + here) : 0;

		if (place < here)
			chosen = free->range[i].start + place * PAGE_SIZE;
		places += here;
	}
	if (places == 0)
		uart_unfit("no free memory range is large enough for the kernel");
	return chosen;
}

/* the end of the memory with frame numbers of 32 bits, which struct page has */
#define FRAMES_END BIT(32 + PAGE_SHIFT)

/*
 * Returns the end of the memory that the direct map must cover, a multiple of 1 GiB; ~0 if it lies
 * beyond FRAMES_END.
 */
static u64 kaslr_memory_end(const struct boot_info *info)
{
	u64 end = 0;

	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *region = &info->region[i];

		if (region->type == BOOT_REGION_RAM || region->type == BOOT_REGION_ACPI ||
		    region->type == BOOT_REGION_NVS)
			end = region->base + region->length;
	}
	return end > FRAMES_END ? ~0ull : align_up(end, GIB);
}

void kaslr_choose(struct boot_memory *memory, struct entropy_pool *pool)
{
	struct boot_info *info = memory->info;
	u64 direct_bytes = kaslr_memory_end(info);

	info->image_bytes = boot_image_offset(__image_end);
	if (direct_bytes > FRAMES_END)
		uart_unfit("memory ends above 16 TiB, the most that Skerry supports");
	if (boot_option(info->command_line, "nokaslr") != 0) {
		info->image_hpa = HPA(IMAGE_LOAD_BASE);
		info->image_base = HVA(IMAGE_LINK_BASE);
		info->direct_map_base = HVA(SLOT_ADDRESS(DIRECT_MAP_FIRST));
		info->vmap_base = HVA(SLOT_ADDRESS(VMAP_FIRST));
	} else {
		info->image_hpa = HPA(kaslr_choose_hpa(&memory->free, pool, info->image_bytes));
		info->image_base = HVA(kaslr_choose_at_random(pool, SLOT_ADDRESS(IMAGE_FIRST),
							      SLOT_ADDRESS(IMAGE_END),
							      info->image_bytes, IMAGE_ALIGN));
		info->direct_map_base = HVA(
			kaslr_choose_at_random(pool, SLOT_ADDRESS(DIRECT_MAP_FIRST),
					       SLOT_ADDRESS(DIRECT_MAP_END), direct_bytes, GIB));
		info->vmap_base =
			HVA(kaslr_choose_at_random(pool, SLOT_ADDRESS(VMAP_FIRST),
						   SLOT_ADDRESS(VMAP_END), VMAP_LEAST, 2 * MIB));
	}
	if (!regions_remove(&memory->free, info->image_hpa.value, info->image_bytes))
		uart_unfit("the memory map is too fragmented");
	boot_use(info, info->image_hpa, info->image_bytes, PAGE_IMAGE);
}
