/* SPDX-License-Identifier: MIT */
/*
 * Gives an encrypted volume another key: makes a volume with a name of the manager's own, has a
 * process of content.c write it by the new key, and has the store's driver exchange the two. Called
 * by `volume rekey`, vm_volume_sweep.c and the event loop. Owns the one rekey and its new volume.
 */
#include "vmm/manager/disk/rekey.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/disk/content.h"
#include "vmm/manager/disk/store_key.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The time limit of the store's commands that a rekey can give up. */
#define ASK_NS (60 * NS_PER_S)
/* The interval at which the manager looks whether the store can take a command. */
#define LOOK_NS (10 * NS_PER_MS)

#define PROBLEM_BYTES 224u
#define ENDED_MAX     8u /* number of the last rekeys whose outcome is kept for those who asked */

enum rekey_phase {
	REKEY_NONE,
	REKEY_MAKING,  /* the store's driver makes the new volume */
	REKEY_COPYING, /* a process copies the content to the new volume */
	/* the store's driver gives the new volume's content and key to the old one */
	REKEY_TAKING,
	REKEY_DROPPING,
};

static struct {
	enum rekey_phase phase;
	u32 number; /* number of the last rekey, from 1 on; 0: there was none */
	struct store *store;
	struct store_volume volume;
	struct store_item made; /* the new volume, and the key for the old one's name */
	/* number of the command that the store's driver was given; 0: none yet */
	u64 asked;
	u32 status;    /* enum store_status of the store's last answer */
	u64 until_tsc; /* the TSC at which MAKING or DROPPING is given up */
	u32 content;   /* number of the movement (content.c) that copies */
	/* why the last rekeys have failed, by their numbers; "": they have not */
	char problem[ENDED_MAX][PROBLEM_BYTES];
	bool left; /* a new volume may be left behind, and rekey_left has not reported that yet */
} rekey;

static void rekey_enter(enum rekey_phase phase)
{
	rekey.phase = phase;
	rekey.asked = 0;
	rekey.until_tsc = clock_tsc() + clock_ns_to_tsc(ASK_NS);
}

/*
 * Ends the copying, and drops the new volume. `problem` is "" when all is done; `state` then says
 * nothing, and otherwise which key the volume has.
 */
static void rekey_end(const char *state, const char *problem)
{
	char *kept = rekey.problem[rekey.number % ENDED_MAX];
	bool done = problem[0] == '\0';

	format(kept, PROBLEM_BYTES, "%s%s", done ? "" : state, problem);
	content_let_go(rekey.content);
	log_message(done ? LOG_INFO : LOG_WARNING, LOG_DEVICE, "", "volume %s/%s: %s",
		    rekey.store->config->section.name, rekey.volume.name,
		    done ? "it has another key" : kept);
	rekey_enter(REKEY_DROPPING);
}

static void rekey_finish(const char *problem)
{
	rekey_end("it keeps its key: ", problem);
}

u32 rekey_begin(struct store *store, const struct store_volume *volume, const char *key,
		char *problem, size_t size)
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
	rekey.store = store;
	rekey.volume = *volume;
	rekey.content = 0;
	rekey.problem[++rekey.number % ENDED_MAX][0] = '\0';
	rekey.left = true;
	rekey_enter(REKEY_MAKING);
	return rekey.number;
}

bool rekey_ended(u32 number, char *problem, size_t size)
{
	if (rekey.phase != REKEY_NONE && rekey.number == number)
		return false;
	string_copy(problem, size,
		    rekey.number - number < ENDED_MAX ? rekey.problem[number % ENDED_MAX]
						      : "which key it has was lost; see the log");
	return true;
}

