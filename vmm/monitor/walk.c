/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/walk.h"
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/paging.h"

#define WALK_LEVELS_MAX 5
/* How often a walk starts again because another vCPU changed an entry under it. */
#define WALK_ATTEMPTS 4

enum walk_outcome { WALK_OK, WALK_FAULT, WALK_CHANGED };

struct walker {
	const struct guest_memory *memory;
	const struct vcpu_page *page;
	u64 gva;
	u32 access;
	u32 levels;
	u32 entry_bytes;
	u32 leaf; /* level that maps the page */
	bool pae_32;
	u64 rights; /* PTE_W, PTE_U, PTE_NX in force */
	u64 entry[WALK_LEVELS_MAX + 1];
	gpa_t at[WALK_LEVELS_MAX + 1];
};

static u32 index_bits(const struct walker *walker)
{
	return walker->entry_bytes == 8 ? 9 : 10;
}

static u32 level_shift(const struct walker *walker, u32 level)
{
	return PAGE_SHIFT + index_bits(walker) * (level - 1);
}

/* SDM vol. 3, 4.1.1 */
static void start(struct walker *walker)
{
	const struct vcpu_page *page = walker->page;

	walker->entry_bytes = 8;
	if (page->efer & EFER_LMA) {
		walker->levels = page->cr4 & CR4_LA57 ? 5 : 4;
		return;
	}
	walker->gva = (u32)walker->gva;
	walker->pae_32 = page->cr4 & CR4_PAE;
	walker->levels = walker->pae_32 ? 3 : 2;
	if (!walker->pae_32)
		walker->entry_bytes = 4;
}

static bool execute_disable(const struct walker *walker)
{
	return walker->entry_bytes == 8 && walker->page->efer & EFER_NXE;
}

static u64 read_entry(const struct walker *walker, gpa_t at)
{
	u64 entry = 0;

	if (!guest_memory_read(walker->memory, at, &entry, walker->entry_bytes))
		return BITS(8 * walker->entry_bytes - 1, 0);
	return entry;
}

static bool is_leaf(const struct walker *walker, u64 entry, u32 level)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_PS))
		return false;
	if (walker->entry_bytes == 4)
		return walker->page->cr4 & CR4_PSE;
	return level <= (walker->pae_32 ? 2 : 3);
}

/* SDM vol. 3, 4.3 to 4.5: bits that fault when set. */
static bool reserved_set(const struct walker *walker, u64 entry, u32 level)
{
	bool large = level > 1 && is_leaf(walker, entry, level);
	u64 reserved = 0;

	if (walker->entry_bytes == 4)
		return large && entry & BIT(21);
	if (walker->pae_32 && level == 3) /* checked when CR3 is loaded, not here */
		return false;
	if (walker->memory->physical_bits < 52)
		reserved |= BITS(51, walker->memory->physical_bits);
	if (!execute_disable(walker))
		reserved |= PTE_NX;
	if (walker->pae_32)
		reserved |= BITS(62, 52);
	if (large)
		reserved |= BITS(level_shift(walker, level) - 1, 13);
	if (level > 3)
		reserved |= PTE_PS;
	return entry & reserved;
}

/* The table that CR3 points to (SDM vol. 3, tables 4-3, 4-7, 4-12). */
static u64 root(const struct walker *walker)
{
	if (walker->pae_32)
		return walker->page->cr3 & BITS(31, 5);
	return walker->page->cr3 & (walker->entry_bytes == 4 ? BITS(31, 12) : PTE_ADDRESS);
}

static bool descend(struct walker *walker, u32 *fault)
{
	u64 table = root(walker);
	u64 entry;

	walker->rights = PTE_W | PTE_U;
	for (u32 level = walker->levels;; level--) {
		u64 index = walker->gva >> level_shift(walker, level) &
			(BIT(index_bits(walker)) - 1);

		walker->at[level] = GPA(table + index * walker->entry_bytes);
		entry = read_entry(walker, walker->at[level]);
		walker->entry[level] = entry;
		walker->leaf = level;
		if (!(entry & PTE_P)) {
			*fault = 0;
			return false;
		}
		if (reserved_set(walker, entry, level)) {
			*fault = PF_ERROR_P | PF_ERROR_RSVD;
			return false;
		}
		if (!(walker->pae_32 && level == 3)) { /* these entries carry no rights */
			walker->rights &= entry | PTE_NX;
			if (walker->entry_bytes == 8)
				walker->rights |= entry & PTE_NX;
		}
		if (is_leaf(walker, entry, level))
			return true;
		table = entry & PTE_ADDRESS;
	}
}

