/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: blocks split and merge, quotas and reserves hold, nodes of memory are kept
 * apart, and misuse is noticed.
 */
#include <sys/mman.h>

#include "tests/unit/mm_machine.h"

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

/*
 * Every free block is on its node's list, lies wholly inside the node, is aligned and has no free
 * buddy of the same size there; the counts agree.
 */
static void assert_node_consistent(u8 node)
{
	u64 free_pages = 0;

	for (unsigned int order = 0; order <= PAGE_ORDER_MAX; order++) {
		u32 previous = 0;

		for (u32 frame = free_first[node][order]; frame != 0;
		     frame = page_frames[frame].next) {
			u32 buddy = frame ^ (1u << order);

			assert_int_equal(page_frames[frame].owner, PAGE_FREE);
			assert_int_equal(page_frames[frame].order, order);
			assert_true(page_frames[frame].flags & PAGE_FLAG_HEAD);
			assert_int_equal(page_frames[frame].previous, previous);
			assert_int_equal(frame % (1u << order), 0);
			for (u32 n = 0; n < 1u << order; n++)
				assert_int_equal(page_frames[frame + n].node, node);
			if (buddy < page_frame_count && order < PAGE_ORDER_MAX)
				assert_false((page_frames[buddy].flags & PAGE_FLAG_HEAD) &&
					     page_frames[buddy].owner == PAGE_FREE &&
					     page_frames[buddy].node == node &&
					     page_frames[buddy].order == order);
			previous = frame;
			free_pages += 1ull << order;
		}
	}
	assert_int_equal(free_pages, page_nodes[node].free);
}

