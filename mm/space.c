/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: creates and destroys them, maps and unmaps memory objects, and resolves faults
 * with the largest leaf that fits. kernel/call/sys_memory.c and kernel/group/process.c map;
 * kernel/cpu/trap.c and kernel/guest/vcpu_memory.c report faults, arch/x86_64/iommu what devices
 * are about to reach. It owns a space's mappings and its table, under the space's lock, which is
 * taken after layer_lock for objects with layers.
 */
#include "mm/space.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/random.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/checked.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/kernel_space.h"
#include "mm/layer.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/tlb.h"

#define PLACE_ATTEMPTS 8
#define GUARD_BYTES    PAGE_SIZE

static enum status space_alloc(struct quota *quota, const struct pt_format *format, bool split,
			       struct space **space)
{
	enum status status =
		cache_alloc_object(quota, OBJECT_SPACE, sizeof(**space), (void **)space);

	if (status != STATUS_OK)
		return status;
	status = table_init(&(*space)->table, format, quota, split);
	if (status != STATUS_OK) {
		cache_free(*space);
		*space = NULL;
		return status;
	}
	list_init(&(*space)->mappings);
	(*space)->quota = quota;
	(*space)->largest = PT_LEVEL_2M;
	return STATUS_OK;
}

enum status space_create_process(struct quota *quota, struct space **space)
{
	enum status status = space_alloc(quota, &format_host, features.meltdown, space);

	if (status != STATUS_OK)
		return status;
	kernel_space_share(&(*space)->table);
	(*space)->low = SPACE_USER_LOW;
	(*space)->high = SPACE_USER_HIGH;
	return STATUS_OK;
}

enum status space_create_guest(struct quota *quota, const struct pt_format *format,
			       struct space **space)
{
	enum status status = space_alloc(quota, format, false, space);

	if (status != STATUS_OK)
		return status;
	(*space)->second_stage = true;
	if (features.gib_pages)
		(*space)->largest = PT_LEVEL_1G;
	/* Four levels translate 48 bits; guest physical addresses are as wide as the host's. */
	(*space)->high = 1ull << MIN(features.physical_bits, 48u);
	return STATUS_OK;
}

static u64 space_mapping_bytes(const struct mapping *mapping)
{
	return mapping->page_count << PAGE_SHIFT;
}

/* Returns the first mapping that ends after the address, or the head of `mappings` if none does. */
static struct list *space_mapping_after(struct space *space, u64 address)
{
	LIST_FOR_EACH(node, &space->mappings) {
		const struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		if (address < mapping->at + space_mapping_bytes(mapping))
			return node;
	}
	return &space->mappings;
}

struct mapping *space_mapping(struct space *space, u64 address)
{
	struct list *node = space_mapping_after(space, address);
	struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

	return node == &space->mappings || address < mapping->at ? NULL : mapping;
}

static bool space_range_free(struct space *space, u64 at, u64 bytes)
{
	struct list *node = space_mapping_after(space, at);

	return node == &space->mappings ||
	       LIST_ENTRY(node, struct mapping, space_node)->at >= at + bytes;
}

/*
 * Chooses a random free range of addresses with room for guard pages, aligned for large pages. The
 * user half is so much larger than any memory object (MEMORY_PAGES_MAX) that a few attempts
 * suffice.
 */
static enum status space_place_choose(struct space *space, const struct mapping *mapping, u64 *at)
{
	u64 bytes = space_mapping_bytes(mapping);
	u64 alignment = bytes >= 2 * MIB ? 2 * MIB : PAGE_SIZE;
	u64 phase = mapping->memory->base.value + (mapping->offset << PAGE_SHIFT);
	u64 first = align_up(space->low + GUARD_BYTES, alignment) + (phase & (alignment - 1));
	u64 room = space->high - GUARD_BYTES - first;

