/* SPDX-License-Identifier: MIT */
/*
 * The allocator of kernel objects: objects are reused, groups share no page, exhaustion and misuse
 * are noticed.
 */
#include "tests/unit/mm_machine.h"

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

static const struct kind {
	unsigned int kind;
	u32 bytes; /* the bytes of an object, as handed out */
} small = {CACHE_MAPPING, 64}, large = {CACHE_RUN_QUEUE, 1920};

static enum status take(const struct kind *kind, struct quota *quota, void **piece)
{
	return cache_alloc(quota, kind->kind, kind->bytes - 14, piece);
}

static void start(void)
{
	machine_start(8 * MIB);
}

static void test_random(void **state)
{
	static struct {
		u8 *object;
		const struct kind *kind;
		u8 mark;
	} objects[1000];
	struct quota quota[2];
	size_t count = 0;
	u64 before;

	(void)state;
	start();
	machine_quota(&quota[0], 1000);
	machine_quota(&quota[1], 1000);
	before = machine_free_pages();
	for (unsigned int n = 0; n < 40000; n++) {
		if (count == ARRAY_COUNT(objects) || (count != 0 && random_below(100) < 49)) {
			size_t i = random_below(count);

			for (u32 b = 0; b < objects[i].kind->bytes; b++)
				assert_int_equal(objects[i].object[b], objects[i].mark);
			cache_free(objects[i].object);
			objects[i] = objects[--count];
			continue;
		}
		void *object;

		objects[count].kind = random_below(4) == 0 ? &large : &small;
		objects[count].mark = (u8)(1 + random_below(255));
		assert_int_equal(take(objects[count].kind, &quota[random_below(2)], &object),
				 STATUS_OK);
		assert_int_equal((u64)object % OBJECT_ALIGNMENT, 0);
		objects[count].object = object;
		for (u32 b = 0; b < objects[count].kind->bytes; b++)
			assert_int_equal(objects[count].object[b], 0);
		memset(object, objects[count].mark, objects[count].kind->bytes);
		count++;
	}
	assert_int_equal(before - machine_free_pages(),
			 quota[0].account->used_pages + quota[1].account->used_pages);
	while (count != 0) {
		count--;
		cache_free(objects[count].object);
	}
	machine_assert_clean(before, &quota[0]);
	machine_assert_clean(before, &quota[1]);
}

/* A piece freed in a full page is handed out again before a new page is taken. */
static void test_reuse(void **state)
{
	void *pieces[4];
	void *again;
	u64 before;

	(void)state;
	start();
	for (u32 i = 0; i < ARRAY_COUNT(pieces); i++)
		assert_int_equal(take(&large, NULL, &pieces[i]), STATUS_OK);
	before = machine_free_pages();
	for (u32 i = 0; i < ARRAY_COUNT(pieces); i++) {
		cache_free(pieces[i]);
		assert_int_equal(take(&large, NULL, &again), STATUS_OK);
		assert_ptr_equal(again, pieces[i]);
		assert_int_equal(machine_free_pages(), before);
	}
}

/* A walk finds the pieces in use, in the pages of the cache alone. */
static void test_walk(void **state)
{
	struct cache_cursor cursor = {0};
	void *pieces[5];
	void *found;
	u32 seen = 0;

	(void)state;
	start();
	for (u32 i = 0; i < ARRAY_COUNT(pieces); i++)
		assert_int_equal(take(i < 3 ? &large : &small, NULL, &pieces[i]), STATUS_OK);
	cache_free(pieces[1]);
	while ((found = cache_walk_all(&cursor)) != NULL) {
		for (u32 i = 0; i < ARRAY_COUNT(pieces); i++)
			seen |= pieces[i] == found ? 1u << i : 0;
		assert_int_equal(cursor.kind, found == pieces[0] || found == pieces[2]
						      ? large.kind
						      : small.kind);
	}
	assert_int_equal(seen, 0x1d);
}

static void test_groups_share_no_page(void **state)
{
	struct quota quota;
	void *a;
	void *b;
	void *c;

	(void)state;
	start();
	machine_quota(&quota, 1);
	assert_int_equal(take(&small, &quota, &a), STATUS_OK);
	assert_int_equal(take(&small, NULL, &b), STATUS_OK);
	assert_int_equal(take(&small, &quota, &c), STATUS_OK);
	assert_int_equal((u64)a / PAGE_SIZE, (u64)c / PAGE_SIZE);
	assert_int_not_equal((u64)a / PAGE_SIZE, (u64)b / PAGE_SIZE);
	assert_int_equal(quota.account->pages[PAGE_KERNEL], 1);
	assert_int_equal(take(&large, &quota, &c), STATUS_NO_QUOTA);
}

static void test_exhaustion(void **state)
{
	struct quota quota;
	void *object;
	u64 before;
	u32 count = 0;
	void *objects[4];

	(void)state;
	start();
	before = machine_free_pages();
	machine_quota(&quota, 2);
	while (take(&large, &quota, &object) == STATUS_OK)
		objects[count++] = object;
	assert_int_equal(count, 4);
	while (count != 0)
		cache_free(objects[--count]);
	machine_assert_clean(before, &quota);
}

static void test_misuse(void **state)
{
	void *object;
	void *other;

	(void)state;
	start();
	assert_int_equal(take(&small, NULL, &object), STATUS_OK);
	assert_int_equal(take(&small, NULL, &other), STATUS_OK);
	assert_panics(cache_free(machine_ram + 4 * MIB)); /* the piece is not in a slab */
	assert_panics(cache_free((u8 *)object + 8));
	cache_free(object);
	assert_panics(cache_free(object));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	   cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_walk),	   cmocka_unit_test(test_groups_share_no_page),
		cmocka_unit_test(test_exhaustion), cmocka_unit_test(test_misuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
