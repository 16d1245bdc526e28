/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A leftist heap of nodes embedded in what it orders: smallest key first, no allocations, and
 * insertion and removal visit O(log n) nodes in the worst case, not just on average. Keys are ticks
 * that may wrap: those in one heap must lie within 2^63 of each other.
 */
struct heap_node {
	struct heap *heap; /* the heap it is in; NULL: none */
	struct heap_node *parent;
	struct heap_node *left;
	struct heap_node *right;
	u64 key;
	u64 rank; /* nodes on the right spine, the shortest way down and out */
};

struct heap {
	struct heap_node *first;
};

/* Whether tick a comes before tick b. */
static inline bool heap_tick_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* The node must be in no heap. */
void heap_insert(struct heap *heap, struct heap_node *node, u64 key);
/* Harmless for a node that is in no heap. */
void heap_remove(struct heap_node *node);

/* Gives a node that is in the heap a later key. */
void heap_raise(struct heap *heap, struct heap_node *node, u64 key);

/* Visits every node once, parents before children: start with heap->first; NULL after the last. */
struct heap_node *heap_next(const struct heap_node *node);
