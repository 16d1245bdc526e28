/* SPDX-License-Identifier: MIT */
/*
 * Carries out the manager's commands to a store. Called by store.c. A command changes the metadata
 * in memory in one step, while the device has no request of its volumes, and is answered once the
 * disk has the changes.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool_load.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/driver/process.h"

void store_command_take(struct open_store *store)
{
	const struct store_command *given = &store->page->command;
	u64 number = __atomic_load_n(&given->number, __ATOMIC_ACQUIRE);

	if (store->commanded || number == 0 || number == store->last)
		return;
	store->command = *given;
	store->command.number = number;
	store->command.count = MIN(store->command.count, STORE_ITEM_MAX);
	for (u32 i = 0; i < STORE_ITEM_MAX; i++)
		store->command.item[i].name[STORE_NAME_BYTES - 1] = '\0';
	store->answer = (struct store_answer){.number = number};
	store->commanded = true;
	store->commanded_after = 0;
}

/* --- carrying a command out --- */

static bool store_is_free(const struct open_store *store, u64 volume)
{
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);

		if (clients[i].given.number != 0 && store_clients[i].volume == volume &&
		    store_open_at(store_clients[i].store) == store)
			return false;
	}
	return true;
}

/*
 * Returns STORE_OK if a volume can be dropped, or why it cannot. Copies the node of its record now,
 * so that the drop itself needs no free node.
 */
static enum store_status store_may_drop(struct open_store *store, u64 volume)
{
	if (!store_is_free(store, volume))
		return STORE_IN_USE;
	if (pool_find(&store->pool, volume) == NULL)
		return STORE_MISSING;
	return pool_change(&store->pool, volume) != NULL ? STORE_OK : STORE_NO_SPACE;
}

/*
 * Drops the volumes that the first `items` items of a command have made, since the command has
 * failed.
 */
static void store_take_back(struct open_store *store, u32 items)
{
	while (items-- > 0) {
		if (store->answer.volume[items] != 0)
			(void)pool_drop(&store->pool, store->answer.volume[items]);
		store->answer.volume[items] = 0;
	}
}

/*
 * Gives the volume item->volume the content of item->other, and the key in the item if there is
 * one.
 */
static enum store_status store_roll_back(struct open_store *store, const struct store_item *item)
{
	enum store_status status = pool_roll_back(&store->pool, item->volume, item->other);

	/*
	 * pool_may_roll_back has already copied the node that the rollback and the new key change
	 */
	if (status != STORE_OK || item->key.id == 0)
		return status;
	return pool_rekey(&store->pool, item->volume, &item->key);
}

static enum store_status store_do_item(struct open_store *store, const struct store_item *item,
				       u64 *id)
{
	u64 now_s = store->command.now_s;

	switch (store->command.operation) {
	case STORE_CREATE:
		return pool_add(&store->pool, item, item->volume,
				item->flags & (u32)STORE_VOLUME_READ_ONLY, now_s, id);
	case STORE_SNAPSHOT:
		return item->volume == 0 ? STORE_MISSING
					 : pool_add(&store->pool, item, item->volume,
						    STORE_VOLUME_READ_ONLY | STORE_VOLUME_SNAPSHOT,
						    now_s, id);
	case STORE_RESIZE:
		return pool_resize(&store->pool, item->volume, item->sectors);
	case STORE_RENAME:
		return pool_rename(&store->pool, item->volume, item->name, item->key.tag);
	case STORE_CHECK:
		store_check_begin(store);
		return STORE_OK;
	case STORE_TAKE: /* the store is this host's already */
		return STORE_OK;
	case STORE_SCRUB:
		store_scrub_begin(store);
		return STORE_OK;
	case STORE_DROP:
		return pool_drop(&store->pool, item->volume);
	case STORE_ROLLBACK:
		return store_roll_back(store, item);
	default:
		return STORE_BAD;
	}
}

static const char *store_status_words(enum store_status status)
{
	static const char *const words[STORE_STATUS_COUNT] = {
		[STORE_OK] = "",
		[STORE_BAD] = "the store knows no such command, size or name",
		[STORE_NOT_READY] = "the store is not ready, `store list` says why",
		[STORE_MISSING] = "there is no such volume any more",
		[STORE_EXISTS] = "a volume of that name exists; use another name",
		[STORE_IN_USE] = "a VM uses the volume; stop that VM first",
		[STORE_NO_SPACE] = "the store has too little space left; drop a volume first",
		[STORE_NO_ROOM] = "the store has as many volumes as it can; drop one first",
		[STORE_DISK_ERROR] = "the store's disk failed",
	};

	return words[status];
}

static void store_answer(struct open_store *store, enum store_status status)
{
	store->answer.status = status;
	string_copy(store->answer.text, sizeof(store->answer.text), store_status_words(status));
}

