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

/* Says which report changes from now on, by its offset in the page; 0: none. */
static void store_tell_turn(struct store_page *page, u64 offset)
{
	u64 count = (page->turn >> 32) + 1;

	__atomic_store_n(&page->turn, count << 32 | offset, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Ends the change that the store's last process has left halfway, if it has. */
static void store_tell_finish(struct store_page *page)
{
	u32 offset = (u32)page->turn;
	u32 first = offsetof(struct store_page, volume);
	u32 bytes = sizeof(page->volume[0]);

	if (offset == 0)
		return;
	if (offset == offsetof(struct store_page, told))
		memcpy(&page->told, page->fresh, sizeof(page->told));
	else if (offset >= first && offset < sizeof(*page) && (offset - first) % bytes == 0)
		memcpy(&page->volume[(offset - first) / bytes], page->fresh, bytes);
	store_tell_turn(page, 0);
}

/* Changes one of the page's reports, in such a way that the manager can read it at any moment. */
static void store_tell_report(struct store_page *page, void *report, const void *fresh, u64 bytes)
{
	if (memcmp(report, fresh, bytes) == 0)
		return;
	memcpy(page->fresh, fresh, bytes);
	store_tell_turn(page, (u64)((u8 *)report - (u8 *)page));
	memcpy(report, fresh, bytes);
	store_tell_turn(page, 0);
}

static void store_tell_volume(const struct open_store *store, u32 number)
{
	const struct store_record *record =
		store->state == STORE_READY ? pool_record(&store->pool, number) : NULL;
	struct store_volume *told = &store->page->volume[number];
	struct store_volume volume = {.id = 0};

	if (record != NULL) {
		volume.id = record->id;
		volume.parent = record->parent;
		volume.sectors = record->sectors;
		volume.made_s = record->made_s;
		volume.flags = record->flags;
		memcpy(volume.name, record->name, sizeof(volume.name));
		volume.key = (struct store_key){.id = record->key_id, .tag = record->key_tag};
		memcpy(volume.key.name, record->key, sizeof(volume.key.name));
	}
	if (record != NULL && told->id == record->id) {
		volume.own_bytes = told->own_bytes;
		volume.shared_bytes = told->shared_bytes;
	}
	store_tell_report(store->page, told, &volume, sizeof(volume));
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
	struct store_told told = {.number = store->given.number, .state = store->state};
	u64 chunk_bytes = (u64)pool->super.chunk_sectors * BLOCK_SECTOR_BYTES;

	store_tell_finish(page);
	string_copy(told.reason, sizeof(told.reason), store->reason);
	told.version = store->version;
	told.needs = store->needs;
	told.owner = store->owner;
	if (store->state == STORE_READY) {
		memcpy(told.id, pool->super.id, sizeof(told.id));
		told.flags = pool->super.flags;
		told.chunk_bytes = chunk_bytes;
		told.generation = pool->committed;
		told.bytes = pool->data_chunks * chunk_bytes;
		told.sectors = pool->super.sectors;
		told.free_bytes = pool->free_chunks * chunk_bytes;
		told.reserved_bytes = pool->reserved_chunks * chunk_bytes;
		told.metadata_blocks = pool->super.blocks;
		told.metadata_free = pool->free_blocks;
		told.volumes = pool->record_count;
		told.copied_chunks = pool->copied_chunks;
		told.check = store_told_check(store->check.under_way, store->check.ended);
		told.check_blocks = store->check.looked;
		told.check_faults = store->check.faults;
		told.check_mended = store->check.mended;
		told.check_first = store->check.first;
		store_scrub_tell(store, &told);
	}
	store_tell_report(page, &page->told, &told, sizeof(told));
	store_tell_volumes(store);
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
	struct store_volume *told = &store->page->volume[store->count.number];
	struct store_volume volume = *told;
	u64 chunk_bytes = (u64)store->pool.super.chunk_sectors * BLOCK_SECTOR_BYTES;

	volume.own_bytes = store->count.chunks.own * chunk_bytes;
	volume.shared_bytes = store->count.chunks.shared * chunk_bytes;
	if (volume.id != store->count.volume ||
	    (volume.own_bytes == told->own_bytes && volume.shared_bytes == told->shared_bytes))
		return;
	store_tell_report(store->page, told, &volume, sizeof(volume));
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
