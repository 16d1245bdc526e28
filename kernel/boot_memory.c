/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/uart.h"
#include "kernel/boot_memory.h"
#include "boot/boot_info.h"
#include "kernel/machine.h"
#include "kernel/panic.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"

#define RANGE_MAX (BOOT_USED_MAX + BOOT_MODULE_MAX + 1) /* one: the trampoline */

void boot_memory_init(const struct boot_info *info)
{
	static struct page_range ram[BOOT_REGION_MAX];
	static struct page_range used[RANGE_MAX];
	size_t ram_count = 0;
	size_t used_count = 0;

	direct_map_base = info->direct_map_base.value;
	for (u32 i = 0; i < info->region_count; i++) {
		const struct boot_region *region = &info->region[i];

		if (region->type == BOOT_REGION_RAM)
			ram[ram_count++] = (struct page_range){.base = HPA(region->base),
							       .length = region->length};
	}
	for (u32 i = 0; i < info->used_count; i++)
		used[used_count++] = (struct page_range){
			.base = info->used[i].base,
			.length = info->used[i].length,
			.owner = (enum page_owner)info->used[i].owner,
		};
	for (u32 i = 0; i < info->module_count; i++)
		used[used_count++] = (struct page_range){
			.base = info->module[i].base,
			.length = info->module[i].length,
			.owner = PAGE_MODULE,
		};
	used[used_count++] = (struct page_range){
		.base = HPA(TRAMPOLINE_BASE),
		.length = TRAMPOLINE_PAGES * PAGE_SIZE,
		.owner = PAGE_KERNEL,
	};
	if (!page_init(ram, ram_count, used, used_count))
		uart_unfit("This machine has too little memory for Skerry.");
	if (kernel_space_init(info) != STATUS_OK)
		panic("cannot take over the boot tables");
}
