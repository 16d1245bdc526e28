/* SPDX-License-Identifier: MIT */
/*
 * A leftist heap for the scheduler's queues, which orders nodes embedded in their owners'
 * structures. Only kernel/run_queue/run_queue.c calls it, under the lock of the CPU whose queue
 * holds the heap. It allocates nothing and touches only the nodes of one heap.
 */
#include "kernel/run_queue/heap.h"

static u64 heap_rank(const struct heap_node *node)
{
	return node == NULL ? 0 : node->rank;
}

/*
 * Puts the node's child of lower rank to the right. Returns true if the node's own rank has
 * changed.
 */
static bool heap_balance(struct heap_node *node)
{
	u64 old = node->rank;

	if (heap_rank(node->left) < heap_rank(node->right)) {
		struct heap_node *left = node->left;

		node->left = node->right;
		node->right = left;
	}
	node->rank = heap_rank(node->right) + 1;
	return node->rank != old;
}

/*
 * Merges two heaps and returns the first node of the result. Recurses along both right spines: in a
 * heap of n nodes the right spine has at most log2(n + 1) nodes.
 */
static struct heap_node *heap_merge(struct heap_node *a, struct heap_node *b)
{
	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (heap_tick_before(b->key, a->key)) {
		struct heap_node *first = b;

		b = a;
		a = first;
	}
	a->right = heap_merge(a->right, b);
	a->right->parent = a;
	heap_balance(a);
	return a;
}

void heap_insert(struct heap *heap, struct heap_node *node, u64 key)
{
	node->heap = heap;
	node->left = node->right = NULL;
	node->key = key;
	node->rank = 1;
	heap->first = heap->first == NULL ? node : heap_merge(heap->first, node);
	heap->first->parent = NULL;
}

void heap_remove(struct heap_node *node)
{
	struct heap_node *parent = node->parent;
	struct heap_node *rest;

	if (node->heap == NULL)
		return;
	rest = node->right == NULL ? node->left : heap_merge(node->left, node->right);
	if (rest != NULL)
		rest->parent = parent;
	if (parent == NULL)
		node->heap->first = rest;
	else if (parent->left == node)
		parent->left = rest;
	else
		parent->right = rest;
	/* Ranks on this path rise by one per level and are at most log2(n + 1): O(log n) steps. */
	while (parent != NULL && heap_balance(parent))
		parent = parent->parent;
	node->heap = NULL;
}

void heap_raise(struct heap *heap, struct heap_node *node, u64 key)
{
	node->key = key;
	if ((node->left == NULL || !heap_tick_before(node->left->key, key)) &&
	    (node->right == NULL || !heap_tick_before(node->right->key, key)))
		return;
	heap_remove(node);
	heap_insert(heap, node, key);
}

struct heap_node *heap_next(const struct heap_node *node)
{
	/* A node without a left child has no right child either. */
	if (node->left != NULL)
		return node->left;
	for (; node->parent != NULL; node = node->parent) {
		if (node == node->parent->left && node->parent->right != NULL)
			return node->parent->right;
	}
	return NULL;
}