	for (unsigned int n = 0; n < PLACE_ATTEMPTS; n++) {
		*at = first + align_down(random_below(room - bytes), alignment);
		if (space_range_free(space, *at - GUARD_BYTES, bytes + 2 * GUARD_BYTES))
			return STATUS_OK;
	}
	return STATUS_IN_USE;
}

/* Checks the arguments of a new mapping, as far as that needs no lock. */
static enum status space_map_check(const struct space *space, u64 at, const struct memory *memory,
				   u64 offset, u64 page_count, u32 rights)
{
	u64 bytes = page_count << PAGE_SHIFT;

	if (page_count == 0 || !(rights & PT_READ) ||
	    (rights & ~(u32)(PT_READ | PT_WRITE | PT_EXECUTE)))
		return STATUS_BAD_ARGUMENT;
	if (!space->second_stage && (rights & PT_WRITE) && (rights & PT_EXECUTE))
		return STATUS_BAD_ARGUMENT;
	if (!memory_range_valid(memory, offset, page_count))
		return STATUS_BAD_ADDRESS;
	if (at == 0 && !space->second_stage)
		return STATUS_OK;
	if (!is_aligned(at, PAGE_SIZE) || at < space->low || !range_within(at, bytes, space->high))
		return STATUS_BAD_ADDRESS;
	return STATUS_OK;
}

static enum status space_mapping_insert(struct space *space, struct mapping *mapping)
{
	struct memory *memory = mapping->memory;
	enum status status = STATUS_OK;

	if (space->mapping_count == SPACE_MAPPING_MAX ||
	    (memory->below != NULL && memory->mapping_count == LAYER_MAPPINGS_MAX))
		return STATUS_TOO_BIG;
	if (memory->frozen || (space->devices != NULL &&
			       (memory->below != NULL || (memory->flags & MEMORY_OVERCOMMIT))))
		return STATUS_BAD_STATE;
	if (mapping->at == 0 && !space->second_stage)
		status = space_place_choose(space, mapping, &mapping->at);
	else if (!space_range_free(space, mapping->at, space_mapping_bytes(mapping)))
		status = STATUS_IN_USE;
	if (status != STATUS_OK)
		return status;

	mapping->cursor = mapping->at;
	space->mapping_count++;
	list_insert_before(space_mapping_after(space, mapping->at), &mapping->space_node);
	memory->mapping_count++;
	memory->device_mappings += space->devices != NULL;
	list_push_back(&memory->mappings, &mapping->memory_node);
	object_get(&memory->object);
	return STATUS_OK;
}

/*
 * Locks the space, and layer_lock for an object with layers: a copy-on-write break visits all
 * mappings of the object, so none may come or go meanwhile.
 */
static void space_mappings_lock(struct space *space, const struct memory *memory)
{
	if (memory->below != NULL)
		lock_acquire(&layer_lock, LOCK_LAYER);
	lock_acquire(&space->lock, LOCK_SPACE);
}

static void space_mappings_unlock(struct space *space, const struct memory *memory)
{
	lock_release(&space->lock, LOCK_SPACE);
	if (memory->below != NULL)
		lock_release(&layer_lock, LOCK_LAYER);
}

enum status space_map(struct space *space, u64 at, struct memory *memory, u64 offset,
		      u64 page_count, u32 rights, u64 *address)
{
	enum status status = space_map_check(space, at, memory, offset, page_count, rights);
	struct mapping *mapping;

	if (status != STATUS_OK)
		return status;
	status = cache_alloc(space->quota, CACHE_MAPPING, sizeof(*mapping), (void **)&mapping);
	if (status != STATUS_OK)
		return status;
	*mapping = (struct mapping){.space = space, .memory = memory, .at = at, .offset = offset};
	mapping->page_count = page_count;
	mapping->rights = rights | (space->second_stage ? 0 : PT_USER);
	space_mappings_lock(space, memory);
	status = space_mapping_insert(space, mapping);
	if (status == STATUS_OK)
		*address = mapping->at;
	space_mappings_unlock(space, memory);
	if (status != STATUS_OK)
		cache_free(mapping);
	return status;
}

