/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/paging.h"
#include "kernel/abi/object.h"
#include "lib/bits.h"
#include "lib/status.h"

struct quota;

/* The levels of a page table, by the range that one entry covers. */
enum pt_level {
	PT_LEVEL_4K,
	PT_LEVEL_2M,
	PT_LEVEL_1G,
	PT_LEVEL_512G, /* the top-level table, whose entries are never leaves */
	PT_LEVEL_COUNT
};

enum pt_rights {
	PT_READ = RIGHT_READ,
	PT_WRITE = RIGHT_WRITE,
	PT_EXECUTE = RIGHT_EXECUTE,
	PT_USER = 1 << 3, /* in host tables: ring 3 may use the page */
};

enum pt_type { PT_TYPE_WB, PT_TYPE_UC, PT_TYPE_COUNT };

/* A format of four-level page tables: the bits of its entries. */
struct pt_format {
	u64 present; /* bits of which at least one is set in every entry that is present */
	u64 table;   /* the bits that are set in an entry that points to another table */
	/* added to `table` once for each level that the entry is above 4 KiB */
	u64 table_level;
	u64 leaf;  /* the bits that are set in every leaf */
	u64 large; /* the bits that are set in a leaf above PT_LEVEL_4K */
	u64 write;
	u64 execute;	/* the bits that are set in a leaf whose contents may be executed */
	u64 no_execute; /* the bits that are set in a leaf whose contents may not be executed */
	u64 user;
	u64 type[PT_TYPE_COUNT];
};

extern const struct pt_format format_host;
extern const struct pt_format format_ept;
extern const struct pt_format format_npt;
extern const struct pt_format format_vtd;
extern const struct pt_format format_amdvi;

/*
 * The top of a process's tables. If the CPU is open to Meltdown, ring 3 runs on `user`, which lacks
 * the direct map and has the same lower half as `kernel`; otherwise both are the same table.
 */
struct pt_root {
	hpa_t kernel;
	hpa_t user;
};

/* A tree of page tables, guarded by a lock of its owner's. */
struct table {
	const struct pt_format *format;
	struct pt_root root;
	struct quota *quota; /* the quota that pays for the pages of the tree */
	bool uncached;	     /* the IOMMU that walks the tree reads memory, not the CPUs' caches */
};

struct pt_leaf {
	u64 at; /* first address of the space that the leaf maps */
	hpa_t hpa;
	enum pt_level level;
	u32 rights; /* enum pt_rights */
	enum pt_type type;
};

/* Returns the size of the range that an entry of this level covers. */
static inline u64 table_level_bytes(enum pt_level level)
{
	return 1ull << (PAGE_SHIFT + 9 * level);
}

/*
 * A walk to an address: the tables on the way, down to the deepest one, and the deepest one's entry
 * for the address.
 */
struct pt_walk {
	hpa_t node[PT_LEVEL_COUNT];
	enum pt_level level;
	u64 entry;
	u64 at;
};

/*
 * Initialises an empty tree of page tables; `split` gives it a second top-level table
 * (pt_root.user). STATUS_NO_MEMORY, STATUS_NO_QUOTA.
 */
enum status table_init(struct table *table, const struct pt_format *format, struct quota *quota,
		       bool split) MUST_CHECK;
/*
 * Frees the top-level table or tables. All that they point to (in host tables: from the lower half)
 * must have been unmapped.
 */
void table_free(struct table *table);

/*
 * Maps one leaf, whose `at` and `hpa` must be aligned to its level. STATUS_IN_USE: something is
 * mapped there; STATUS_NO_MEMORY, STATUS_NO_QUOTA: a table is missing and cannot be allocated. An
 * empty table may then remain on the way; unmapping the range frees it.
 */
enum status table_map(struct table *table, const struct pt_leaf *leaf) MUST_CHECK;
/* Maps a page of 4 KiB, as table_map does; returns true for STATUS_OK. */
bool table_map_page(struct table *table, u64 at, hpa_t hpa, u32 rights, enum pt_type type);

/*
 * Replaces a table of smaller leaves by one leaf that maps the same memory; the table may be
 * incomplete. Returns false, without effect, if there is no such table or if it points to tables.
 * The caller flushes the TLBs.
 */
bool table_merge(struct table *table, const struct pt_leaf *leaf);

/*
 * Replaces the leaf around `at`, if it is above PT_LEVEL_4K, by tables down to leaves of 4 KiB that
 * map the same memory; these become executable. The walk goes to `at` then. STATUS_NO_MEMORY,
 * STATUS_NO_QUOTA: it is not split all the way. Rights are gained and none lost, so no TLB need be
 * flushed.
 */
enum status table_split(struct table *table, u64 at, struct pt_walk *walk) MUST_CHECK;

/*
 * Unmaps [*at, end), whose ends cut through no leaf, and frees tables that become empty, once every
 * CPU has gone through its loop (mm/tlb.h): a table of pages that lies in the range goes as a
 * whole, with its leaves. Visits a bounded number of entries: returns
 * STATUS_AGAIN, with *at moved on, when there may be more. The caller flushes the TLBs after each
 * call.
 */
enum status table_unmap(struct table *table, u64 *at, u64 end);
/*
 * Unmaps listed pages of an object, of which `pages` pages from page `first` on are mapped from
 * address `at` on; `index` lists the pages to unmap, and indices outside that range are ignored.
 * Goes through the list from its end; quickest if the list is in the order of addresses. Returns
 * true if a leaf or a table was removed: then the caller flushes the TLBs.
 */
bool table_unmap_pages(struct table *table, u64 at, u64 first, u64 pages, const u64 *index,
		       u32 count);

/* Finds the leaf that maps `at`; returns false if there is none. */
bool table_lookup(const struct table *table, u64 at, struct pt_leaf *leaf);

/*
 * Walks to `at` and returns true if a leaf maps it: walk->entry is the leaf's entry. If none does,
 * the walk goes down as far as there are tables. The walk stays valid while the caller holds the
 * tree's lock.
 */
bool table_walk(const struct table *table, u64 at, struct pt_walk *walk);
/* Decodes to *leaf the leaf that a walk to `at` has found. */
void table_walk_leaf(const struct table *table, u64 at, const struct pt_walk *walk,
		     struct pt_leaf *leaf);
/* Unmaps the leaf that a walk has found. Frees no table; the caller flushes the TLBs. */
void table_unmap_walked(struct table *table, u64 at, struct pt_walk *walk);
/* Does what table_map does, where a walk to an address in the leaf has found no leaf. */
enum status table_map_walked(struct table *table, struct pt_walk *walk,
			     const struct pt_leaf *leaf) MUST_CHECK;

/*
 * Returns the entry at `level` on the way to address `at`, without its address bits; 0 if the walk
 * ends above.
 */
u64 table_entry(const struct table *table, u64 at, enum pt_level level);

/*
 * Changes the rights of everything mapped in [at, end), whose ends cut through no leaf; rights 0
 * unmap it. Takes unbounded time, so it is only for the kernel's own tables at boot. The caller
 * flushes the TLBs.
 */
void table_protect(struct table *table, u64 at, u64 end, u32 rights);
