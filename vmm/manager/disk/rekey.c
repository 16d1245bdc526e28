/* SPDX-License-Identifier: MIT */
/*
 * Gives an encrypted volume another key: makes a volume with a name of the manager's own, has a
 * process of content.c write it by the new key, and has the store's driver exchange the two. Called
 * by `volume rekey`, vm_rekey.c, vm_volume_sweep.c and the event loop. Owns the one rekey and the
 * volumes made for it; rekey_round.c has the rounds of a volume that a VM uses meanwhile.
 */
#include "vmm/manager/disk/rekey_state.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/store_key.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"

struct rekey_state rekey;

void rekey_enter(enum rekey_phase phase)
{
	rekey.phase = phase;
	store_work_begin(&rekey.work);
}

bool rekey_is_late(void)
{
	return store_work_is_late(&rekey.work);
}

/*
 * Ends the copying, and drops the volumes made for it. `problem` is "" if the rekey is done, and
 * `state` is then unused; otherwise `state` says which key the volume has.
 */
static void rekey_end(const char *state, const char *problem)
{
	char *kept = rekey.problem[rekey.number % REKEY_ENDED_MAX];
	bool done = problem[0] == '\0';

	format(kept, REKEY_PROBLEM_BYTES, "%s%s", done ? "" : state, problem);
	content_let_go(rekey.content);
	rekey.held = false;
	log_message(done ? LOG_INFO : LOG_WARNING, LOG_DEVICE, "", "volume %s/%s: %s",
		    rekey.store->config->section.name, rekey.volume.name,
		    done ? "it has another key" : kept);
	rekey_enter(REKEY_DROPPING);
}

void rekey_finish(const char *problem)
{
	rekey_end("it keeps its key: ", problem);
}

void rekey_lose(const char *problem)
{
	rekey.lost = rekey.live;
	rekey_end("it has its key or the new one, so keep both; `volume list` says which once its "
		  "store is ready again: ",
		  problem);
}

u32 rekey_begin(struct store *store, const struct store_volume *volume, struct driver_link *link,
		const char *key, char *problem, size_t size)
{
	u32 chance;

	if (rekey.phase != REKEY_NONE) {
		format(problem, size, "%s/%s gets another key now, and only one can at a time",
		       rekey.store->config->section.name, rekey.volume.name);
		return 0;
	}
	rekey.made = (struct store_item){.sectors = volume->sectors};
	string_copy(rekey.made.name, sizeof(rekey.made.name), volume->name);
	if (!store_key_check(store, volume, problem, size) ||
	    !store_key_new(store, key, &rekey.made, problem, size))
		return 0;
	random_draw(&chance, sizeof(chance));
	format(rekey.made.name, sizeof(rekey.made.name), "%crekey-%08x", STORE_OWN_NAME, chance);
	format(rekey.kept, sizeof(rekey.kept), "%crekey-%08x-old", STORE_OWN_NAME, chance);
	rekey.store = store;
	rekey.volume = *volume;
	rekey.content = 0;
	rekey.problem[++rekey.number % REKEY_ENDED_MAX][0] = '\0';
	rekey.live = link != NULL;
	rekey.link = link;
	rekey.round = 1;
	rekey.moved = 0;
	rekey.held = rekey.merge = rekey.back = rekey.lost = false;
	rekey.left = true;
	rekey_enter(REKEY_MAKING);
	return rekey.number;
}

bool rekey_ended(u32 number, char *problem, size_t size)
{
	if (rekey.phase != REKEY_NONE && rekey.number == number)
		return false;
	string_copy(problem, size,
		    rekey.number - number < REKEY_ENDED_MAX
			    ? rekey.problem[number % REKEY_ENDED_MAX]
			    : "which key it has was lost; see the log");
	return true;
}

bool rekey_needs(const char *name)
{
	return rekey.phase != REKEY_NONE &&
	       (string_equal(rekey.made.name, name) || string_equal(rekey.kept, name));
}

bool rekey_left(void)
{
	bool left = rekey.phase == REKEY_NONE && rekey.left;

	if (left)
		rekey.left = false;
	return left;
}

bool rekey_is_of(const struct store *store, u64 volume)
{
	return rekey.phase != REKEY_NONE && rekey.store == store && rekey.volume.id == volume;
}

/* --- the steps --- */

