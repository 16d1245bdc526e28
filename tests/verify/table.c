/* SPDX-License-Identifier: MIT */
/*
 * mm/table.c, which walks the page tables of the kernel, processes and guests, in each format. The
 * tables hold whatever the kernel can have written: at each level an entry is not used, points to
 * one of two tables below, or is a leaf of one of several kinds.
 *
 * Proved with any address: no run-time error, and the walk never leaves the tables. Proved for
 * chosen addresses, where the state is known well enough: what is mapped is found, what is unmapped
 * is not, what is split maps the same memory, rights change and nothing else does, no table that
 * was given back is reached again.
 */
#include "tests/verify/frama.h"

#include "mm/address.h"
#include "mm/page.h"

/* clang-format off */
#define NODES	   16u
#define POOL_FIRST 10u /* the first table not yet in use; those below it: two for each level */
/* clang-format on */
#define NODE(level, other) (1u + (other) + 2 * (PT_LEVEL_512G - (level)))

struct row {
	u64 entry[512];
};
static struct row node[NODES];
static struct page pages[NODES];
static bool given_back[NODES];
static u32 pool;
static bool exact; /* the state is known: a table that was given back must not be reached */

static u64 node_number(hpa_t hpa)
{
	u64 number = hpa.value >> PAGE_SHIFT;

	//@ assert in_a_table: 0 < number < 16 && (hpa.value & 0xfff) == 0;
	//@ assert alive: exact == 0 || given_back[number] == 0;
	return number;
}

static void *node_pointer(hpa_t hpa)
{
	return &node[node_number(hpa)];
}

static struct page *node_page(hpa_t hpa)
{
	return &pages[node_number(hpa)];
}

#define hpa_to_pointer(hpa)	node_pointer(hpa)
#define page_of(hpa)		node_page(hpa)
#define pointer_to_hpa(pointer) HPA((u64)pool << PAGE_SHIFT)
#include "mm/table.c"
#include "mm/format.c"

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	(void)order;
	(void)owner;
	(void)quota;
	if (ANY_BOOL || pool + 1 == NODES)
		return STATUS_NO_MEMORY;
	pool++;
	*pointer = &node[pool];
	return STATUS_OK;
}

void page_free(hpa_t hpa, struct quota *quota)
{
	(void)quota;
	given_back[node_number(hpa)] = true;
}

void tlb_page_free(hpa_t hpa, struct quota *quota)
{
	page_free(hpa, quota);
}

void panic(const char *text, ...)
{
	(void)text;
	//@ assert no_panic: \false;
	for (;;)
		;
}

static struct table table;
static const struct pt_format *const formats[] = {&format_host, &format_npt, &format_ept};

/* A leaf of kind 0 to 2; the addresses are aligned for each level. */
static u64 any_kind_of_leaf(enum pt_level level, u32 kind)
{
	static const u64 at[] = {0, 3 * GIB, BIT(51) - GIB};
	static const u32 rights[] = {PT_READ, PT_READ | PT_WRITE | PT_USER, PT_READ | PT_EXECUTE};
	struct pt_leaf leaf = {.hpa = HPA(at[kind]),
			       .level = level,
			       .rights = rights[kind],
			       .type = kind == 2 ? PT_TYPE_UC : PT_TYPE_WB};

	return table_leaf_encode(table.format, &leaf);
}

#define LEAF 3u

/* The value of an entry, by `what`: 0 not used, 1 and 2 a table, from LEAF on a leaf. */
static u64 content(enum pt_level level, u32 what)
{
	if (what == 0)
		return 0;
	if (what < LEAF)
		return (u64)NODE(level - 1, what - 1) << PAGE_SHIFT | table.format->table;
	return any_kind_of_leaf(level, what - LEAF);
}

static bool can_be(enum pt_level level, u32 what)
{
	if (what == 0)
		return true;
	return what < LEAF ? level > PT_LEVEL_4K : level < PT_LEVEL_512G;
}

/* A table in which each entry is anything that its level allows. */
static struct row any_row(enum pt_level level)
{
	u64 can[LEAF + 3];
	struct row row;
	s32 count = 0;
	u64 any;

	for (u32 what = 0; what < LEAF + 3; what++)
		if (can_be(level, what))
			can[count++] = content(level, what);
	any = can[ANY_OF(0, count - 1)];
	//@ loop unroll 512;
	for (u32 i = 0; i < 512; i++)
		row.entry[i] = any;
	return row;
}

static struct row rows[PT_LEVEL_COUNT]; /* the rows of the format in use */

