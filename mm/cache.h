/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"

struct quota;

/*
 * A cache of objects of one type. A slab is one page of one cache and one quota: groups share no
 * page, and when a group's objects are gone, so are all its pages.
 */
struct cache {
	u32 object_bytes;
	u32 slab_objects;
	u32 index; /* into quota->slabs */
};

/* For objects of up to 4,032 bytes, aligned to 64. */
void cache_init(struct cache *cache, size_t object_bytes);

/* A zeroed object, its page charged to the quota. STATUS_NO_QUOTA, STATUS_NO_MEMORY. */
enum status cache_alloc(struct cache *cache, struct quota *quota, void **object) MUST_CHECK;
void cache_free(struct cache *cache, void *object);

/*
 * For SYS_AUDIT: the object at or behind *place of the slab in a page, *place moved on, NULL behind
 * the last or where no slab is; its cache and quota.
 */
void *cache_walk(hpa_t page, u32 *place, const struct cache **cache, const struct quota **quota);