/*
 * Returns whether the volume is unchanged since the rekey began: commands that its store was still
 * carrying out then may have changed its size, or its name, to which the new key's tag is bound.
 */
static bool rekey_is_as_it_was(void)
{
	const struct store_volume *was = &rekey.volume;
	struct store_volume now;

	return store_volume_find(rekey.store, was->name, &now) && now.id == was->id &&
	       now.sectors == was->sectors && now.flags == was->flags &&
	       now.key.id == was->key.id && now.key.tag == was->key.tag;
}

/*
 * Returns whether the named key still makes the tag that the volume will have: another may have
 * been typed under its name, or the typed one forgotten while the boot module has another.
 */
static bool rekey_has_its_key(char *problem, size_t size)
{
	struct store_volume volume = rekey.volume;

	volume.key = rekey.made.key;
	return store_key_check(rekey.store, &volume, problem, size);
}

bool rekey_ask(enum store_operation operation, const struct store_item *items, u32 count,
	       char *problem, size_t size)
{
	return store_work_step(rekey.store, &rekey.work, operation, items, count, problem, size);
}

bool rekey_exchange(const char *name, const struct store_key *key, char *problem, size_t size)
{
	struct store_item item = {.volume = rekey.volume.id, .key = *key};
	struct store_volume other;

	if (rekey.work.asked == 0) {
		if (!store_volume_find(rekey.store, name, &other))
			return false; /* the store is being loaded by its driver */
		item.other = other.id;
	}
	return rekey_ask(STORE_ROLLBACK, &item, 1, problem, size);
}

/*
 * Finds the source of the copy: the volume, or the snapshot that this round has taken of it, which
 * is encrypted by the volume's key.
 */
static bool rekey_find_source(struct store_volume *from)
{
	*from = rekey.volume;
	if (!rekey.live)
		return true;
	if (!store_volume_find(rekey.store, rekey.kept, from))
		return false;
	from->key = rekey.volume.key;
	return true;
}

void rekey_copy(void)
{
	struct store_volume from;
	struct store_volume to;
	struct content_wish wish = {
		.operation = CONTENT_REKEY,
		.store = rekey.store,
		.volume = &from,
		.to = &to,
		.bytes = rekey.volume.sectors * BLOCK_SECTOR_BYTES,
		.changed = rekey.round > 1 ? rekey.link : NULL,
		.most = rekey.held ? REKEY_HELD_BYTES : 0,
	};
	const struct content *content;
	char problem[REKEY_PROBLEM_BYTES];

	if (!store_is_idle(rekey.store))
		return;
	if (!rekey_is_as_it_was()) {
		rekey_finish("it was changed meanwhile");
		return;
	}
	if (!rekey_find_source(&from) || !store_volume_find(rekey.store, rekey.made.name, &to)) {
		rekey_finish("its store has lost the volumes that were made for it");
		return;
	}
	if (!rekey_has_its_key(problem, sizeof(problem))) {
		rekey_finish(problem);
		return;
	}
	to.key = rekey.made.key;
	content = content_begin(&wish, problem, sizeof(problem));
	if (content == NULL) {
		rekey_finish(problem);
		return;
	}
	rekey.content = content->number;
	rekey_enter(REKEY_COPYING);
}

static void rekey_step_making(void)
{
	char problem[REKEY_PROBLEM_BYTES];

	if (rekey_ask(STORE_CREATE, &rekey.made, 1, problem, sizeof(problem))) {
		if (problem[0] != '\0')
			rekey_finish(problem);
		else if (rekey.live)
			rekey_round_begin();
		else
			rekey_copy();
	} else if (rekey_is_late()) {
		rekey_finish("the driver of its store does not answer");
	}
}

static void rekey_step_copying(void)
{
	const struct content *content = content_find(rekey.content);

	if (content == NULL)
		rekey_finish("the process that copies was lost");
	else if (content->phase != CONTENT_MOVING && rekey.live)
		rekey_round_copied(content);
	else if (content->phase == CONTENT_HOLDING)
		rekey_enter(REKEY_TAKING);
	else if (content->phase != CONTENT_MOVING)
		rekey_finish(content->problem);
}

/*
 * Waits for the store's driver to exchange content and key, without a deadline: any use of the
 * volume before the answer might use the wrong key.
 */