void store_command_settle(struct open_store *store, enum store_status status, const char *reason)
{
	store_answer(store, status);
	if (status != STORE_OK)
		string_copy(store->answer.text, sizeof(store->answer.text), reason);
	store->commanded_after = store->pool.dirty ? store->pool.now : store->pool.committed;
	store->commanded_after = MAX(store->commanded_after, 1);
}

/* Returns whether no item before this one names the same volume. */
static bool store_is_first_of(const struct store_command *command, u32 item)
{
	for (u32 i = 0; i < item; i++) {
		if (command->item[i].volume == command->item[item].volume)
			return false;
	}
	return true;
}

/*
 * Checks all items of a command in advance if it could not be undone after a failure halfway.
 * Returns STORE_OK, or why the item with index *at cannot be done.
 */
static enum store_status store_may_do_all(struct open_store *store, u32 *at)
{
	const struct store_command *command = &store->command;
	enum store_status status = STORE_OK;
	s64 more = 0;

	if (command->operation == STORE_RESIZE || command->operation == STORE_RENAME)
		return command->count == 1 ? STORE_OK : STORE_BAD;
	if (command->operation != STORE_ROLLBACK && command->operation != STORE_DROP)
		return STORE_OK;
	for (u32 i = 0; i < command->count && status == STORE_OK; i++) {
		const struct store_item *item = &command->item[i];

		*at = i;
		if (!store_is_first_of(command, i))
			status = STORE_BAD;
		else if (command->operation == STORE_ROLLBACK)
			status = pool_may_roll_back(&store->pool, item->volume, item->other, &more);
		else
			status = store_may_drop(store, item->volume);
	}
	return status;
}

static void store_do_all(struct open_store *store)
{
	u32 i = 0;
	enum store_status status = store_may_do_all(store, &i);

	i = status == STORE_OK ? 0 : i + 1;
	for (; i < store->command.count && status == STORE_OK; i++)
		status = store_do_item(store, &store->command.item[i], &store->answer.volume[i]);
	if (status != STORE_OK) {
		store->answer.item = i - 1;
		store_take_back(store, i);
	} else {
		store->pool.super.command = store->command.number;
	}
	store_answer(store, status);
	store->commanded_after = store->pool.dirty ? store->pool.now : store->pool.committed;
}

/* Answers with success a command that an earlier process of this driver has carried out. */
static void store_answer_again(struct open_store *store)
{
	const struct store_command *command = &store->command;

	store_answer(store, STORE_OK);
	if (command->operation != STORE_CREATE && command->operation != STORE_SNAPSHOT)
		return;
	for (u32 i = 0; i < command->count; i++) {
		const struct store_record *record =
			pool_find_name(&store->pool, command->item[i].name);

		store->answer.volume[i] = record != NULL ? record->id : 0;
	}
}

static bool store_has_clients(const struct open_store *store)
{
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);

		if (clients[i].given.number != 0 && store_clients[i].volume != 0 &&
		    store_open_at(store_clients[i].store) == store)
			return true;
	}
	return false;
}

/* Answers STORE_TAKE; store.c then loads the store anew. */
static void store_take_anew(struct open_store *store)
{
	if (store->state != STORE_HELD && store->state != STORE_LOST) {
		store_answer(store, STORE_NOT_READY);
	} else if (store_has_clients(store)) {
		store_answer(store, STORE_IN_USE);
		string_copy(
			store->answer.text, sizeof(store->answer.text),
			"VMs of this host still have volumes of the store; end these VMs first");
	} else {
		store_answer(store, STORE_OK);
		store->lease.retake = true;
	}
}

/*
 * Begins to give the store back; the command is answered once the superblock that gives it back is
 * committed. The command's number is not kept in the store: a driver that is started anew has taken
 * the store, and gives it back once more.
 */
static void store_release(struct open_store *store)
{
	store_lease_release(store);
	store_answer(store, STORE_OK);
	store->commanded_after = store->lease.releases ? store->pool.now : store->pool.committed;
}

/* Returns whether the command that was carried out has given the store back. */
static bool store_is_released(const struct open_store *store)
{
	return store->command.operation == STORE_RELEASE && store->lease.releases &&
	       store->state == STORE_HELD;
}

