/* SPDX-License-Identifier: MIT */
#include "arch/x86_64/cpu/uart.h"
#include "kernel/boot_memory.h"
#include "boot/boot_info.h"
#include "kernel/machine.h"
#include "kernel/panic.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"

/* Of RAM, or of what is in use, the trampoline besides. */
#define RANGE_MAX MAX(BOOT_REGION_MAX, BOOT_USED_MAX + BOOT_MODULE_MAX + 1)

struct range_list {
	size_t count;
	struct page_range range[RANGE_MAX];
};

static void add(struct range_list *list, hpa_t base, u64 length, enum page_owner owner)
{
	list->range[list->count++] = (struct page_range){base, length, owner};
}

void boot_memory_init(const struct boot_info *info)
{
	static struct range_list ram;
	static struct range_list used;

	direct_map_base = info->direct_map_base.value;
	for (u32 i = 0; i < info->region_count; i++) {
		if (info->region[i].type == BOOT_REGION_RAM)
			add(&ram, HPA(info->region[i].base), info->region[i].length, PAGE_FREE);
	}
	for (u32 i = 0; i < info->used_count; i++)
		add(&used, info->used[i].base, info->used[i].length, info->used[i].owner);
	for (u32 i = 0; i < info->module_count; i++)
		add(&used, info->module[i].base, info->module[i].length, PAGE_MODULE);
	add(&used, HPA(TRAMPOLINE_BASE), TRAMPOLINE_PAGES * PAGE_SIZE, PAGE_KERNEL);
	if (!page_init(ram.range, ram.count, used.range, used.count))
		uart_unfit("This machine has too little memory for Skerry.");
	if (kernel_space_init(info) != STATUS_OK)
		panic("cannot take over the boot tables");
}
