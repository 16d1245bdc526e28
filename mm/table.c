/* SPDX-License-Identifier: MIT */
/*
 * Walks and changes trees of page tables in any of the formats of mm/format.c. mm/space.c and
 * mm/layer.c call it for processes, guests and devices, boot/init and mm/kernel_space.c for the
 * kernel's own tables. The lock of a tree's owner guards the tree; its table pages are charged to
 * the tree's quota and freed by mm/tlb.c once no CPU can walk them.
 */
#include "mm/table.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/panic.h"
#include "mm/address.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define TOP	     PT_LEVEL_512G
#define STEP_ENTRIES 64
#define LOWER_HALF   (PT_ENTRY_COUNT / 2)

static unsigned int table_entry_index(u64 at, enum pt_level level)
{
	return (unsigned int)(at >> (PAGE_SHIFT + PT_INDEX_BITS * level)) % PT_ENTRY_COUNT;
}

static u64 *table_entry_of(hpa_t node, u64 at, enum pt_level level)
{
	return (u64 *)hpa_to_pointer(node) + table_entry_index(at, level);
}

/*
 * Writes an entry of the table page `node`, keeps the page's count of entries in use, and copies an
 * entry of the lower half of the top-level table to the second one (pt_root.user).
 */
static ALWAYS_INLINE void table_entry_write(struct table *table, hpa_t node, u64 at,
					    enum pt_level level, u64 value)
{
	u64 *entry = table_entry_of(node, at, level);
	struct page *page = page_of(node);

	page->references += (u32)((value & table->format->present) != 0) -
			    (u32)((*entry & table->format->present) != 0);
	/* The CPU may read the entry at any time. */
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	if (table->uncached)
		cache_flush(entry, sizeof(*entry));
	if (level == TOP && table_entry_index(at, level) < LOWER_HALF)
		__atomic_store_n(table_entry_of(table->root.user, at, level), value,
				 __ATOMIC_RELEASE);
}

/* Moves the walk one level down; returns false if it ends at `level`. */
static ALWAYS_INLINE bool table_walk_step(const struct pt_format *format, u64 at,
					  enum pt_level level, enum pt_level last,
					  struct pt_walk *walk)
{
	u64 entry = walk->entry;

	/*@ split entry; */ /* `make verify` splits its proof at the entry here */
	if (level == last || !(entry & format->present) ||
	    (level != TOP && (entry & format->large)))
		return false;
	level--;
	walk->level = level;
	walk->node[level] = HPA(entry & PTE_ADDRESS);
	walk->entry = *table_entry_of(walk->node[level], at, level);
	return true;
}

/*
 * Walks down to the entry at level `last`, or to an entry above it that is a leaf or not present.
 * Returns the entry's present bits. Every fault makes this walk, so it is written without a loop.
 */
static ALWAYS_INLINE u64 table_walk_quick(const struct table *table, u64 at, enum pt_level last,
					  struct pt_walk *walk)
{
	const struct pt_format *format = table->format;

	walk->level = TOP;
	walk->node[TOP] = table->root.kernel;
	walk->entry = *table_entry_of(table->root.kernel, at, TOP);
	(void)(table_walk_step(format, at, TOP, last, walk) &&
	       table_walk_step(format, at, PT_LEVEL_1G, last, walk) &&
	       table_walk_step(format, at, PT_LEVEL_2M, last, walk));
	return walk->entry & format->present;
}

static void table_walk_down(const struct table *table, u64 at, enum pt_level last,
			    struct pt_walk *walk)
{
	(void)table_walk_quick(table, at, last, walk);
}

static u64 table_leaf_encode(const struct pt_format *format, const struct pt_leaf *leaf)
{
	u64 entry = leaf->hpa.value | format->leaf | format->type[leaf->type];

	if (leaf->level != PT_LEVEL_4K)
		entry |= format->large;
	if (leaf->rights & PT_WRITE)
		entry |= format->write;
	if (leaf->rights & PT_USER)
		entry |= format->user;
	return entry | (leaf->rights & PT_EXECUTE ? format->execute : format->no_execute);
}

void table_walk_leaf(const struct table *table, u64 at, const struct pt_walk *walk,
		     struct pt_leaf *leaf)
{
	const struct pt_format *format = table->format;
	u64 types = format->type[PT_TYPE_WB] | format->type[PT_TYPE_UC];
	u64 bytes = table_level_bytes(walk->level);
	u64 entry = walk->entry;

	leaf->at = align_down(at, bytes);
	leaf->hpa = HPA(align_down(entry & PTE_ADDRESS, bytes));
	leaf->level = walk->level;
	leaf->type = (entry & types) == format->type[PT_TYPE_WB] ? PT_TYPE_WB : PT_TYPE_UC;
	leaf->rights = PT_READ;
	if (entry & format->write)
		leaf->rights |= PT_WRITE;
	if ((entry & format->execute) || (~entry & format->no_execute))
		leaf->rights |= PT_EXECUTE;
	if (entry & format->user)
		leaf->rights |= PT_USER;
}

