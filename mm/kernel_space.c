/* SPDX-License-Identifier: MIT */
#include "mm/kernel_space.h"

#include "arch/x86_64/cpu/random.h"
#include "boot/boot_info.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/tlb.h"

/* The area for stacks and devices; each mapping is followed by a gap of 1 to GAP_PAGES pages. */
#define VMAP_BYTES (64 * GIB)
#define GAP_PAGES 64

/* Boundaries that the linker sets. */
extern const char __ro_after_init_start[];
extern const char __ro_after_init_end[];
extern const char __text_start[];
extern const char __entry_text_end[];
extern const char __entry_data_end[];

struct table kernel_table SECTION(".data.ro_after_init");

/* The kernel's half of the user views: what an entry needs before it changes to the other view. */
static struct table entry_table SECTION(".data.ro_after_init");

static u64 vmap_next; /* only the boot CPU ever maps anything here */
static u64 vmap_end;

static u64 *top_entry(hpa_t root, unsigned int slot)
{
	return (u64 *)hpa_to_pointer(root) + slot;
}

/* Allocates a table for every top-level slot of the area, so that the top never changes again. */
static enum status vmap_prepare(u64 base)
{
	vmap_next = base;
	vmap_end = base + VMAP_BYTES;
	for (u64 at = base; at < vmap_end; at = align_down(at, 512 * GIB) + 512 * GIB) {
		u64 *entry = top_entry(kernel_table.root.kernel, (unsigned int)(at >> 39) % 512);
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

/* Maps in the user views what the kernel maps there with 4-KiB pages. */
static bool expose(u64 at, u64 end)
{
	for (; at < end; at += PAGE_SIZE) {
		struct pt_leaf leaf;

		if (table_lookup(&kernel_table, at, &leaf) &&
		    table_map(&entry_table, &leaf) != STATUS_OK)
			return false;
	}
	return true;
}

/*
 * The boot code's tables have no counts of their entries in use (struct page, references). Nobody
 * needs them, because nothing that the kernel maps is ever unmapped again.
 */
enum status kernel_space_init(const struct boot_info *info)
{
	kernel_table.format = &format_host;
	kernel_table.root.kernel = info->root_table;
	kernel_table.root.user = info->root_table;
	if (table_init(&entry_table, &format_host, NULL, false) != STATUS_OK ||
	    !expose((u64)__text_start, (u64)__entry_text_end) ||
	    !expose((u64)__ro_after_init_start, (u64)__entry_data_end))
		return STATUS_NO_MEMORY;
	for (unsigned int slot = 0; slot < KERNEL_SLOT_FIRST; slot++)
		*top_entry(info->root_table, slot) = 0;
	tlb_arch_load_root(info->root_table);
	return vmap_prepare(info->vmap_base.value);
}

void kernel_space_seal(const struct boot_info *info)
{
	u64 at = (u64)__ro_after_init_start;
	u64 end = (u64)__ro_after_init_end;
	/* from the image to its alias in the direct map */
	u64 distance = (u64)hpa_to_pointer(info->image_hpa) - info->image_base.value;

	table_protect(&kernel_table, at, end, PT_READ);
	table_protect(&entry_table, at, (u64)__entry_data_end, PT_READ);
	table_protect(&kernel_table, at + distance, end + distance, PT_READ);
	tlb_arch_load_root(kernel_table.root.kernel);
}

/* Addresses for `bytes`, whole pages, after an unmapped gap of random length. 0: none left. */
static u64 vmap_reserve(u64 bytes, u64 alignment)
{
	u64 at = align_up(vmap_next + PAGE_SIZE * (1 + random_below(GAP_PAGES)), alignment);

	if (at >= vmap_end || bytes > vmap_end - at)
		return 0;
	vmap_next = at + bytes;
	return at;
}

static void *map_existing(hpa_t hpa, u64 bytes, u32 rights, enum pt_type type)
{
	u64 first = align_down(hpa.value, PAGE_SIZE);
	u64 length = align_up(hpa.value + bytes, PAGE_SIZE) - first;
	u64 at = vmap_reserve(length, PAGE_SIZE);

	if (at == 0)
		return NULL;
	for (u64 done = 0; done < length; done += PAGE_SIZE)
		if (!table_map_page(&kernel_table, at + done, HPA(first + done), rights, type))
			return NULL;
	return (void *)(at + (hpa.value - first));
}

void *kernel_map_device(hpa_t hpa, u64 bytes)
{
	return map_existing(hpa, bytes, PT_READ | PT_WRITE, PT_TYPE_UC);
}

const void *kernel_map_constant(hpa_t hpa, u64 bytes)
{
	const void *at = map_existing(hpa, bytes, PT_READ, PT_TYPE_WB);

	return at != NULL && expose((u64)at, (u64)at + bytes) ? at : NULL;
}

/* If memory runs out, what is mapped already stays: the CPU cannot be started anyway. */
static bool map_new_pages(u64 at, u64 bytes)
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
	u64 at = vmap_reserve(KERNEL_STACK_BYTES + PAGE_SIZE, KERNEL_STACK_BYTES);

	if (at == 0 || !map_new_pages(at, KERNEL_STACK_BYTES))
		return NULL;
	if (stub.value != 0 &&
	    !table_map_page(&kernel_table, at + KERNEL_STACK_BYTES, stub, PT_READ | PT_EXECUTE,
			    PT_TYPE_WB))
		return NULL;
	if (!expose(at + KERNEL_STACK_BYTES - PAGE_SIZE, at + KERNEL_STACK_BYTES + PAGE_SIZE))
		return NULL;
	return (void *)at;
}

void *kernel_pages_alloc(u64 page_count)
{
	u64 bytes = page_count * PAGE_SIZE;
	u64 at = vmap_reserve(bytes, PAGE_SIZE);

	return at != 0 && map_new_pages(at, bytes) && expose(at, at + bytes) ? (void *)at : NULL;
}

void kernel_space_share(struct table *table)
{
	bool split = table->root.user.value != table->root.kernel.value;

	for (unsigned int slot = KERNEL_SLOT_FIRST; slot < PT_ENTRY_COUNT; slot++) {
		u64 entry = *top_entry(kernel_table.root.kernel, slot);

		*top_entry(table->root.kernel, slot) = entry;
		if (split && slot >= KERNEL_SLOT_DIRECT_END)
			*top_entry(table->root.user, slot) =
				*top_entry(entry_table.root.kernel, slot);
	}
}