/*
 * Makes one bounded step of removing a mapping; STATUS_OK: the mapping is gone. A later freeze of
 * the memory object waits until no CPU writes through this mapping any more (WAIT_LATER).
 */
static enum status space_mapping_remove(struct mapping *mapping)
{
	struct space *space = mapping->space;
	struct memory *memory = mapping->memory;
	enum status status;

	space_mappings_lock(space, memory);
	status = table_unmap(&space->table, &mapping->cursor,
			     mapping->at + space_mapping_bytes(mapping));
	space->mapping_count -= status == STATUS_OK; /* vCPUs read the generation, then this */
	layer_flush(mapping, WAIT_LATER);
	if (status == STATUS_OK) {
		list_remove(&mapping->space_node);
		list_remove(&mapping->memory_node);
		memory->mapping_count--;
		memory->device_mappings -= space->devices != NULL;
		cache_free(mapping);
	}
	space_mappings_unlock(space, memory);
	if (status == STATUS_OK)
		object_put(&memory->object);
	return status;
}

/* Returns STATUS_OK if the range has mappings of the space and each lies inside it as a whole. */
static enum status space_unmap_check(struct space *space, u64 at, u64 bytes)
{
	struct list *node = space_mapping_after(space, at);
	enum status status = STATUS_NOT_FOUND;

	for (; node != &space->mappings; node = node->next) {
		const struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		if (mapping->at >= at + bytes)
			break;
		if (mapping->at < at || mapping->at + space_mapping_bytes(mapping) > at + bytes)
			return STATUS_BAD_ADDRESS;
		status = STATUS_OK;
	}
	return status;
}

enum status space_unmap(struct space *space, u64 at, u64 bytes)
{
	enum status status;

	if (!is_aligned(at | bytes, PAGE_SIZE) || !range_within(at, bytes, space->high))
		return STATUS_BAD_ADDRESS;
	status = space_unmap_check(space, at, bytes);
	if (status == STATUS_OK)
		status = space_mapping_remove(
			LIST_ENTRY(space_mapping_after(space, at), struct mapping, space_node));
	return status == STATUS_OK && !space_range_free(space, at, bytes) ? STATUS_AGAIN : status;
}

/* Returns true if a leaf of the level lies inside the mapping and is aligned in physical memory. */
static bool space_leaf_fits(const struct mapping *mapping, u64 address, hpa_t hpa,
			    enum pt_level level)
{
	u64 bytes = table_level_bytes(level);
	u64 at = align_down(address, bytes);

	if (level > mapping->space->largest)
		return false;
	return is_aligned(address - hpa.value, bytes) && at >= mapping->at &&
	       range_within(at - mapping->at, bytes, space_mapping_bytes(mapping));
}

/* Sets *leaf to the largest one around the address that the mapping and the memory object allow. */
static void space_leaf_choose(const struct mapping *mapping, u64 address, hpa_t hpa,
			      enum pt_level level, bool own, struct pt_leaf *leaf)
{
	address = align_down(address, PAGE_SIZE);
	while (!space_leaf_fits(mapping, address, hpa, level))
		level--;
	leaf->level = level;
	leaf->at = align_down(address, table_level_bytes(leaf->level));
	leaf->hpa = HPA(align_down(hpa.value, table_level_bytes(leaf->level)));
	leaf->rights = own ? mapping->rights : mapping->rights & ~(u32)PT_WRITE;
	/*
	 * iTLB multihit: a CPU may fail when it executes from one address by pages of two sizes, so
	 * a guest executes from 4-KiB leaves alone: space_leaf_put splits larger ones for it.
	 */
	if (mapping->space->second_stage && leaf->level != PT_LEVEL_4K &&
	    (features.speculation.done & HOST_SMALL_CODE))
		leaf->rights &= ~(u32)PT_EXECUTE;
	leaf->type = mapping->memory->type;
}