bool rekey_needs(const char *name)
{
	return rekey.phase != REKEY_NONE && string_equal(rekey.made.name, name);
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
 * Returns whether the volume is still what it was when the rekey began: commands that its store was
 * still carrying out then may have changed its size, or its name, to which the new key's tag is
 * bound.
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

/*
 * Gives the store's driver a command, or takes its answer. Returns true once there is an answer:
 * `problem` is "" if the command was done.
 */
static bool rekey_ask(enum store_operation operation, const struct store_item *item, char *problem,
		      size_t size)
{
	struct store_answer answer;
	char said[4 * STORE_TEXT_BYTES];

	if (rekey.asked == 0) {
		if (store_is_idle(rekey.store))
			rekey.asked =
				store_ask(rekey.store, operation, item, 1, said, sizeof(said));
		return false;
	}
	if (!store_answered(rekey.store, rekey.asked, &answer))
		return false;
	driver_text(answer.text, sizeof(answer.text), said, sizeof(said));
	rekey.status = answer.status;
	if (answer.status == STORE_OK)
		said[0] = '\0';
	else if (said[0] == '\0')
		string_copy(said, sizeof(said), "the driver of its store could not do it");
	string_copy(problem, size, said);
	return true;
}

/*
 * Begins to copy to the new volume, as soon as the store has no command that might change the old
 * volume meanwhile.
 */
static void rekey_copy(void)
{
	struct store_volume to;
	struct content_wish wish = {
		.operation = CONTENT_REKEY,
		.store = rekey.store,
		.volume = &rekey.volume,
		.to = &to,
		.bytes = rekey.volume.sectors * BLOCK_SECTOR_BYTES,
	};
	const struct content *content;
	char problem[PROBLEM_BYTES];

	if (!store_is_idle(rekey.store))
		return;
	if (!rekey_is_as_it_was()) {
		rekey_finish("it was changed meanwhile");
		return;
	}
	if (!store_volume_find(rekey.store, rekey.made.name, &to)) {
		rekey_finish("its store has lost the volume that it was to be written to");
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
	char problem[PROBLEM_BYTES];

	if (rekey_ask(STORE_CREATE, &rekey.made, problem, sizeof(problem))) {
		if (problem[0] == '\0')
			rekey_copy();
		else
			rekey_finish(problem);
	} else if (clock_tsc() >= rekey.until_tsc) {
		rekey_finish("the driver of its store does not answer");
	}
}

static void rekey_step_copying(void)
{
	const struct content *content = content_find(rekey.content);

	if (content == NULL)
		rekey_finish("the process that copies was lost");
	else if (content->phase == CONTENT_HOLDING)
		rekey_enter(REKEY_TAKING);
	else if (content->phase != CONTENT_MOVING)
		rekey_finish(content->problem);
}

/*
 * Waits for the store's driver to exchange content and key, without a deadline: whoever used the
 * volume before the answer might use it by the wrong key.
 */
static void rekey_step_taking(void)
{
	struct store_item item = {.volume = rekey.volume.id, .key = rekey.made.key};
	char problem[PROBLEM_BYTES];
	struct store_volume made;

	if (rekey.asked == 0) {
		if (!store_volume_find(rekey.store, rekey.made.name, &made))
			return; /* the store is being loaded by its driver */
		item.other = made.id;
	}
	if (!rekey_ask(STORE_ROLLBACK, &item, problem, sizeof(problem)))
		return;
	/* after a disk error nobody knows whether the exchange was written or not */
	if (rekey.status == STORE_DISK_ERROR)
		rekey_end("it has its key or the new one, so keep both; `volume list` says which "
			  "once its store is ready again: ",
			  problem);
	else
		rekey_finish(problem);
}

/* Drops the new volume; if that fails, vm_volume_sweep.c does it later. */
static void rekey_step_dropping(void)
{
	struct store_item item = {.volume = 0};
	char problem[PROBLEM_BYTES];
	const struct content *content = content_find(rekey.content);
	bool late = clock_tsc() >= rekey.until_tsc;
	struct store_volume made;
	char users[2];

	if (content != NULL && content->phase != CONTENT_NONE && !late)
		return; /* the disk's driver is still detaching the links */
	if (rekey.asked == 0) {
		if (!store_volume_find(rekey.store, rekey.made.name, &made)) {
			rekey.phase = REKEY_NONE;
			return;
		}
		store_users(rekey.store, made.id, users, sizeof(users));
		if (users[0] != '\0' && !late)
			return; /* the process could not be made, but its link was */
		item.volume = made.id;
	}
	if (rekey_ask(STORE_DROP, &item, problem, sizeof(problem)) || late)
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
	}
	return rekey.phase != phase;
}

u64 rekey_deadline(void)
{
	switch (rekey.phase) {
	case REKEY_MAKING:
	case REKEY_TAKING:
	case REKEY_DROPPING:
		return clock_tsc() + clock_ns_to_tsc(LOOK_NS);
	default:
		return ~0ull;
	}
}
