/* SPDX-License-Identifier: MIT */
/*
 * Tells the manager about a store: of changes at once, and, counted in the background a few nodes
 * at a time, how many chunks each volume has alone or shares. Called by store.c; writes the
 * driver's part of the page that the manager shares with it for the store.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/driver/process.h"
#include "vmm/rt/clock.h"

#define COUNT_NODES 4u /* the most tree leaves that one step of counting looks at */
/* one step of counting skips at most this number of absent parts of volumes */
#define COUNT_SKIPS 64u
/* After a round through all volumes, counting rests for this number of times the round's length. */
#define COUNT_REST 19u

static void store_tell_begin(struct store_page *page)
{
	__atomic_store_n(&page->version, page->version | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void store_tell_end(struct store_page *page)
{
	__atomic_store_n(&page->version, (page->version | 1) + 1, __ATOMIC_RELEASE);
}

static void store_tell_volume(const struct open_store *store, u32 number)
{
	const struct store_record *record =
		store->state == STORE_READY ? pool_record(&store->pool, number) : NULL;
	struct store_volume *volume = &store->page->volume[number];

	if (record == NULL) {
		volume->id = 0;
		return;
	}
	if (volume->id != record->id)
		volume->own_bytes = volume->shared_bytes = 0;
	volume->id = record->id;
	volume->parent = record->parent;
	volume->sectors = record->sectors;
	volume->made_s = record->made_s;
	volume->flags = record->flags;
	memcpy(volume->name, record->name, sizeof(volume->name));
	volume->key = (struct store_key){.id = record->key_id, .tag = record->key_tag};
	memcpy(volume->key.name, record->key, sizeof(volume->key.name));
}

/*
 * Writes, for the manager, the volumes whose records lie in nodes that have changed since the last
 * time, or all volumes.
 */
static void store_tell_volumes(struct open_store *store)
{
	bool ready = store->state == STORE_READY;

	if (!ready)
		store->told_from = 0;
	for (u32 node = 0; node < STORE_RECORD_NODES; node++) {
		u32 block = ready ? store->pool.super.volumes[node] : 0;
		u32 first = node * STORE_RECORDS;

		if (store->told_from != 0 &&
		    (block == 0 || pool_node(&store->pool, block)->generation < store->told_from))
			continue;
		for (u32 i = first; i < MIN(first + STORE_RECORDS, STORE_VOLUME_MAX); i++)
			store_tell_volume(store, i);
	}
	store->told_from = ready ? store->pool.now : 0;
}

enum store_check_state store_told_check(bool under_way, bool ended)
{
	return under_way ? STORE_CHECK_UNDER_WAY : ended ? STORE_CHECK_ENDED : STORE_CHECK_NONE;
}

void store_tell(struct open_store *store)
{
	struct store_page *page = store->page;
	const struct pool *pool = &store->pool;
	u64 chunk_bytes = (u64)pool->super.chunk_sectors * BLOCK_SECTOR_BYTES;

	store_tell_begin(page);
	page->told = (struct store_told){.number = store->given.number, .state = store->state};
	string_copy(page->told.reason, sizeof(page->told.reason), store->reason);
	page->told.version = store->version;
	page->told.needs = store->needs;
	page->told.owner = store->owner;
	if (store->state == STORE_READY) {
		memcpy(page->told.id, pool->super.id, sizeof(page->told.id));
		page->told.flags = pool->super.flags;
		page->told.chunk_bytes = chunk_bytes;
		page->told.generation = pool->committed;
		page->told.bytes = pool->data_chunks * chunk_bytes;
		page->told.sectors = pool->super.sectors;
		page->told.free_bytes = pool->free_chunks * chunk_bytes;
		page->told.reserved_bytes = pool->reserved_chunks * chunk_bytes;
		page->told.metadata_blocks = pool->super.blocks;
		page->told.metadata_free = pool->free_blocks;
		page->told.volumes = pool->record_count;
		page->told.copied_chunks = pool->copied_chunks;
		page->told.check = store_told_check(store->check.under_way, store->check.ended);
		page->told.check_blocks = store->check.looked;
		page->told.check_faults = store->check.faults;
		page->told.check_mended = store->check.mended;
		page->told.check_first = store->check.first;
		store_scrub_tell(store, &page->told);
	}
	store_tell_volumes(store);
	store_tell_end(page);
	store->told = true;
	process_tell_manager();
}

/* --- counting the chunks that a volume has alone or shares --- */

/* Continues counting with the next volume, or ends the round through all volumes. */
static void store_count_next(struct open_store *store)
{
	struct store_count *count = &store->count;

	count->index = count->volume = 0;
	count->chunks = (struct pool_count){0};
	if (++count->number < STORE_VOLUME_MAX)
		return;
	count->under_way = false;
	count->last_root = 0; /* a tree of the next round may begin in the same block */
	count->not_before = store_rest_until(count->began, COUNT_REST);
	if (count->changed)
		process_tell_manager();
}

static void store_count_told(struct open_store *store)
{
	struct store_volume *volume = &store->page->volume[store->count.number];
	u64 chunk_bytes = (u64)store->pool.super.chunk_sectors * BLOCK_SECTOR_BYTES;
	u64 own_bytes = store->count.chunks.own * chunk_bytes;
	u64 shared_bytes = store->count.chunks.shared * chunk_bytes;

	if (volume->id != store->count.volume ||
	    (volume->own_bytes == own_bytes && volume->shared_bytes == shared_bytes))
		return;
	store_tell_begin(store->page);
	volume->own_bytes = own_bytes;
	volume->shared_bytes = shared_bytes;
	store_tell_end(store->page);
	store->count.changed = true;
}

static void store_count_begin(struct open_store *store)
{
	store->count = (struct store_count){
		.under_way = true, .began = clock_tsc(), .not_before = store->count.not_before};
}

u64 store_count_at(const struct open_store *store)
{
	bool due = store->state == STORE_READY && (store->count.due || store->count.under_way);

	return !due ? ~0ull : store->count.under_way ? 0 : store->count.not_before;
}

/*
 * Counts the next leaf of a volume's tree, or copies the last volume's count, if its tree was the
 * same. Returns true if it has looked at a leaf.
 */
static bool store_count_leaf(struct open_store *store, const struct store_record *record)
{
	struct store_count *count = &store->count;

	if (count->index == 0 && record->root != 0 && record->root == count->last_root &&
	    store->pool.block[record->root].uses > 1) {
		count->chunks = (struct pool_count){.shared = count->last.own + count->last.shared};
		count->index = pool_chunks_of(&store->pool, record->sectors);
		return false;
	}
	return pool_count_chunks(&store->pool, record, &count->index, &count->chunks);
}

void store_count_step(struct open_store *store)
{
	struct store_count *count = &store->count;
	u32 nodes = 0;

	if (store_count_at(store) > clock_tsc())
		return;
	if (!count->under_way)
		store_count_begin(store);
	for (u32 i = 0; i < COUNT_SKIPS && nodes < COUNT_NODES && count->under_way; i++) {
		const struct store_record *record = pool_record(&store->pool, count->number);

		if (count->index == 0 && record != NULL)
			count->volume = record->id;
		if (record == NULL || record->id != count->volume) {
			store_count_next(store);
			continue;
		}
		if (count->index < pool_chunks_of(&store->pool, record->sectors)) {
			nodes += store_count_leaf(store, record);
			continue;
		}
		count->last_root = record->root;
		count->last = count->chunks;
		store_count_told(store);
		store_count_next(store);
	}
}