static u64 space_index_of(const struct mapping *mapping, u64 address)
{
	return mapping->offset + ((address - mapping->at) >> PAGE_SHIFT);
}

/*
 * Maps a populated page, or splits its leaf; STATUS_IN_USE: the write needs space_fault_layered.
 * Not inlined, so that steps that only clear pages need not save registers for it.
 */
static NOINLINE enum status space_leaf_put(struct mapping *mapping, u64 address, u32 access)
{
	struct table *table = &mapping->space->table;
	struct pt_leaf leaf;
	struct pt_walk walk;
	enum pt_level level;
	hpa_t hpa;
	bool own;

	/* another CPU was first, this one used an old translation, or the leaf lacks a right */
	if (table_walk(table, address, &walk)) {
		table_walk_leaf(table, address, &walk, &leaf);
		if (access & ~leaf.rights & PT_WRITE)
			return STATUS_IN_USE;
		return access & ~leaf.rights ? table_split(table, address, &walk) : STATUS_OK;
	}
	/* before the look-up: a CPU that begins a break of this page looks at `shown` afterwards */
	if (mapping->memory->below != NULL)
		mapping->shown |= layer_shown_bit(space_index_of(mapping, address));
	/* A reset may have hidden the page since this fault populated it. */
	if (!memory_slot_own(mapping->memory, space_index_of(mapping, address), &hpa, &level,
			     &own) ||
	    (!own && (access & PT_WRITE)))
		return STATUS_IN_USE;
	space_leaf_choose(mapping, address, hpa, level, own, &leaf);
	if (unlikely(leaf.level > walk.level)) { /* a table of smaller leaves covers the address */
		if (table_merge(table, &leaf)) {
			tlb_flush_space(mapping->space);
			return STATUS_OK;
		}
		space_leaf_choose(mapping, address, hpa, walk.level, own, &leaf);
	}
	return table_map_walked(table, &walk, &leaf);
}

/*
 * Finds the mapping of a fault's address. STATUS_NOT_FOUND: there is none; STATUS_BAD_STATE: it is
 * being removed; STATUS_NO_RIGHT: it does not grant the access. The caller holds the space's lock.
 */
static enum status space_mapping_for(struct space *space, u64 address, u32 access,
				     struct mapping **mapping)
{
	*mapping = space_mapping(space, address);
	if (*mapping == NULL)
		return STATUS_NOT_FOUND;
	if ((*mapping)->cursor != (*mapping)->at) /* the mapping is being removed */
		return STATUS_BAD_STATE;
	return access & ~(*mapping)->rights ? STATUS_NO_RIGHT : STATUS_OK;
}

/* Serves a fault without breaking a page; STATUS_IN_USE: space_fault_layered must serve it. */
static enum status space_fault_unlayered(struct mapping *mapping, u64 address, u32 access)
{
	enum status status;

	if (mapping->memory->below != NULL && (access & PT_WRITE)) {
		mapping->space->layered = true;
		return STATUS_IN_USE;
	}
	status = memory_populate(mapping->memory, space_index_of(mapping, address));
	return status == STATUS_OK ? space_leaf_put(mapping, address, access) : status;
}

/*
 * Gives all pages of 2 MiB leaves before a guest's first write there, so that reads fault no more;
 * but not the guest's own, which one leaf maps for writing, and not while other CPUs run the guest:
 * a write to what is shown kicks them. Walks anew.
 */
static NOINLINE bool space_show_around(struct mapping *mapping, u64 address, struct pt_walk *walk)
{
	struct space *space = mapping->space;

	if (space->second_stage && (mapping->rights & PT_EXECUTE) && tlb_flush_alone(space) &&
	    space_leaf_put(mapping, address, PT_READ) == STATUS_OK &&
	    !(table_walk(&space->table, address, walk) &&
	      (walk->entry & space->table.format->write)) &&
	    table_split(&space->table, address, walk) == STATUS_OK)
		return true;
	return table_walk(&space->table, address, walk);
}