/* SDM vol. 3, 4.6.1 */
static bool permitted(const struct walker *walker)
{
	u64 cr4 = walker->page->cr4;
	u64 rights = walker->rights;
	bool user = walker->access & WALK_USER;

	if (walker->access & WALK_PROBE)
		return true;
	if (user && !(rights & PTE_U))
		return false;
	if (walker->access & WALK_FETCH)
		return !(rights & PTE_NX) && !(!user && rights & PTE_U && cr4 & CR4_SMEP);
	if (!user && rights & PTE_U && cr4 & CR4_SMAP && !(walker->page->rflags & RFLAGS_AC))
		return false;
	if (walker->access & WALK_WRITE && !(rights & PTE_W))
		return !user && !(walker->page->cr0 & CR0_WP);
	return true;
}

/* Replaces an entry unless it is no longer what the walk has read. */
static bool set_bits(const struct walker *walker, u32 level, u64 bits)
{
	u8 *host = guest_memory_pointer(walker->memory, walker->at[level], walker->entry_bytes);
	u64 old = walker->entry[level];

	if ((old & bits) == bits || host == NULL)
		return true;
	if (walker->entry_bytes == 4) {
		u32 expected = (u32)old;

		return __atomic_compare_exchange_n((u32 *)(void *)host, &expected,
						   (u32)(old | bits), false, __ATOMIC_SEQ_CST,
						   __ATOMIC_RELAXED);
	}
	return __atomic_compare_exchange_n((u64 *)(void *)host, &old, old | bits, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* SDM vol. 3, 4.8 */
static bool set_accessed(const struct walker *walker)
{
	for (u32 level = walker->levels; level >= walker->leaf; level--) {
		u64 bits = PTE_A;

		if (walker->pae_32 && level == 3)
			continue;
		if (level == walker->leaf && walker->access & WALK_WRITE)
			bits |= PTE_D;
		if (!set_bits(walker, level, bits))
			return false;
	}
	return true;
}

static u64 leaf_address(const struct walker *walker)
{
	u64 entry = walker->entry[walker->leaf];
	u64 offset = BITS(level_shift(walker, walker->leaf) - 1, 0);
	u64 frame = (entry & PTE_ADDRESS) & ~offset;

	/* SDM vol. 3, table 4-4: bits 20:13 of a 4-MiB page's entry are bits 39:32 of its address. */
	if (walker->entry_bytes == 4 && walker->leaf == 2)
		frame |= bits_get(entry, 20, 13) << 32;
	return frame | (walker->gva & offset);
}

static enum walk_outcome attempt(struct walker *walker, struct walk_result *result)
{
	u32 fault;

	if (descend(walker, &fault)) {
		fault = PF_ERROR_P;
		if (permitted(walker)) {
			if (!(walker->access & WALK_PROBE) && !set_accessed(walker))
				return WALK_CHANGED;
			result->gpa = GPA(leaf_address(walker));
			result->page_bytes = BIT(level_shift(walker, walker->leaf));
			return WALK_OK;
		}
	}
	fault |= walker->access & (WALK_WRITE | WALK_USER);
	/* SDM vol. 3, 4.7: I/D is reported only where fetches can be forbidden. */
	if (walker->access & WALK_FETCH &&
	    (execute_disable(walker) || walker->page->cr4 & CR4_SMEP))
		fault |= PF_ERROR_I;
	result->error_code = fault;
	return WALK_FAULT;
}

bool walk(const struct guest_memory *memory, const struct vcpu_page *page, gva_t gva, u32 access,
	  struct walk_result *result)
{
	struct walker walker = {
		.memory = memory, .page = page, .gva = gva.value, .access = access};
	enum walk_outcome outcome = WALK_CHANGED;

	if (!(page->cr0 & CR0_PG)) {
		result->gpa = GPA((u32)gva.value);
		result->page_bytes = PAGE_SIZE;
		return true;
	}
	start(&walker);
	for (u32 i = 0; i < WALK_ATTEMPTS && outcome == WALK_CHANGED; i++)
		outcome = attempt(&walker, result);
	/* Tables that never hold still: a fault too many is one a guest must bear anyway. */
	if (outcome == WALK_CHANGED)
		result->error_code =
			PF_ERROR_P | (access & (WALK_WRITE | WALK_USER | WALK_FETCH));
	return outcome == WALK_OK;
}

u32 walk_linear_bits(const struct vcpu_page *page)
{
	return page->cr4 & CR4_LA57 ? 57 : 48;
}
