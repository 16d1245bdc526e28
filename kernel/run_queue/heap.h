/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A node of a leftist heap, embedded in a structure that the heap orders: smallest key first, no
 * allocations, and insertion and removal visit O(log n) nodes in the worst case, not just on
 * average. Keys are ticks that may wrap: the keys in one heap must lie within 2^63 of each other.
 */
struct heap_node {
	struct heap *heap; /* the heap that contains the node; NULL: none */
	struct heap_node *parent;
	struct heap_node *left;
	struct heap_node *right;
	u64 key;
	u64 rank; /* number of nodes on the right spine from here, the shortest way down */
};

struct heap {
	struct heap_node *first;
};

/* Returns true if tick a comes before tick b. */
static inline bool heap_tick_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* Inserts a node, which must be in no heap. */
void heap_insert(struct heap *heap, struct heap_node *node, u64 key);
/* Removes a node from its heap; has no effect on a node that is in none. */
void heap_remove(struct heap_node *node);

/* Gives a node that is in the heap a later key. */
void heap_raise(struct heap *heap, struct heap_node *node, u64 key);

/*
 * Returns the node of the heap after this one in a walk that visits every node once, parents before
 * children. The walk starts with heap->first; NULL after the last.
 */
struct heap_node *heap_next(const struct heap_node *node);