static void assert_consistent(void)
{
	u64 free_pages = 0;
	u64 pages = 0;
	u64 sum = 0;

	for (u8 node = 0; node < NODE_MAX; node++) {
		assert_node_consistent(node);
		free_pages += page_nodes[node].free;
		pages += page_nodes[node].pages;
	}
	assert_int_equal(free_pages, page_counts[PAGE_FREE]);
	for (unsigned int owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		sum += page_counts[owner];
	assert_int_equal(sum, page_total);
	assert_int_equal(pages, page_total);
}

static void test_init(void **state)
{
	/* clang-format off */
	static struct boot_info info = {
		.region_count = 4,
		.region = {
			{.base = 0x800, .length = 0x9f000, .type = BOOT_REGION_RAM},
			{.base = 0xa0000, .length = 0x60000, .type = BOOT_REGION_RESERVED},
			{.base = MIB, .length = 8 * MIB, .type = BOOT_REGION_RAM},
			/* this region overlaps the one above and ends inside a page */
			{.base = 2 * MIB, .length = 8 * MIB + 0x123, .type = BOOT_REGION_RAM},
		},
		.used_count = 3,
		.used = {
			{.base = HPA(MIB), .length = 3 * PAGE_SIZE - 1, .owner = PAGE_IMAGE},
			{.base = HPA(5 * MIB + 5), .length = 1, .owner = PAGE_MODULE},
			{.base = HPA(5 * MIB), .length = PAGE_SIZE, .owner = PAGE_MODULE},
		},
	};
	/* clang-format on */
	u64 array_pages = (10 * MIB / PAGE_SIZE * sizeof(struct page) + PAGE_MASK) / PAGE_SIZE;

	(void)state;
	machine_reset(16 * MIB);
	info.direct_map_base = HVA(direct_map_base);
	assert_true(page_init(&info));
	assert_int_equal(page_total, 0x9e + 9 * MIB / PAGE_SIZE);
	assert_int_equal(page_counts[PAGE_IMAGE], 3);
	assert_int_equal(page_counts[PAGE_MODULE], 1);
	assert_int_equal(page_counts[PAGE_RESERVED], array_pages);
	assert_consistent();

	assert_int_equal(page_owner(HPA(0)), PAGE_RESERVED);
	assert_int_equal(page_owner(HPA(0x9f000)), PAGE_RESERVED);
	assert_int_equal(page_owner(HPA(MIB + 2 * PAGE_SIZE)), PAGE_IMAGE);
	assert_int_equal(page_owner(HPA(MIB + 3 * PAGE_SIZE)), PAGE_FREE);
	assert_int_equal(page_owner(HPA(5 * MIB)), PAGE_MODULE);
	assert_int_equal(page_owner(HPA(1ull << 50)), PAGE_RESERVED);
	assert_true(page_range_has_ram(HPA(0xa0000), 0x60001));
	assert_false(page_range_has_ram(HPA(0xa0000), 0x60000));
	assert_false(page_range_has_ram(HPA(10 * MIB), GIB));

	machine_reset(2 * MIB);
	info.region_count = 1;
	info.region[0] = (struct boot_region){64 * MIB, PAGE_SIZE, BOOT_REGION_RAM};
	assert_false(page_init(&info));
}

struct block {
	hpa_t hpa;
	unsigned int order;
	enum page_owner owner;
};

static void test_random(void **state)
{
	static struct block blocks[400];
	static u8 taken[8192];
	u64 owned[PAGE_OWNER_COUNT] = {0};
	struct quota quota;
	size_t count = 0;
	u64 before;

	(void)state;
	machine_start(32 * MIB);
	machine_quota(&quota, 6000);
	before = machine_free_pages();
	for (unsigned int n = 0; n < 60000; n++) {
		struct block *block = &blocks[count];
		enum status status;

		if (count == ARRAY_COUNT(blocks) || (count != 0 && random_below(100) < 49)) {
			size_t i = random_below(count);
			u64 first = blocks[i].hpa.value >> PAGE_SHIFT;

			assert_int_equal(
				page_owner(HPA(blocks[i].hpa.value +
					       random_below(PAGE_SIZE << blocks[i].order))),
				blocks[i].owner);
			memset(&taken[first], 0, 1ull << blocks[i].order);
			owned[blocks[i].owner] -= 1ull << blocks[i].order;
			page_free(blocks[i].hpa, &quota);
			blocks[i] = blocks[--count];
			continue;
		}
		block->order = (unsigned int)random_below(random_below(11) + 1);
		block->owner = (enum page_owner)(PAGE_KERNEL + random_below(4));
		status = page_alloc(block->order, block->owner, &quota, &block->hpa);
		if (status != STATUS_OK)
			continue;
		assert_int_equal(block->hpa.value % (PAGE_SIZE << block->order), 0);
		for (u64 i = 0; i < 1ull << block->order; i++)
			assert_int_equal(taken[(block->hpa.value >> PAGE_SHIFT) + i]++, 0);
		owned[block->owner] += 1ull << block->order;
		count++;
		if (n % 64 == 0) {
			assert_consistent();
			for (unsigned int owner = PAGE_KERNEL; owner <= PAGE_GUEST; owner++) {
				assert_int_equal(page_counts[owner], owned[owner]);
				assert_int_equal(quota.account->pages[owner], owned[owner]);
			}
		}
	}
	while (count != 0)
		page_free(blocks[--count].hpa, &quota);
	assert_consistent();
	machine_assert_clean(before, &quota);
}

static void test_quota(void **state)
{
	struct quota quota;
	hpa_t hpa;

	(void)state;
	machine_start(8 * MIB);
	machine_quota(&quota, 5);
	assert_int_equal(quota.account->quota_pages, 5);
	assert_int_equal(page_alloc(3, PAGE_GUEST, &quota, &hpa), STATUS_NO_QUOTA);
	assert_int_equal(page_alloc(2, PAGE_GUEST, &quota, &hpa), STATUS_OK);
	assert_int_equal(page_alloc(1, PAGE_GUEST, &quota, &hpa), STATUS_NO_QUOTA);
	assert_int_equal(quota.account->used_pages, 4);
	assert_int_equal(quota.account->pages[PAGE_GUEST], 4);
	assert_int_equal(quota_charge(&quota, PAGE_KERNEL, ~0ull), STATUS_NO_QUOTA);

	/* The machine has no such block: the charge is taken back. */
	quota.account->quota_pages = 1 << 20;
	assert_int_equal(page_alloc(12, PAGE_GUEST, &quota, &hpa), STATUS_NO_MEMORY);
	assert_int_equal(quota.account->used_pages, 4);
}

static void test_reserve(void **state)
{
	u64 kept;
	u64 free_pages;
	hpa_t hpa;

	(void)state;
	machine_start(8 * MIB);
	kept = page_total / KERNEL_SHARE;
	free_pages = machine_free_pages();
	assert_int_equal(page_reserve(free_pages - kept + 1), STATUS_NO_MEMORY);
	assert_int_equal(page_reserve(~0ull), STATUS_NO_MEMORY);
	assert_int_equal(page_reserve(free_pages - kept), STATUS_OK);
	for (u64 i = 0; i < kept; i++)
		assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_NO_MEMORY);
	for (u64 i = 0; i < free_pages - kept; i++)
		assert_int_equal(page_alloc_reserved(0, PAGE_GUEST, &hpa), STATUS_OK);
	assert_int_equal(machine_free_pages(), 0);
	assert_panics(assert_int_equal(page_alloc_reserved(0, PAGE_GUEST, &hpa), STATUS_OK));
	assert_panics(page_unreserve(1));
}