static enum status table_node_alloc(struct table *table, hpa_t *hpa)
{
	void *page;
	enum status status = page_alloc_cleared(0, PAGE_TABLE, table->quota, &page);

	if (status != STATUS_OK)
		return status;
	if (table->uncached)
		cache_flush(page, PAGE_SIZE);
	*hpa = pointer_to_hpa(page);
	return STATUS_OK;
}

enum status table_init(struct table *table, const struct pt_format *format, struct quota *quota,
		       bool split)
{
	enum status status;

	*table = (struct table){.format = format, .quota = quota};
	status = table_node_alloc(table, &table->root.kernel);
	if (status != STATUS_OK)
		return status;
	table->root.user = table->root.kernel;
	if (!split)
		return STATUS_OK;
	status = table_node_alloc(table, &table->root.user);
	if (status != STATUS_OK)
		page_free(table->root.kernel, quota);
	return status;
}

void table_free(struct table *table)
{
	CHECK(page_of(table->root.kernel)->references == 0);
	if (table->root.user.value != table->root.kernel.value)
		tlb_page_free(table->root.user, table->quota);
	tlb_page_free(table->root.kernel, table->quota);
}

enum status table_map_walked(struct table *table, struct pt_walk *walk, const struct pt_leaf *leaf)
{
	const struct pt_format *format = table->format;

	ASSERT(is_aligned(leaf->at | leaf->hpa.value, table_level_bytes(leaf->level)));
	if ((walk->entry & format->present) || walk->level < leaf->level)
		return STATUS_IN_USE;
	while (walk->level > leaf->level) {
		hpa_t *node = &walk->node[walk->level - 1];
		enum status status = table_node_alloc(table, node);

		if (status != STATUS_OK)
			return status;
		table_entry_write(table, walk->node[walk->level], leaf->at, walk->level,
				  node->value |
					  (format->table + format->table_level * walk->level));
		walk->level--;
	}
	table_entry_write(table, walk->node[walk->level], leaf->at, walk->level,
			  table_leaf_encode(format, leaf));
	return STATUS_OK;
}

enum status table_map(struct table *table, const struct pt_leaf *leaf)
{
	struct pt_walk walk;

	table_walk_down(table, leaf->at, leaf->level, &walk);
	return table_map_walked(table, &walk, leaf);
}

bool table_map_page(struct table *table, u64 at, hpa_t hpa, u32 rights, enum pt_type type)
{
	const struct pt_leaf leaf = {at, hpa, PT_LEVEL_4K, rights, type};

	return table_map(table, &leaf) == STATUS_OK;
}

/* Returns true if an entry above level 4K points to a table: a present one that is no leaf. */
static bool table_is_table(const struct pt_format *format, u64 entry)
{
	return (entry & format->present) && !(entry & format->large);
}

static bool table_has_tables(const struct pt_format *format, hpa_t node, enum pt_level level)
{
	const u64 *entry = hpa_to_pointer(node);

	for (u32 i = 0; level != PT_LEVEL_4K && i < PT_ENTRY_COUNT; i++)
		if (table_is_table(format, entry[i]))
			return true;
	return false;
}

bool table_merge(struct table *table, const struct pt_leaf *leaf)
{
	const struct pt_format *format = table->format;
	struct pt_walk walk;

	table_walk_down(table, leaf->at, leaf->level, &walk);
	/*@ split walk.entry; */ /* for `make verify` */
	if (!table_is_table(format, walk.entry) ||
	    table_has_tables(format, HPA(walk.entry & PTE_ADDRESS), leaf->level - 1))
		return false;
	table_entry_write(table, walk.node[walk.level], leaf->at, walk.level,
			  table_leaf_encode(format, leaf));
	tlb_page_free(HPA(walk.entry & PTE_ADDRESS), table->quota);
	return true;
}

enum status table_split(struct table *table, u64 at, struct pt_walk *walk)
{
	const struct pt_format *format = table->format;
	enum status status = STATUS_OK;

	while (table_walk(table, at, walk) && walk->level != PT_LEVEL_4K) {
		u64 bytes = table_level_bytes(walk->level - 1);
		u64 entry = walk->entry;
		hpa_t node;

		status = table_node_alloc(table, &node);
		if (status != STATUS_OK)
			break;
		if (walk->level == PT_LEVEL_2M)
			entry = (entry & ~(format->large | format->no_execute)) | format->execute;
#pragma GCC unroll 8 /* a clone's first write to a block waits for this loop */
		for (u64 i = 0, *to = hpa_to_pointer(node); i < PT_ENTRY_COUNT; i++, entry += bytes)
			to[i] = entry;
		page_of(node)->references = PT_ENTRY_COUNT;
		if (table->uncached)
			cache_flush(hpa_to_pointer(node), PAGE_SIZE);
		table_entry_write(table, walk->node[walk->level], at, walk->level,
				  node.value | format->table);
	}
	return status;
}

