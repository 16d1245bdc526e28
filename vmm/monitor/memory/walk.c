/* SPDX-License-Identifier: MIT */
/*
 * Walks a guest's page tables (SDM vol. 3, 4). Called by the emulator, the debugger and queries;
 * reads guest RAM and may set accessed and dirty bits.
 */
#include "vmm/monitor/memory/walk.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/paging.h"

/* The most times that a walk starts again because another vCPU changed an entry under it. */
#define WALK_ATTEMPTS 4

enum walk_outcome { WALK_OK, WALK_FAULT, WALK_CHANGED };

struct walker {
	const struct guest_memory *memory;
	const struct vcpu_page *page;
	u64 gva;
	u32 access;
	/* The format of the guest's page tables in its present paging mode (SDM vol. 3, 4.1.1). */
	u32 index_bits;
	u32 entry_bytes;
	bool pae_32; /* PAE paging: entries of level 3 carry no rights and no accessed bit */
	bool execute_disable;
	u32 large_levels; /* a bit for each level at which an entry with PS maps a page */
	u64 reserved;	  /* bits that must be 0 in every entry */
	/* The results of the walk: */
	u32 leaf_shift; /* log2 of the page's size */
	u64 accessed;	/* PTE_A (accessed) if the entries on all levels have it, otherwise 0 */
	struct walk_path path; /* `last` is the level that maps the page */
};

static void walk_set_format_32(struct walker *walker)
{
	walker->path.levels = 2;
	walker->index_bits = 10;
	walker->entry_bytes = 4;
	walker->large_levels = walker->page->cr4 & CR4_PSE ? BIT(2) : 0;
	walker->reserved = 0;
	walker->execute_disable = false;
	walker->pae_32 = false;
}

static void walk_set_format(struct walker *walker)
{
	const struct vcpu_page *page = walker->page;
	bool long_mode = page->efer & EFER_LMA;

	if (!long_mode)
		walker->gva = (u32)walker->gva;
	if (!long_mode && !(page->cr4 & CR4_PAE)) {
		walk_set_format_32(walker);
		return;
	}
	walker->path.levels = !long_mode ? 3 : page->cr4 & CR4_LA57 ? 5 : 4;
	walker->index_bits = 9;
	walker->entry_bytes = 8;
	walker->large_levels = long_mode ? BIT(3) | BIT(2) : BIT(2);
	walker->execute_disable = page->efer & EFER_NXE;
	walker->pae_32 = !long_mode;
	walker->reserved = walker->execute_disable ? 0 : PTE_NX;
	if (walker->pae_32)
		walker->reserved |= BITS(62, 52);
	if (walker->memory->physical_bits < 52)
		walker->reserved |= BITS(51, walker->memory->physical_bits);
}

static u64 walk_load_entry(const u8 *host, u32 bytes)
{
	if (host == NULL)
		return BITS(8 * bytes - 1, 0);
	if (bytes == 4)
		return __atomic_load_n((const u32 *)(const void *)host, __ATOMIC_RELAXED);
	return __atomic_load_n((const u64 *)(const void *)host, __ATOMIC_RELAXED);
}

/*
 * Returns whether an entry has bits set that must be clear (SDM vol. 3, 4.3 to 4.5). The entry maps
 * 2^shift bytes.
 */
static bool walk_reserved_set(const struct walker *walker, u64 entry, u32 level, u32 shift,
			      bool leaf)
{
	u64 reserved = walker->reserved;

	if (walker->entry_bytes == 4)
		return leaf && level > 1 && entry & BIT(21);
	if (leaf && level > 1)
		reserved |= BITS(shift - 1, 13);
	if (level > 3)
		reserved |= PTE_PS;
	return entry & reserved;
}

/* Returns the address of the table to which CR3 points (SDM vol. 3, tables 4-3, 4-7, 4-12). */
static u64 walk_root(const struct walker *walker)
{
	if (walker->pae_32)
		return walker->page->cr3 & BITS(31, 5);
	return walker->page->cr3 & (walker->entry_bytes == 4 ? BITS(31, 12) : PTE_ADDRESS);
}

/*
 * Follows the tables down to the entry that maps the page; returns false and sets *fault if an
 * entry ends the walk.
 */
static bool walk_descend(struct walker *walker, u64 *fault)
{
	u32 shift = PAGE_SHIFT + walker->index_bits * walker->path.levels;
	u64 table = walk_root(walker);
	bool leaf = false;

	walker->path.rights = PTE_W | PTE_U;
	walker->accessed = PTE_A;
	for (u32 level = walker->path.levels; !leaf; level--) {
		u64 index;
		u64 entry;
		u64 gpa;
		u8 *host;

		shift -= walker->index_bits;
		index = walker->gva >> shift & (BIT(walker->index_bits) - 1);
		gpa = table + index * walker->entry_bytes;
		host = guest_memory_pointer(walker->memory, GPA(gpa), walker->entry_bytes);
		entry = walk_load_entry(host, walker->entry_bytes);
		walker->path.step[level] = (struct walk_step){host, gpa, entry};
		walker->path.last = level;
		if (!(entry & PTE_P)) {
			*fault = 0;
			return false;
		}
		leaf = level == 1 || (entry & PTE_PS && walker->large_levels >> level & 1);
		table = entry & PTE_ADDRESS;
		/* in PAE mode these entries were checked when CR3 was loaded */
		if (walker->pae_32 && level == 3)
			continue;
		if (walk_reserved_set(walker, entry, level, shift, leaf)) {
			*fault = PF_ERROR_P | PF_ERROR_RSVD;
			return false;
		}
		walker->path.rights = (walker->path.rights & (entry | PTE_NX)) | (entry & PTE_NX);
		walker->accessed &= entry;
	}
	walker->leaf_shift = shift;
	return true;
}