static void rekey_step_taking(void)
{
	char problem[REKEY_PROBLEM_BYTES];

	if (!rekey_exchange(rekey.made.name, &rekey.made.key, problem, sizeof(problem)))
		return;
	/* after a disk error it is unknown whether the exchange was written */
	if (rekey.work.status == STORE_DISK_ERROR)
		rekey_lose(problem);
	else if (problem[0] == '\0' && rekey.live)
		rekey_round_taken();
	else
		rekey_finish(problem);
}

/* Enters the volume of that name in `items`, if it exists; returns whether it has no users. */
static bool rekey_is_unused(const char *name, struct store_item *items, u32 *count)
{
	struct store_volume volume;
	char users[2];

	if (!store_volume_find(rekey.store, name, &volume))
		return true;
	/* a process that could not be made had a link already */
	store_users(rekey.store, volume.id, users, sizeof(users));
	items[(*count)++] = (struct store_item){.volume = volume.id};
	return users[0] == '\0';
}

bool rekey_unused(bool all, struct store_item *items, u32 *count)
{
	const struct content *content = content_find(rekey.content);
	bool unused = content == NULL || content->phase == CONTENT_NONE;

	*count = 0;
	unused &= rekey_is_unused(rekey.kept, items, count);
	return all ? rekey_is_unused(rekey.made.name, items, count) && unused : unused;
}

/* Drops the volumes made for the rekey; if that fails, vm_volume_sweep.c does it later. */
static void rekey_step_dropping(void)
{
	struct store_item items[2];
	char problem[REKEY_PROBLEM_BYTES];
	bool late = rekey_is_late();
	u32 count = 0;

	if (rekey.work.asked == 0) {
		if (!rekey_unused(true, items, &count) && !late)
			return; /* the disk's driver is still detaching the links */
		if (count == 0) {
			rekey.phase = REKEY_NONE;
			return;
		}
	}
	if (rekey_ask(STORE_DROP, items, count, problem, sizeof(problem)) || late)
		rekey.phase = REKEY_NONE;
}

bool rekey_step(void)
{
	const enum rekey_phase phase = rekey.phase;

	switch (phase) {
	case REKEY_NONE:
		break;
	case REKEY_MAKING:
		rekey_step_making();
		break;
	case REKEY_COPYING:
		rekey_step_copying();
		break;
	case REKEY_TAKING:
		rekey_step_taking();
		break;
	case REKEY_DROPPING:
		rekey_step_dropping();
		break;
	default:
		rekey_round_step();
		break;
	}
	return rekey.phase != phase;
}

u64 rekey_deadline(void)
{
	if (rekey.phase == REKEY_NONE || rekey.phase == REKEY_COPYING)
		return ~0ull;
	return store_work_look_tsc();
}

/* --- the operator --- */

bool rekey_cancel(char *problem, size_t size)
{
	if (rekey.phase == REKEY_NONE || rekey.phase == REKEY_DROPPING) {
		format(problem, size, "%s does not get another key now", rekey.volume.name);
		return false;
	}
	if (rekey.held || rekey.phase == REKEY_TAKING) {
		format(problem, size, "%s has as good as its new key; wait a moment",
		       rekey.volume.name);
		return false;
	}
	rekey_finish("it was cancelled");
	return true;
}

static const char *rekey_state_name(void)
{
	switch (rekey.phase) {
	case REKEY_NONE:
	case REKEY_DROPPING:
		return rekey.problem[rekey.number % REKEY_ENDED_MAX][0] == '\0' ? "done" : "failed";
	case REKEY_MAKING:
		return "makes";
	case REKEY_TAKING:
	case REKEY_TAKEN:
	case REKEY_RETURNING:
		return "takes";
	default:
		return rekey.held ? "stands" : "copies";
	}
}

struct rekey_progress rekey_progress(void)
{
	const struct content *content = content_find(rekey.content);
	bool copies = rekey.phase == REKEY_COPYING && content != NULL;

	if (rekey.number == 0)
		return (struct rekey_progress){.number = 0};
	return (struct rekey_progress){
		.number = rekey.number,
		.store = rekey.store->config->section.name,
		.volume = rekey.volume.name,
		.key = rekey.made.key.name,
		.state = rekey_state_name(),
		.round = rekey.round,
		.copied_bytes = copies ? content_moved(content) : rekey.moved,
		.all_bytes = rekey.volume.sectors * BLOCK_SECTOR_BYTES,
		.problem = rekey.problem[rekey.number % REKEY_ENDED_MAX],
	};
}
