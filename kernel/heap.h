/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A leftist heap of nodes embedded in what they order: smallest key first, nothing allocated, and
 * inserting and removing visit O(log n) nodes in the worst case, not just on average. Keys are
 * ticks that may wrap: those of one heap must lie within 2^63 of each other.
 */
struct heap_node {
	struct heap *heap; /* that it is in; NULL: none */
	struct heap_node *parent;
	struct heap_node *left;
	struct heap_node *right;
	u64 key;
	u64 rank; /* nodes on the way down the right side, the shortest way out */
};

struct heap {
	struct heap_node *first;
};

/* Whether tick a comes before tick b. */
static inline bool tick_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* The node must be in no heap. */
void heap_insert(struct heap *heap, struct heap_node *node, u64 key);
/* Harmless for a node that is in no heap. */
void heap_remove(struct heap_node *node);

/* Every node once, parents before children: start with heap->first; NULL after the last. */
struct heap_node *heap_next(const struct heap_node *node);
