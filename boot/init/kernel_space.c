/* SPDX-License-Identifier: MIT */
/*
 * Takes over the boot code's page tables and maps the parts of each CPU: stacks, CPU structs and
 * the IDT, in the user views too. boot/init/main.c and boot/init/cpus.c call it before ring 3 runs.
 * It writes the kernel's tables (mm/kernel_space.c) without a lock.
 */
#include "mm/kernel_space.h"

#include "boot/init/init.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define VMAP_BYTES (64 * GIB)

/* Boundaries of the image's sections, which linker.ld defines. */
extern const char __text_start[], __entry_text_end[];
extern const char __ro_after_init_start[], __entry_data_end[];

/*
 * Allocates a table for every top-level slot of the area of addresses for stacks and devices, so
 * that the top-level table never changes again.
 */
static enum status kernel_vmap_prepare(u64 base)
{
	kernel_vmap.next = base;
	kernel_vmap.end = base + VMAP_BYTES;
	for (u64 at = base; at < kernel_vmap.end; at = align_down(at, 512 * GIB) + 512 * GIB) {
		u64 *entry = kernel_top_entry(kernel_table.root.kernel,
					      (unsigned int)(at >> 39) % PT_ENTRY_COUNT);
		enum status status;
		void *node;

		if (*entry & PTE_P)
			continue;
		status = page_alloc_cleared(0, PAGE_TABLE, NULL, &node);
		if (status != STATUS_OK)
			return status;
		*entry = pointer_to_hpa(node).value | format_host.table;
	}
	return STATUS_OK;
}

/* Maps the kernel's 4-KiB pages in this range in the user views of the page tables, too. */
static bool kernel_expose(u64 at, u64 end)
{
	for (; at < end; at += PAGE_SIZE) {
		struct pt_leaf leaf;

		if (table_lookup(&kernel_table, at, &leaf) &&
		    table_map(&kernel_entry_table, &leaf) != STATUS_OK)
			return false;
	}
	return true;
}

/*
 * Takes over the boot code's tables. These have no counts of their entries in use (struct page,
 * references); none are needed, because none of these tables is ever freed.
 */
enum status kernel_space_init(const struct boot_info *info)
{
	kernel_table.format = &format_host;
	kernel_table.root.kernel = info->root_table;
	kernel_table.root.user = info->root_table;
	if (table_init(&kernel_entry_table, &format_host, NULL, false) != STATUS_OK ||
	    !kernel_expose((u64)__text_start, (u64)__entry_text_end) ||
	    !kernel_expose((u64)__ro_after_init_start, (u64)__entry_data_end))
		return STATUS_NO_MEMORY;
	for (unsigned int slot = 0; slot < KERNEL_SLOT_FIRST; slot++)
		*kernel_top_entry(info->root_table, slot) = 0;
	tlb_arch_load_root(info->root_table);
	kernel_image_alias = (u64)hpa_to_pointer(info->image_hpa) - info->image_base.value;
	return kernel_vmap_prepare(info->vmap_base.value);
}

const void *kernel_map_constant(hpa_t hpa, u64 bytes)
{
	const void *at = kernel_map_existing(hpa, bytes, PT_READ, PT_TYPE_WB);

	return at != NULL && kernel_expose((u64)at, (u64)at + bytes) ? at : NULL;
}

/*
 * Maps newly allocated pages in the range. If memory runs out, the pages mapped so far stay: the
 * CPU cannot be started anyway.
 */
static bool kernel_map_new_pages(u64 at, u64 bytes)
{
	for (u64 done = 0; done < bytes; done += PAGE_SIZE) {
		void *page;

		if (page_alloc_cleared(0, PAGE_KERNEL, NULL, &page) != STATUS_OK ||
		    !table_map_page(&kernel_table, at + done, pointer_to_hpa(page),
				    PT_READ | PT_WRITE, PT_TYPE_WB))
			return false;
	}
	return true;
}

void *kernel_stack_alloc(hpa_t stub)
{
	u64 at = kernel_vmap_reserve(KERNEL_STACK_BYTES + PAGE_SIZE, KERNEL_STACK_BYTES);

	if (at == 0 || !kernel_map_new_pages(at, KERNEL_STACK_BYTES))
		return NULL;
	if (stub.value != 0 && !table_map_page(&kernel_table, at + KERNEL_STACK_BYTES, stub,
					       PT_READ | PT_EXECUTE, PT_TYPE_WB))
		return NULL;
	if (!kernel_expose(at + KERNEL_STACK_BYTES - PAGE_SIZE,
			   at + KERNEL_STACK_BYTES + PAGE_SIZE))
		return NULL;
	return (void *)at;
}

void *kernel_pages_alloc(u64 page_count)
{
	u64 bytes = page_count * PAGE_SIZE;
	u64 at = kernel_vmap_reserve(bytes, PAGE_SIZE);

	return at != 0 && kernel_map_new_pages(at, bytes) && kernel_expose(at, at + bytes)
		       ? (void *)at
		       : NULL;
}