/* Begins to make an empty store on the disk, which exists once both superblocks are written. */
static void store_format(struct open_store *store)
{
	const struct store_item *item = &store->command.item[0];
	bool over = (item->flags & STORE_FORMAT_OVER) != 0;
	struct store_superblock super = {.magic = STORE_MAGIC, .version = STORE_VERSION};
	u32 chunk = item->sectors != 0 ? (u32)MIN(item->sectors, STORE_CHUNK_MOST)
				       : store_chunk_usual(store->given.sectors);
	struct store_lease lease;

	store->commanded_after = store->pool.committed;
	if (store_has_clients(store)) {
		store_answer(store, STORE_IN_USE);
		return;
	}
	if ((store->state == STORE_READY && store->pool.record_count != 0) ||
	    (store->state != STORE_EMPTY && !over) || store->state == STORE_LOADING) {
		store_answer(store, STORE_BAD);
		string_copy(store->answer.text, sizeof(store->answer.text),
			    store->state == STORE_READY && over
				    ? "the store has volumes; drop them first"
				    : "the disk holds a store; `overwrite` makes another");
		return;
	}
	if (store->state == STORE_HELD || store->state == STORE_LOST) {
		store_answer(store, STORE_BAD);
		string_copy(store->answer.text, sizeof(store->answer.text),
			    "another host holds the store; `store take` first");
		return;
	}
	super.flags = item->flags & (u32)STORE_OVERCOMMIT;
	super.next_id = 1;
	super.command = store->command.number;
	memcpy(super.id, &store->command.number, sizeof(store->command.number));
	if (chunk < STORE_CHUNK_LEAST || (chunk & (chunk - 1)) != 0 ||
	    !pool_lay_out(store->given.sectors, chunk, &super) ||
	    STORE_PAGE_BYTES + pool_bytes(super.blocks, super.chunks) > store->given.bytes) {
		store_answer(store, STORE_BAD);
		string_copy(store->answer.text, sizeof(store->answer.text),
			    "the disk is too small for a store, or the store's memory is");
		return;
	}
	if ((item->flags & STORE_FORMAT_COPIES) != 0)
		super.copies = pool_copies_for(&super);
	super.generation = store->state == STORE_READY ? store->pool.committed : 0;
	pool_open(&store->pool, &super, (u8 *)store->page + STORE_PAGE_BYTES);
	store->pool.dirty = true;
	store->opening = 2;
	store->state = STORE_READY;
	lease = (struct store_lease){.before = store->lease.seen, .makes = true, .over = over};
	store_forget(store);
	store->lease = lease;
	store_lease_claim(store);
	store->commanded_after = store->pool.now + 1;
	store_answer(store, STORE_OK);
}

bool store_is_busy(const struct open_store *store)
{
	for (u64 set = store_client_set; set != 0; set &= set - 1) {
		u32 i = bit_lowest(set);

		if (clients[i].given.number != 0 && clients[i].waiting != 0 &&
		    store_open_at(store_clients[i].store) == store &&
		    store_command_holds(store, store_clients[i].volume))
			return true;
	}
	return false;
}

bool store_command_holds(const struct open_store *store, u64 volume)
{
	if (!store->commanded || store->commanded_after != 0 || volume == 0)
		return false;
	if (store->command.operation == STORE_RELEASE)
		return true;
	for (u32 i = 0; i < store->command.count; i++) {
		if (store->command.item[i].volume == volume ||
		    store->command.item[i].other == volume)
			return true;
	}
	return false;
}

static void store_command_end(struct open_store *store)
{
	u64 number = store->answer.number;

	store->commanded = false;
	store->last = number;
	store_tell(store);
	/* the command's number, which makes the answer valid, is written last, below */
	store->answer.number = 0;
	store->page->answer = store->answer;
	__atomic_store_n(&store->page->answer.number, number, __ATOMIC_RELEASE);
	process_tell_manager();
}

bool store_command_starves(const struct open_store *store)
{
	return store->commanded && store->commanded_after == 0 && store->state == STORE_READY &&
	       store->command.operation != STORE_FORMAT && !pool_has_blocks(&store->pool) &&
	       pool_blocks_now(&store->pool) < store->pool.free_blocks;
}

bool store_command_step(struct open_store *store)
{
	if (!store->commanded)
		return false;
	if (store->commanded_after == 0) {
		if (store_is_busy(store) || store_command_starves(store))
			return false;
		if (store->state == STORE_READY &&
		    store->pool.super.command == store->command.number)
			store_answer_again(store);
		else if (store->command.operation == STORE_FORMAT)
			store_format(store);
		else if (store->state != STORE_READY && store->command.operation == STORE_TAKE)
			store_take_anew(store);
		else if (store->state != STORE_READY)
			store_answer(store, STORE_NOT_READY);
		else if (store->command.operation == STORE_RELEASE)
			store_release(store);
		else if (store->command.operation == STORE_GROW)
			store_grow_begin(store);
		else
			store_do_all(store);
		store->commanded_after = MAX(store->commanded_after, 1);
		return true;
	}
	if (store->state == STORE_READY && store->commanded_after > store->pool.committed)
		return false;
	if ((store->state == STORE_LOST || store->state == STORE_HELD) &&
	    store->command.operation != STORE_TAKE && !store_is_released(store) &&
	    store->answer.status == STORE_OK)
		store_answer(store, STORE_NOT_READY);
	if (store->state == STORE_FAILED &&
	    (store->answer.status == STORE_OK || store->answer.status == STORE_NOT_READY))
		store_answer(store, STORE_DISK_ERROR);
	store_command_end(store);
	return true;
}