/*
 * Maps a page that the object itself owns, writable; if it is a frozen object's page, first makes a
 * step of its break.
 */
static ALWAYS_INLINE enum status space_own_leaf_put(struct space *space, struct mapping *mapping,
						    u64 address)
{
	struct table *table = &space->table;
	struct pt_leaf leaf;
	struct pt_walk walk;
	bool found = table_walk(table, address, &walk);
	enum status status;

	if (unlikely(walk.level != PT_LEVEL_4K))
		found = space_show_around(mapping, address, &walk);
	if (found) {
		if (walk.entry & table->format->write)
			return STATUS_OK; /* another CPU has mapped the page first */
		table_unmap_walked(table, address, &walk);
		if (!space->second_stage || !tlb_flush_alone(space))
			layer_flush(mapping, WAIT_PAGE);
	}
	leaf.at = align_down(address, PAGE_SIZE);
	leaf.level = PT_LEVEL_4K;
	leaf.rights = mapping->rights;
	leaf.type = mapping->memory->type;
	status = layer_own(mapping, space_index_of(mapping, address), &leaf.hpa);
	return status == STATUS_OK ? table_map_walked(table, &walk, &leaf) : status;
}

enum status space_fault_layered(struct space *space, u64 address, u32 access)
{
	struct mapping *mapping;
	enum status status;

	lock_acquire(&layer_lock, LOCK_LAYER);
	lock_acquire(&space->lock, LOCK_SPACE);
	status = space_mapping_for(space, address, access, &mapping);
	if (status == STATUS_OK && unlikely(mapping->memory->below == NULL)) {
		space->layered = false; /* the layers of the mapped object were merged meanwhile */
		status = STATUS_AGAIN;
	}
	if (status == STATUS_OK && unlikely(mapping->memory->breaking != 0))
		status = layer_help(mapping->memory);
	if (status == STATUS_OK)
		status = space_own_leaf_put(space, mapping, address);
	lock_release(&space->lock, LOCK_SPACE);
	if (status == STATUS_IN_USE) /* the mapping stays while layer_lock is held */
		layer_break(mapping->memory);
	lock_release(&layer_lock, LOCK_LAYER);
	return status == STATUS_IN_USE ? STATUS_AGAIN : status;
}

enum status space_fault(struct space *space, u64 address, u32 access)
{
	struct mapping *mapping;
	enum status status;

	lock_acquire(&space->lock, LOCK_SPACE);
	status = space_mapping_for(space, address, access, &mapping);
	if (status == STATUS_OK)
		status = space_fault_unlayered(mapping, address, access);
	lock_release(&space->lock, LOCK_SPACE);
	return likely(status != STATUS_IN_USE) ? status
					       : space_fault_layered(space, address, access);
}

u8 *space_guest_byte(struct space *space, u64 address)
{
	struct pt_leaf leaf;
	hpa_t hpa;
	bool found;

	lock_acquire(&space->lock, LOCK_SPACE);
	found = address < space->high && table_lookup(&space->table, address, &leaf);
	lock_release(&space->lock, LOCK_SPACE);
	if (!found || !(leaf.rights & PT_WRITE))
		return NULL;
	hpa = HPA(leaf.hpa.value + (address - leaf.at));
	return page_owner(hpa) == PAGE_GUEST ? hpa_to_pointer(hpa) : NULL;
}

enum status space_destroy(struct space *space)
{
	space->object.dead = true;
	if (!list_empty(&space->mappings)) {
		(void)space_mapping_remove(
			LIST_ENTRY(space->mappings.next, struct mapping, space_node));
		return STATUS_AGAIN;
	}
	/* CPUs that still have its tables loaded leave them in their loop (mm/tlb.h). */
	if (tlb_space_runs(space)) {
		tlb_flush_space(space);
		return STATUS_AGAIN;
	}
	if (space->devices != NULL)
		space->devices->end(space);
	table_free(&space->table);
	cache_free(space);
	return STATUS_OK;
}