/* Returns whether the rights that the entries give permit the access: SDM vol. 3, 4.6.1. */
static bool walk_permitted(const struct walker *walker)
{
	u64 cr4 = walker->page->cr4;
	u64 rights = walker->path.rights;
	bool user = walker->access & WALK_USER;

	if (walker->access & WALK_PROBE)
		return true;
	if (user && !(rights & PTE_U))
		return false;
	if (walker->access & WALK_FETCH)
		return !(rights & PTE_NX) && !(!user && rights & PTE_U && cr4 & CR4_SMEP);
	if (!user && rights & PTE_U && cr4 & CR4_SMAP &&
	    (walker->access & WALK_IMPLICIT || !(walker->page->rflags & RFLAGS_AC)))
		return false;
	if (walker->access & WALK_WRITE && !(rights & PTE_W))
		return !user && !(walker->page->cr0 & CR0_WP);
	return true;
}

/*
 * Sets bits in the page-table entry of a step. Returns false if the entry has changed since the
 * walk read it.
 */
static bool walk_set_bits(const struct walk_step *step, u64 bits, u32 entry_bytes)
{
	u64 expected = step->entry;
	u32 expected_32 = (u32)step->entry;

	if ((step->entry & bits) == bits || step->host == NULL)
		return true;
	if (entry_bytes == 4)
		return __atomic_compare_exchange_n((u32 *)(void *)step->host, &expected_32,
						   expected_32 | (u32)bits, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_RELAXED);
	return __atomic_compare_exchange_n((u64 *)(void *)step->host, &expected, expected | bits,
					   false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Sets the accessed bits on the path, and the dirty bit for a write: SDM vol. 3, 4.8. */
static bool walk_set_accessed(const struct walker *walker)
{
	u64 leaf = walker->path.step[walker->path.last].entry;
	bool dirty = leaf & PTE_D || !(walker->access & WALK_WRITE);

	if (walker->accessed && dirty)
		return true;
	for (u32 level = walker->path.levels; level >= walker->path.last; level--) {
		u64 bits = PTE_A;

		if (walker->pae_32 && level == 3)
			continue;
		if (level == walker->path.last && walker->access & WALK_WRITE)
			bits |= PTE_D;
		if (!walk_set_bits(&walker->path.step[level], bits, walker->entry_bytes))
			return false;
	}
	return true;
}

static u64 walk_leaf_address(const struct walker *walker)
{
	u64 entry = walker->path.step[walker->path.last].entry;
	u64 offset = BIT(walker->leaf_shift) - 1;
	u64 frame = entry & PTE_ADDRESS & ~offset;

	/* Bits 20:13 of a 4-MiB page's entry are address bits 39:32 (SDM vol. 3, table 4-4). */
	if (walker->entry_bytes == 4 && walker->path.last == 2)
		frame |= bits_get(entry, 20, 13) << 32;
	return frame | (walker->gva & offset);
}

static enum walk_outcome walk_attempt(struct walker *walker, struct walk_result *result)
{
	u64 fault;

	if (walk_descend(walker, &fault)) {
		/* a note to Frama-C: `make verify` splits its proof by this value */
		/*@ split walker->path.last; */
		fault = PF_ERROR_P;
		if (walk_permitted(walker)) {
			if (!(walker->access & WALK_PROBE) && !walk_set_accessed(walker))
				return WALK_CHANGED;
			result->gpa = GPA(walk_leaf_address(walker));
			result->page_bytes = BIT(walker->leaf_shift);
			return WALK_OK;
		}
	}
	fault |= walker->access & (WALK_WRITE | WALK_USER);
	/* I/D is reported only where fetches can be forbidden (SDM vol. 3, 4.7). */
	if (walker->access & WALK_FETCH &&
	    (walker->execute_disable || walker->page->cr4 & CR4_SMEP))
		fault |= PF_ERROR_I;
	result->error_code = (u32)fault;
	return WALK_FAULT;
}

static bool walk_run(struct walker *walker, struct walk_result *result)
{
	enum walk_outcome outcome = WALK_CHANGED;
	u32 access = walker->access;

	if (!(walker->page->cr0 & CR0_PG)) {
		result->gpa = GPA((u32)walker->gva);
		result->page_bytes = PAGE_SIZE;
		walker->path.levels = 0;
		return true;
	}
	walk_set_format(walker);
	for (u32 i = 0; i < WALK_ATTEMPTS && outcome == WALK_CHANGED; i++)
		outcome = walk_attempt(walker, result);
	/*
	 * The guest changes the tables all the time: fail the walk, since a guest must cope with a
	 * spurious fault anyway.
	 */
	if (outcome == WALK_CHANGED)
		result->error_code = PF_ERROR_P | (access & (WALK_WRITE | WALK_USER | WALK_FETCH));
	return outcome == WALK_OK;
}

bool walk(const struct guest_memory *memory, const struct vcpu_page *page, gva_t gva, u32 access,
	  struct walk_result *result)
{
	struct walker walker;

	walker.memory = memory;
	walker.page = page;
	walker.gva = gva.value;
	walker.access = access;
	return walk_run(&walker, result);
}

bool walk_trace(const struct guest_memory *memory, const struct vcpu_page *page, gva_t gva,
		struct walk_path *path, struct walk_result *result)
{
	struct walker walker = {
		.memory = memory,
		.page = page,
		.gva = gva.value,
		.access = WALK_PROBE,
	};
	bool found = walk_run(&walker, result);

	*path = walker.path;
	return found;
}

u32 walk_linear_bits(const struct vcpu_page *page)
{
	return page->cr4 & CR4_LA57 ? 57 : 48;
}
