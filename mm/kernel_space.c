/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of the address space after boot: the tables that every process shares, mappings
 * of device memory, and the final read-only state of the kernel's data. boot/init fills the tables
 * and maps stacks and devices, arch/x86_64/iommu maps IOMMUs' registers, mm/space.c copies the half
 * into each process. It owns `kernel_table`, `kernel_entry_table` and the area of addresses for
 * stacks and devices; its callers run one at a time (boot, or a system call under the long lock),
 * so it takes no lock.
 */
#include "mm/kernel_space.h"

#include "arch/x86_64/cpu/random.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define GAP_PAGES 64 /* most unmapped pages between two mappings of stacks or devices */

/* The linker script (linker.ld) defines these boundaries of the image's sections. */
extern const char __image_start[], __text_start[];
extern const char __ro_after_init_start[], __entry_data_end[], __ro_after_init_end[];

struct table kernel_table SECTION(".data.ro_after_init");

struct table kernel_entry_table SECTION(".data.ro_after_init");
struct kernel_vmap kernel_vmap;
u64 kernel_image_alias SECTION(".data.ro_after_init");

void kernel_space_seal(void)
{
	u64 at = (u64)__ro_after_init_start;
	u64 end = (u64)__ro_after_init_end;

	table_protect(&kernel_table, (u64)__image_start, (u64)__text_start, 0);
	table_protect(&kernel_table, at, end, PT_READ);
	table_protect(&kernel_entry_table, at, (u64)__entry_data_end, PT_READ);
	table_protect(&kernel_table, at + kernel_image_alias, end + kernel_image_alias, PT_READ);
	tlb_arch_load_root(kernel_table.root.kernel);
}

u64 kernel_vmap_reserve(u64 bytes, u64 alignment)
{
	u64 at = align_up(kernel_vmap.next + PAGE_SIZE * (1 + random_below(GAP_PAGES)), alignment);

	if (at >= kernel_vmap.end || bytes > kernel_vmap.end - at)
		return 0;
	kernel_vmap.next = at + bytes;
	return at;
}

void *kernel_map_existing(hpa_t hpa, u64 bytes, u32 rights, enum pt_type type)
{
	u64 first = align_down(hpa.value, PAGE_SIZE);
	u64 length = align_up(hpa.value + bytes, PAGE_SIZE) - first;
	u64 at = kernel_vmap_reserve(length, PAGE_SIZE);

	if (at == 0)
		return NULL;
	for (u64 done = 0; done < length; done += PAGE_SIZE)
		if (!table_map_page(&kernel_table, at + done, HPA(first + done), rights, type))
			return NULL;
	return (void *)(at + (hpa.value - first));
}

void *kernel_map_device(hpa_t hpa, u64 bytes)
{
	return kernel_map_existing(hpa, bytes, PT_READ | PT_WRITE, PT_TYPE_UC);
}

void kernel_space_share(struct table *table)
{
	bool split = table->root.user.value != table->root.kernel.value;

	for (unsigned int slot = KERNEL_SLOT_FIRST; slot < PT_ENTRY_COUNT; slot++) {
		u64 entry = *kernel_top_entry(kernel_table.root.kernel, slot);

		*kernel_top_entry(table->root.kernel, slot) = entry;
		if (split && slot >= KERNEL_SLOT_DIRECT_END)
			*kernel_top_entry(table->root.user, slot) =
				*kernel_top_entry(kernel_entry_table.root.kernel, slot);
	}
}
