/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "mm/object.h"

struct quota;

/*
 * The slab allocator hands out zeroed pieces smaller than a page. A slab is one page of pieces of
 * one kind that one quota pays for: two groups never share a page, and once a group's objects are
 * gone, so are all its slabs.
 *
 * A kind is an enum object_type for kernel objects, or one of these for other pieces.
 */
enum cache_kind {
	CACHE_MAPPING = OBJECT_TYPE_COUNT, /* pieces of struct mapping */
	CACHE_RUN_QUEUE,
	CACHE_KIND_COUNT
};

/* Sets up the kernel's own slab lists; boot calls it before any other function of this header. */
void cache_init(void);

/*
 * Returns a zeroed piece of up to 4,032 bytes in *piece, aligned to 64 bytes; all pieces of a kind
 * have the same size. The slab's page is charged to `quota`. Fails with STATUS_NO_QUOTA,
 * STATUS_NO_MEMORY or STATUS_AGAIN (pages of the quota are still being freed).
 */
enum status cache_alloc(struct quota *quota, unsigned int kind, size_t bytes,
			void **piece) MUST_CHECK;
/*
 * Does what cache_alloc does, for a kernel object, which begins with a struct object, and gives it
 * one reference, the caller's.
 */
enum status cache_alloc_object(struct quota *quota, enum object_type type, size_t bytes,
			       void **object) MUST_CHECK;
/* Frees a piece, and its slab's page if no piece of the slab is in use any more. */
void cache_free(void *piece);
/* Returns the quota that cache_alloc was given for the piece. */
struct quota *cache_quota(const void *piece);

/*
 * A position in a walk over all pieces in use. It starts as {0}; `kind` and `quota` are those of
 * the piece that was found last.
 */
struct cache_cursor {
	u64 frame;
	u32 place;
	u32 kind;
	const struct quota *quota;
};
/*
 * Returns the next piece in use of the slab that is `page`; NULL after the last one, or if the page
 * is no slab.
 */
void *cache_walk(hpa_t page, struct cache_cursor *cursor);
/* Returns the next piece in use of any slab of the host; NULL after the last one. */
void *cache_walk_all(struct cache_cursor *cursor);