static void set_format(u32 format)
{
	table = (struct table){.format = formats[format]};
	table.root.kernel = HPA((u64)NODE(PT_LEVEL_512G, 0) << PAGE_SHIFT);
	table.root.user = table.root.kernel;
	for (u32 level = 0; level < PT_LEVEL_COUNT; level++)
		rows[level] = any_row((enum pt_level)level);
}

static void no_tables(void)
{
	static const struct row empty;

	for (u32 i = 0; i < NODES; i++) {
		node[i] = empty;
		pages[i].references = 0;
		given_back[i] = false;
	}
	pool = 0;
}

static void any_tables(void)
{
	no_tables();
	for (u32 level = 0; level < PT_LEVEL_COUNT; level++)
		for (u32 other = 0; other < 2; other++) {
			node[NODE(level, other)] = rows[level];
			pages[NODE(level, other)].references = (u32)ANY_OF(0, 512);
		}
	pool = POOL_FIRST - 1;
}

/* ... with a second root, as on a CPU that is open to Meltdown. */
static void split_top(void)
{
	table.root.user = HPA((u64)NODE(PT_LEVEL_512G, 1) << PAGE_SHIFT);
}

static struct pt_leaf any_leaf(u64 at, enum pt_level level)
{
	u64 bytes = table_level_bytes(level);

	return (struct pt_leaf){
		.at = at & ~(bytes - 1),
		.hpa = HPA(ANY_U64 & BITS(51, 12) & ~(bytes - 1)),
		.level = level,
		.rights = ANY_U32,
		.type = ANY_BOOL ? PT_TYPE_UC : PT_TYPE_WB,
	};
}

/* Makes any tables of any format; each format is analysed by itself. */
static void any_format(void)
{
	u32 format = (u32)ANY_OF(0, 2);

	//@ split format;
	set_format(format);
	any_tables();
}

void prove_any_lookup(void)
{
	struct pt_leaf leaf;

	any_format();
	(void)table_lookup(&table, ANY_U64, &leaf);
}

void prove_any_entry(void)
{
	u32 level = (u32)ANY_OF(0, PT_LEVEL_512G);

	any_format();
	//@ split level;
	(void)table_entry(&table, ANY_U64, (enum pt_level)level);
}

/* A single step of table_unmap: after it the tables could again be any. */
void prove_any_unmap(void)
{
	u32 last = (u32)ANY_OF(PT_LEVEL_4K, PT_LEVEL_2M);
	u64 at = ANY_U64;
	struct pt_walk walk;

	any_format();
	split_top();
	//@ split last;
	walk.level = TOP;
	(void)table_unmap_entry(&table, &at, (enum pt_level)last, &walk);
}

void prove_any_merge(void)
{
	u32 level = (u32)ANY_OF(PT_LEVEL_2M, PT_LEVEL_1G);
	struct pt_leaf leaf;

	any_format();
	split_top();
	//@ split level;
	leaf = any_leaf(ANY_U64, (enum pt_level)level);
	(void)table_merge(&table, &leaf);
}

void prove_any_map(void)
{
	u32 level = (u32)ANY_OF(0, PT_LEVEL_1G);
	struct pt_leaf leaf;

	any_format();
	split_top();
	//@ split level;
	leaf = any_leaf(ANY_U64, (enum pt_level)level);
	(void)!table_map(&table, &leaf);
}

/* --- chosen addresses: each possible way down by itself; what lies beside it is anything --- */

static const u64 chosen[] = {
	0, 0x1ff000, 0x3ffff000, 0x5540000000, 0x7ffffffff000, 0xffff800040201000};

static u64 at;
static enum pt_level end; /* the end of the way: a leaf, or an entry that is not used */
static bool used;

#define ANY_CHOSEN ((u32)ANY_OF(0, ARRAY_COUNT(chosen) - 1))

/* Makes each possible way to a chosen address, analysed by itself. */
static void one_way(u32 which)
{
	u32 level = (u32)ANY_OF(0, PT_LEVEL_512G);
	/* the value LEAF - 1 stands for an entry that is not used */
	u32 what = (u32)ANY_OF(LEAF - 1, LEAF + 2);

	any_format();
	exact = true;
	//@ split level;
	//@ split what;
	used = what >= LEAF && can_be((enum pt_level)level, what);
	at = chosen[which];
	end = (enum pt_level)level;
	for (level = PT_LEVEL_512G;; level--) {
		u32 number = NODE(level, 0);
		u64 value = level > end ? content((enum pt_level)level, 1)
			    : used	? content((enum pt_level)level, what)
					: 0;

		node[number].entry[table_entry_index(at, (enum pt_level)level)] = value;
		pages[number].references = (u32)ANY_OF(0, 511) + (value != 0);
		if (level == end)
			break;
	}
}

