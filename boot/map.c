/* SPDX-License-Identifier: MIT */
/*
 * Builds the kernel's page tables while booting: the image, the direct map, and the page of the
 * code that switches page tables. boot/main.c and boot/relocate.c call it, on the boot CPU. It
 * takes pages for tables from the free RAM and records them in struct boot_info; the kernel keeps
 * these tables.
 */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/paging.h"
#include "boot/boot.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/cpuid.h"

#define PTE_DATA   (PTE_P | PTE_W | PTE_NX)
#define PTE_RODATA (PTE_P | PTE_NX)
#define PTE_TEXT   PTE_P

/*
 * The page tables of start32.S, in force as long as the image runs where it was loaded; boot_pdpt
 * maps the low 4 GiB.
 */
extern u64 boot_pdpt[PT_ENTRY_COUNT];
extern u64 boot_reach[2][PT_ENTRY_COUNT];
extern u64 boot_switch[PT_LEVELS - 1][PT_ENTRY_COUNT];

/*
 * Returns a zeroed page for a page table: the highest free one below 4 GiB, so that tables end up
 * side by side and do not cut up large pages.
 */
static u64 map_table_alloc(struct boot_memory *memory)
{
	struct boot_info *info = memory->info;
	struct boot_used *used = &info->used[info->used_count - 1];
	u32 i = memory->free.count;
	u64 page;

	while (i > 0 && memory->free.range[i - 1].start >= 4 * GIB)
		i--;
	if (i == 0)
		uart_unfit("no memory is left for page tables");
	page = MIN(memory->free.range[i - 1].end, 4 * GIB) - PAGE_SIZE;
	if (!regions_remove(&memory->free, page, PAGE_SIZE))
		uart_unfit("the memory map is too fragmented");

	if (used->owner == PAGE_TABLE && used->base.value == page + PAGE_SIZE) {
		used->base.value = page;
		used->length += PAGE_SIZE;
	} else {
		boot_use(info, HPA(page), PAGE_SIZE, PAGE_TABLE);
	}
	memset((void *)page, 0, PAGE_SIZE);
	return page;
}

static u64 map_table_index(u64 address, u32 level)
{
	return address >> PT_LEVEL_SHIFT(level) & (PT_ENTRY_COUNT - 1);
}

/*
 * Returns the page-table entry that maps `address` at `level`; allocates the tables above it as
 * needed.
 */
static u64 *map_entry_at(struct boot_memory *memory, u64 address, u32 level)
{
	u64 *table = (u64 *)memory->info->root_table.value;

	for (u32 above = PT_LEVELS; above > level; above--) {
		u64 *entry = &table[map_table_index(address, above)];

		if (!(*entry & PTE_P))
			*entry = map_table_alloc(memory) | PTE_P | PTE_W;
		table = (u64 *)(*entry & PTE_ADDRESS);
	}
	return &table[map_table_index(address, level)];
}

/*
 * Maps `bytes`, whole pages, from `hpa` at `address`, by leaves of the largest size that alignment
 * and `top_level` allow.
 */
static void map_range(struct boot_memory *memory, u64 address, u64 hpa, u64 bytes, u64 flags,
		      u32 top_level)
{
	while (bytes > 0) {
		u32 level = top_level;
		u64 size = 1ull << PT_LEVEL_SHIFT(level);

		while (level > 1 && (bytes < size || !is_aligned(address | hpa, size))) {
			level--;
			size = 1ull << PT_LEVEL_SHIFT(level);
		}
		*map_entry_at(memory, address, level) = hpa | flags | (level > 1 ? PTE_PS : 0);
		address += size;
		hpa += size;
		bytes -= size;
	}
}