static void test_misuse(void **state)
{
	hpa_t hpa;

	(void)state;
	machine_start(8 * MIB);
	assert_int_equal(page_alloc(1, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	assert_panics(page_free(HPA(hpa.value + PAGE_SIZE), NULL));
	page_free(hpa, NULL);
	assert_panics(page_free(hpa, NULL));
	assert_panics(page_free(HPA(0), NULL));
	assert_panics(page_free(HPA(64 * MIB), NULL));
}

static void test_counts(void **state)
{
	u64 before;
	hpa_t hpa;

	(void)state;
	machine_start(8 * MIB);
	before = machine_free_pages();
	assert_int_equal(page_alloc(3, PAGE_CONTROL, NULL, &hpa), STATUS_OK);
	assert_int_equal(page_counts[PAGE_CONTROL], 8);
	assert_int_equal(page_counts[PAGE_FREE], before - 8);
	assert_int_equal(page_nodes[0].free, before - 8);
	page_free(hpa, NULL);
	assert_int_equal(page_counts[PAGE_FREE], before);
}

/* Each CPU's pages come from its own node while the node has any; no block spans two nodes. */
static void test_nodes(void **state)
{
	const u64 boundary = 6 * MIB + 5 * PAGE_SIZE; /* the boundary splits what was one block */
	u64 before;
	hpa_t hpa[600];
	u32 count = 0;

	(void)state;
	machine_start(16 * MIB);
	before = page_counts[PAGE_FREE];
	page_node_set(HPA(boundary), 4 * MIB, 1);
	page_node_set(HPA(boundary + 4 * MIB), GIB, 3);
	assert_consistent();
	assert_int_equal(page_counts[PAGE_FREE], before);
	assert_int_equal(page_nodes[1].pages, 4 * MIB / PAGE_SIZE);
	assert_true(page_nodes[3].free > MIB / PAGE_SIZE);
	for (u8 node = 0; node < 4; node++) {
		machine_node = node;
		assert_int_equal(page_alloc(4, PAGE_KERNEL, NULL, &hpa[0]), STATUS_OK);
		/* node 2 is empty: the page comes from the next node */
		assert_int_equal(page_of(hpa[0])->node, node == 2 ? 3 : node);
		page_free(hpa[0], NULL);
	}
	machine_node = 1;
	while (page_nodes[1].free >= 32) {
		assert_int_equal(page_alloc(5, PAGE_KERNEL, NULL, &hpa[count]), STATUS_OK);
		assert_int_equal(page_of(hpa[count++])->node, 1);
		if (free_first[1][5] == 0 && page_nodes[1].free < 64)
			break;
	}
	assert_consistent();
	while (count > 0)
		page_free(hpa[--count], NULL);
	assert_consistent();
	assert_int_equal(page_counts[PAGE_FREE], before);
}

/* A node that begins and ends inside one block leaves no block that spans two nodes. */
static void test_node_inside_a_block(void **state)
{
	(void)state;
	machine_start(16 * MIB);
	page_node_set(HPA(9 * MIB), MIB, 1);
	assert_consistent();
	assert_int_equal(page_nodes[1].free, MIB / PAGE_SIZE);
}

/* A block's page says which quota pays for it, wherever in memory the quota lies. */
static void test_payer(void **state)
{
	const u64 apart = 32 * GIB;
	u8 *place = mmap(NULL, apart + PAGE_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct quota *quota[3] = {(void *)place, (void *)(place + apart), NULL};
	struct group_page account = {0};
	const struct page *head;
	u32 payer[3];

	(void)state;
	machine_start(8 * MIB);
	assert_ptr_not_equal(place, MAP_FAILED);
	for (u32 i = 0; i < 3; i++) {
		hpa_t hpa;

		if (quota[i] != NULL) {
			assert_int_equal(mprotect(quota[i], PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
			quota_init(quota[i], &account, 100);
		}
		assert_int_equal(page_alloc(0, PAGE_KERNEL, quota[i], &hpa), STATUS_OK);
		assert_int_equal(page_block_at(hpa.value >> PAGE_SHIFT, &head), 1);
		payer[i] = head->previous;
		page_free(hpa, quota[i]);
	}
	assert_true(payer[0] != payer[1] && payer[0] != 0 && payer[1] != 0);
	assert_int_equal(payer[2], 0);
	munmap(place, apart + PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),   cmocka_unit_test(test_random),
		cmocka_unit_test(test_quota),  cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_misuse), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_nodes),  cmocka_unit_test(test_node_inside_a_block),
		cmocka_unit_test(test_payer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