/*
 * Walks to the address's entry at level `last`; goes on from the lowest table if the previous walk
 * ended at that level and the table covers the address too. Before the first walk, walk->level is
 * TOP.
 */
static void table_walk_on(const struct table *table, u64 at, enum pt_level last,
			  struct pt_walk *walk)
{
	if (walk->level == last && (walk->at ^ at) < table_level_bytes(last + 1))
		walk->entry = *table_entry_of(walk->node[last], at, last);
	else
		table_walk_down(table, at, last, walk);
	walk->at = at;
}

/*
 * Clears the entry around *at that is at level `last`, PT_LEVEL_2M at most, or above; a table of
 * pages to which it points goes with its leaves. Frees tables that become empty, and moves *at
 * behind the entry. Returns true if a leaf, or a table that CPUs may still walk, was removed.
 */
static bool table_unmap_entry(struct table *table, u64 *at, enum pt_level last,
			      struct pt_walk *walk)
{
	enum pt_level level;
	u64 bytes;

	table_walk_on(table, *at, last, walk);
	/*@ split walk->entry; */ /* for `make verify` */
	level = walk->level;
	bytes = table_level_bytes(level);
	if (walk->entry & table->format->present)
		table_entry_write(table, walk->node[level], *at, level, 0);
	if (level == PT_LEVEL_2M && table_is_table(table->format, walk->entry))
		tlb_page_free(HPA(walk->entry & PTE_ADDRESS), table->quota);
	for (; level < TOP && page_of(walk->node[level])->references == 0; level++) {
		table_entry_write(table, walk->node[level + 1], *at, level + 1, 0);
		tlb_page_free(walk->node[level], table->quota);
		walk->level = TOP;
	}
	*at = align_down(*at, bytes) + bytes;
	return (walk->entry & table->format->present) || bytes != table_level_bytes(level);
}

bool table_unmap_pages(struct table *table, u64 at, u64 first, u64 pages, const u64 *index,
		       u32 count)
{
	struct pt_walk walk = {.level = TOP};
	bool any = false;
	u64 begin = 0;
	u64 end = 0; /* addresses in [begin, end) are known to be unmapped */

	while (count-- > 0) {
		u64 place = index[count] - first;
		u64 page = at + (place << PAGE_SHIFT);

		if (place >= pages || (page >= begin && page < end))
			continue;
		begin = end = page;
		any |= table_unmap_entry(table, &end, PT_LEVEL_4K, &walk);
	}
	return any;
}

enum status table_unmap(struct table *table, u64 *at, u64 end)
{
	struct pt_walk walk = {.level = TOP};

	for (unsigned int n = 0; n < STEP_ENTRIES && *at < end; n++) {
		bool whole = *at % (2 * MIB) == 0 && end - *at >= 2 * MIB;

		(void)table_unmap_entry(table, at, whole ? PT_LEVEL_2M : PT_LEVEL_4K, &walk);
	}
	return *at < end ? STATUS_AGAIN : STATUS_OK;
}

bool table_walk(const struct table *table, u64 at, struct pt_walk *walk)
{
	return table_walk_quick(table, at, PT_LEVEL_4K, walk) != 0;
}

bool table_lookup(const struct table *table, u64 at, struct pt_leaf *leaf)
{
	struct pt_walk walk;

	if (!table_walk(table, at, &walk))
		return false;
	table_walk_leaf(table, at, &walk, leaf);
	return true;
}

void table_unmap_walked(struct table *table, u64 at, struct pt_walk *walk)
{
	table_entry_write(table, walk->node[walk->level], at, walk->level, 0);
	walk->entry = 0;
}

u64 table_entry(const struct table *table, u64 at, enum pt_level level)
{
	struct pt_walk walk;

	table_walk_down(table, at, level, &walk);
	return walk.level == level ? walk.entry & ~PTE_ADDRESS : 0;
}

void table_protect(struct table *table, u64 at, u64 end, u32 rights)
{
	while (at < end) {
		struct pt_walk walk;
		struct pt_leaf leaf;
		u64 bytes;

		table_walk_down(table, at, PT_LEVEL_4K, &walk);
		bytes = table_level_bytes(walk.level);
		if (walk.entry & table->format->present) {
			table_walk_leaf(table, at, &walk, &leaf);
			CHECK(at == leaf.at && end - at >= bytes);
			leaf.rights = rights;
			table_entry_write(table, walk.node[walk.level], at, walk.level,
					  rights != 0 ? table_leaf_encode(table->format, &leaf)
						      : 0);
		}
		at = align_down(at, bytes) + bytes;
	}
}