static void map_image(struct boot_memory *memory)
{
	const struct boot_info *info = memory->info;
	u64 text_end = boot_image_offset(__text_end);
	u64 rodata_end = boot_image_offset(__rodata_end);
	u64 base = info->image_base.value;
	u64 hpa = info->image_hpa.value;

	map_range(memory, base, hpa, text_end, PTE_TEXT, 1);
	map_range(memory, base + text_end, hpa + text_end, rodata_end - text_end, PTE_RODATA, 1);
	map_range(memory, base + rodata_end, hpa + rodata_end, info->image_bytes - rodata_end,
		  PTE_DATA, 1);
}

/*
 * Maps a part of the direct map. The image's text and rodata get no writable alias; the
 * ro_after_init data behind them is mapped in 4-KiB pages, because kernel_space_seal makes it
 * read-only later.
 */
static void map_direct(struct boot_memory *memory, u64 start, u64 end)
{
	const struct boot_info *info = memory->info;
	u64 direct = info->direct_map_base.value;
	u64 image = info->image_hpa.value;
	u64 sealed = MIN(MAX(image, start), end);
	u64 data = MAX(MIN(image + boot_image_offset(__rodata_end), end), sealed);
	u64 rest = MAX(MIN(image + boot_image_offset(__ro_after_init_end), end), data);
	u32 top = cpuid(CPUID_EXTENDED_VERSION, 0).edx & CPUID_81_EDX_PAGE1GB ? 3 : 2;

	map_range(memory, direct + start, start, sealed - start, PTE_DATA, top);
	map_range(memory, direct + sealed, sealed, data - sealed, PTE_RODATA, top);
	map_range(memory, direct + data, data, rest - data, PTE_DATA, 1);
	map_range(memory, direct + rest, rest, end - rest, PTE_DATA, top);
}

/*
 * Maps all RAM and firmware tables in the direct map; regions that touch or share a page become one
 * run.
 */
static void map_memory(struct boot_memory *memory)
{
	const struct boot_info *info = memory->info;
	u64 start = 0;
	u64 end = 0;

	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *region = &info->region[i];
		u64 base = align_down(region->base, PAGE_SIZE);

		if (region->type != BOOT_REGION_RAM && region->type != BOOT_REGION_ACPI &&
		    region->type != BOOT_REGION_NVS)
			continue;
		if (base > end) {
			map_direct(memory, start, end);
			start = base;
		}
		end = align_up(region->base + region->length, PAGE_SIZE);
	}
	map_direct(memory, start, end);
}

/* Identity-maps the boot code's own pages, for the instructions that switch page tables. */
static void map_switch(struct boot_memory *memory)
{
	u64 *root = (u64 *)memory->info->root_table.value;
	u64 start = (uintptr_t)__image_start;

	memset(boot_switch, 0, sizeof(boot_switch));
	root[0] = (uintptr_t)boot_switch[0] | PTE_P | PTE_W;
	boot_switch[0][map_table_index(start, 3)] = (uintptr_t)boot_switch[1] | PTE_P | PTE_W;
	boot_switch[1][map_table_index(start, 2)] = (uintptr_t)boot_switch[2] | PTE_P | PTE_W;
	for (u64 page = start; page < (uintptr_t)__text_start; page += PAGE_SIZE)
		boot_switch[2][map_table_index(page, 1)] = page | PTE_TEXT;
}

void map_build(struct boot_memory *memory)
{
	memory->info->root_table = HPA(map_table_alloc(memory));
	map_image(memory);
	map_memory(memory);
	map_switch(memory);
}

void map_reach(hpa_t base, u64 length)
{
	u64 first = align_down(base.value, GIB);
	u64 table = 0;

	for (u64 gib = first; gib < base.value + length; gib += GIB, table++) {
		if (gib < 4 * GIB)
			continue;
		for (u64 i = 0; i < PT_ENTRY_COUNT; i++)
			boot_reach[table][i] = (gib + i * 2 * MIB) | PTE_DATA | PTE_PS;
		boot_pdpt[map_table_index(gib, 3)] = (uintptr_t)boot_reach[table] | PTE_P | PTE_W;
	}
}
