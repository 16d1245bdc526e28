/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "mm/object.h"

struct quota;

/*
 * Slab allocator, for what is smaller than a page. A slab is one page of pieces of one kind and one
 * quota: groups share no page, and once a group's objects are gone, so are all its pages.
 */
enum cache_kind {
	/* an enum object_type, or one of these, which are not objects: */
	CACHE_MAPPING = OBJECT_TYPE_COUNT, /* struct mapping */
	CACHE_RUN_QUEUE,
	CACHE_KIND_COUNT
};

/* Must be called before all else here. */
void cache_init(void);

/*
 * A zeroed piece of up to 4,032 bytes, aligned to 64, its page charged to the quota; all pieces of
 * a kind have the same size. STATUS_NO_QUOTA, STATUS_NO_MEMORY.
 */
enum status cache_alloc(struct quota *quota, unsigned int kind, size_t bytes,
			void **piece) MUST_CHECK;
/* The same for an object, which begins with a struct object: one reference, the caller's. */
enum status cache_alloc_object(struct quota *quota, enum object_type type, size_t bytes,
			       void **object) MUST_CHECK;
void cache_free(void *piece);
/* The quota that it was allocated with. */
struct quota *cache_quota(const void *piece);

/* Starts as {0}; afterwards gives the kind and the quota of the piece found last. */
struct cache_cursor {
	u64 frame;
	u32 place;
	u32 kind;
	const struct quota *quota;
};
/* The next piece in use of the slab in a page; NULL after the last or if it is not a slab. */
void *cache_walk(hpa_t page, struct cache_cursor *cursor);
/* The next piece in use of any slab. */
void *cache_walk_all(struct cache_cursor *cursor);
