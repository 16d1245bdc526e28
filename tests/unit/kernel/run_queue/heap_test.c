/* SPDX-License-Identifier: MIT */
/* The heap of the run queue: it stays ordered and balanced, whatever is added and removed. */
#include "tests/unit/kernel/run_queue/run_queue_machine.h"

static void test_heap(void **state)
{
	static struct heap_node nodes[500];
	struct heap heap = {NULL};
	u64 count = 0;

	(void)state;
	for (u32 round = 0; round < 200000; round++) {
		struct heap_node *node = &nodes[random_below(ARRAY_COUNT(nodes))];
		u64 seen = 0;

		if (node->heap == NULL) {
			heap_insert(&heap, node, random_below(2000) - 1000);
			count++;
		} else if (random_below(3) == 0) {
			heap_raise(&heap, node, node->key + random_below(100));
		} else {
			heap_remove(random_below(3) == 0 ? heap.first : node);
			count--;
		}
		if (round % 97 != 0)
			continue;
		assert_int_equal(heap_check(&heap, heap.first), count);
		for (const struct heap_node *n = heap.first; n != NULL; n = heap_next(n))
			seen++;
		assert_int_equal(seen, count);
	}
	for (u64 last = heap.first->key; count != 0; count--) {
		struct heap_node *node = heap.first;

		assert_false(heap_tick_before(node->key, last));
		last = node->key;
		heap_remove(node);
		heap_remove(node);
	}
	assert_null(heap.first);
}

/* The right spine stays logarithmic for ascending, descending and random keys. */
static void test_heap_depth(void **state)
{
	static struct heap_node nodes[4096];

	(void)state;
	for (u32 order = 0; order < 3; order++) {
		struct heap heap = {NULL};

		for (u32 i = 0; i < ARRAY_COUNT(nodes); i++) {
			u64 depth = 0;

			heap_insert(&heap, &nodes[i],
				    order == 0	 ? i
				    : order == 1 ? 0ull - i
						 : random_below(1000));
			for (const struct heap_node *n = heap.first; n != NULL; n = n->right)
				depth++;
			assert_true(BIT(depth) <= i + 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_heap_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