void prove_unmap(void)
{
	u32 which = ANY_CHOSEN;
	u64 next;
	u64 from;
	struct pt_leaf leaf;

	//@ split which;
	one_way(which);
	next = (at & ~(table_level_bytes(end) - 1)) + table_level_bytes(end);
	from = at;
	(void)table_unmap(&table, &from, at + PAGE_SIZE);
	//@ assert moved_on: from == next;
	if (table_lookup(&table, at, &leaf)) {
		//@ assert nothing_is_found: \false;
	}
}

void prove_map(void)
{
	u32 which = ANY_CHOSEN;
	u32 level = (u32)ANY_OF(0, PT_LEVEL_1G);
	struct pt_leaf found = {0};
	struct pt_leaf leaf;
	enum status status;
	bool there;

	//@ split which;
	one_way(which);
	//@ split level;
	leaf = (struct pt_leaf){.at = at & ~(table_level_bytes((enum pt_level)level) - 1),
				.hpa = HPA(5 * GIB),
				.level = (enum pt_level)level,
				.rights = PT_READ | PT_WRITE};
	/* only leaves that begin at the address: the way to any other leaf is not this one */
	if (leaf.at != at)
		return;
	status = table_map(&table, &leaf);
	if (used || end < level) {
		//@ assert nothing_is_mapped_over: status == STATUS_IN_USE;
		return;
	}
	there = table_lookup(&table, at, &found);
	//@ assert found_or_failed: there == (status == STATUS_OK);
	if (there) {
		//@ assert the_same: found.at == leaf.at && found.hpa.value == leaf.hpa.value;
		//@ assert as_asked: found.level == leaf.level && found.rights == leaf.rights;
	}
}

/*
 * Proves that of a page that is mapped by itself only the rights change; a page not mapped stays
 * so.
 */
void prove_protect(void)
{
	struct pt_leaf before = {0};
	struct pt_leaf found = {0};
	bool was_there;
	bool there;
	u64 was;

	one_way(1);
	was_there = table_lookup(&table, at, &before);
	if (was_there && before.level != PT_LEVEL_4K)
		return;
	table_protect(&table, at, at + PAGE_SIZE, PT_READ);
	there = table_lookup(&table, at, &found);
	//@ assert as_before: there == was_there;
	if (!there)
		return;
	was = before.hpa.value + (at - before.at);
	//@ assert one_page: found.level == PT_LEVEL_4K && found.at == at;
	//@ assert same_page: found.hpa.value == was;
	//@ assert rights_changed: found.rights == PT_READ;
	//@ assert same_type: found.type == before.type;
}

/*
 * Proves that a large leaf that is split still maps the same memory, writable or not as before; so
 * it does if no page is left for a table halfway.
 */
void prove_split(void)
{
	u32 which = ANY_CHOSEN;
	struct pt_leaf before = {0};
	struct pt_leaf found = {0};
	struct pt_walk walk;
	enum status status;
	bool was_there;
	bool there;
	u64 was;
	u64 is;

	//@ split which;
	one_way(which);
	was_there = table_lookup(&table, at, &before);
	status = table_split(&table, at, &walk);
	there = table_lookup(&table, at, &found);
	//@ assert as_before: there == was_there;
	if (!there)
		return;
	was = before.hpa.value + (at - before.at);
	is = found.hpa.value + (at - found.at);
	//@ assert same_page: is == was;
	//@ assert small: status != STATUS_OK || found.level == PT_LEVEL_4K;
	//@ assert same_write: (found.rights & ~PT_EXECUTE) == (before.rights & ~PT_EXECUTE);
	//@ assert same_type: found.type == before.type;
}

/* Proves a table's life, from the first table allocated to the last one given back. */
void prove_life(void)
{
	u64 from = 0x3ffff000;
	struct pt_leaf leaf = {.at = from, .hpa = HPA(5 * GIB), .rights = PT_READ};
	bool split = ANY_BOOL;

	any_format();
	no_tables();
	exact = true;
	if (table_init(&table, table.format, NULL, split) == STATUS_OK) {
		(void)!table_map(&table, &leaf);
		(void)table_unmap(&table, &from, from + PAGE_SIZE);
		table_free(&table);
	}
	for (u32 i = 1; i <= pool; i++) {
		//@ assert all_are_given_back: given_back[i] == 1;
	}
}
