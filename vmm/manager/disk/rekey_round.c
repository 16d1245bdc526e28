/* SPDX-License-Identifier: MIT */
/*
 * Rekeys a volume to which a VM writes: copies one snapshot of it after another, each time only the
 * blocks changed since the one before, and the last one while the guest stands still. Called by
 * rekey.c, and by vm_rekey.c, which holds the guest. Shares `rekey` with rekey.c; gives the VM's
 * link the volume's new key, or its old one.
 */
#include "lib/string.h"
#include "vmm/manager/disk/disk_changes.h"
#include "vmm/manager/disk/rekey_state.h"
#include "vmm/rt/format.h"

/* The most rounds: a guest that has written too much in each of them makes the rekey fail. */
#define ROUNDS_MAX 12u

/* Returns whether the list of changes can be used; if not, ends the rekey. */
static bool rekey_list_is_whole(void)
{
	if (disk_changes_are_whole(rekey.link))
		return true;
	rekey_finish("not all changes to it are known; start its VM anew");
	return false;
}

void rekey_round_begin(void)
{
	if (!rekey_list_is_whole())
		return;
	disk_changes_begin(rekey.link, rekey.merge);
	rekey.merge = false;
	rekey_enter(REKEY_POINTING);
}

/*
 * Waits until the disk's driver lists changes anew. A write that the driver has in hand then is in
 * the list of before, and in the snapshot, for which the store waits until that write is done.
 */
static void rekey_step_pointing(void)
{
	if (!rekey_list_is_whole())
		return;
	if (disk_changes_begun(rekey.link))
		rekey_enter(REKEY_KEEPING);
	else if (rekey_is_late())
		rekey_finish("its disk's driver does not answer");
}

static void rekey_step_keeping(void)
{
	/* the copying process has the volume's key, and no other user gets a key for this name */
	struct store_item item = {.volume = rekey.volume.id,
				  .sectors = rekey.volume.sectors,
				  .key = rekey.volume.key};
	char problem[REKEY_PROBLEM_BYTES];

	string_copy(item.name, sizeof(item.name), rekey.kept);
	if (!rekey_ask(STORE_SNAPSHOT, &item, 1, problem, sizeof(problem))) {
		if (rekey_is_late())
			rekey_finish("the driver of its store does not answer");
	} else if (problem[0] != '\0') {
		rekey_finish(problem);
	} else {
		rekey_copy();
	}
}

void rekey_round_copied(const struct content *content)
{
	rekey.moved = content->moved;
	rekey.merge = content->too_much;
	if (content->phase != CONTENT_HOLDING && !content->too_much) {
		rekey_finish(content->problem);
	} else if (rekey.held && !content->too_much) {
		rekey_enter(REKEY_TAKING);
	} else {
		rekey.held = false;
		rekey_enter(REKEY_CLEARING);
	}
}

static void rekey_next_round(void)
{
	if (!rekey.merge && rekey.moved <= REKEY_HELD_BYTES) {
		rekey_enter(REKEY_STANDING);
	} else if (rekey.round >= ROUNDS_MAX) {
		rekey_finish(
			"its guest writes faster than it is copied; let it write less, or pause "
			"it, and give the command again");
	} else {
		rekey.round++;
		rekey_round_begin();
	}
}

static void rekey_step_clearing(void)
{
	char problem[REKEY_PROBLEM_BYTES] = "";
	struct store_item items[2];
	u32 count = 0;

	content_let_go(rekey.content);
	if (rekey_is_late()) {
		rekey_finish("what a round has copied cannot be dropped");
		return;
	}
	if (rekey.work.asked == 0 && !rekey_unused(false, items, &count))
		return; /* the disk's driver is still detaching the links */
	if ((rekey.work.asked != 0 || count != 0) &&
	    !rekey_ask(STORE_DROP, items, count, problem, sizeof(problem)))
		return;
	if (problem[0] == '\0')
		rekey_next_round();
	else
		rekey_finish(problem);
}

static void rekey_set_key(const struct store_key *key)
{
	rekey.link->key_id = key->id;
	string_copy(rekey.link->key, sizeof(rekey.link->key), key->name);
}

void rekey_round_taken(void)
{
	if (rekey.link == NULL) {
		rekey_finish("");
		return;
	}
	rekey_set_key(&rekey.made.key);
	rekey_enter(rekey.back ? REKEY_RETURNING : REKEY_TAKEN);
}

/*
 * Waits, without a deadline as for the exchange, until the volume has its content from the moment
 * when the guest was held: the snapshot of the last round.
 */
static void rekey_step_returning(void)
{
	char problem[REKEY_PROBLEM_BYTES];

	if (!rekey_exchange(rekey.kept, &rekey.volume.key, problem, sizeof(problem)))
		return;
	if (problem[0] != '\0') {
		rekey_lose(problem);
		return;
	}
	if (rekey.link != NULL)
		rekey_set_key(&rekey.volume.key);
	rekey_finish(rekey.why);
}

void rekey_round_step(void)
{
	switch (rekey.phase) {
	case REKEY_POINTING:
		rekey_step_pointing();
		break;
	case REKEY_KEEPING:
		rekey_step_keeping();
		break;
	case REKEY_CLEARING:
		rekey_step_clearing();
		break;
	case REKEY_STANDING:
		if (rekey_is_late())
			rekey_finish("its VM is busy with something else; give the command again");
		break;
	case REKEY_RETURNING:
		rekey_step_returning();
		break;
	default:
		break;
	}
}

/* --- the VM --- */

bool rekey_uses(const struct driver_link *link)
{
	return rekey.phase != REKEY_NONE && link != NULL && rekey.link == link;
}

bool rekey_takes(const struct store *store, u64 volume)
{
	return rekey_is_of(store, volume) && rekey.live &&
	       (rekey.phase == REKEY_TAKING || rekey.phase == REKEY_RETURNING);
}

enum rekey_stage rekey_stage(const struct driver_link *link)
{
	if (rekey.link != link)
		return REKEY_STAGE_ENDED;
	if (rekey.lost)
		return REKEY_STAGE_LOST;
	switch (rekey.phase) {
	case REKEY_NONE:
	case REKEY_DROPPING:
		return REKEY_STAGE_ENDED;
	case REKEY_STANDING:
		return REKEY_STAGE_STAND;
	case REKEY_TAKEN:
		return REKEY_STAGE_TAKEN;
	default:
		return rekey.held ? REKEY_STAGE_WORKS : REKEY_STAGE_COPIES;
	}
}

void rekey_stands(void)
{
	if (rekey.phase != REKEY_STANDING)
		return;
	rekey.held = true;
	rekey.round++;
	rekey_round_begin();
}

void rekey_is_taken(void)
{
	if (rekey.phase == REKEY_TAKEN)
		rekey_finish("");
}

void rekey_goes_back(const char *why)
{
	string_copy(rekey.why, sizeof(rekey.why), why);
	if (rekey.phase == REKEY_TAKING)
		rekey.back = true;
	else if (rekey.phase == REKEY_TAKEN)
		rekey_enter(REKEY_RETURNING);
	else if (rekey.held || rekey.phase == REKEY_STANDING)
		rekey_finish(why);
}

void rekey_abandon(const struct driver_link *link, const char *why)
{
	if (!rekey_uses(link))
		return;
	rekey.link = NULL;
	switch (rekey.phase) {
	case REKEY_TAKING:
	case REKEY_RETURNING:
	case REKEY_DROPPING:
		break; /* the store's answer says which key the volume has */
	case REKEY_TAKEN:
		rekey_finish("");
		break;
	default:
		rekey_finish(why);
		break;
	}
}
