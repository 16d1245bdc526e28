/* SPDX-License-Identifier: MIT */
/*
 * Finds the store and volume that a command names, and waits for the answer of a store's driver,
 * for the commands `store` and `volume`. Keeps only the number of the store's command, in the
 * reply.
 */
#include "vmm/manager/commands/volume.h"

#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/disk/backup_place.h"
#include "vmm/manager/disk/store_quota.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"

/*
 * The time for which an asker waits for a store's answer; the driver carries the command out in any
 * case.
 */
#define WAIT_NS (60 * NS_PER_S)

#define VOLUME_BYTES_MAX  (1024ul * GIB)
#define VOLUME_STEP_BYTES ((u64)STORE_SIZE_SECTORS * BLOCK_SECTOR_BYTES)

struct store *command_store(struct reply *reply, const char *name)
{
	char shown[CONFIG_NAME_BYTES];
	struct store *store = store_find(name);

	if (store == NULL)
		reply_fail(reply, CODE_NOT_FOUND,
			   "there is no store \"%s\", `store list` shows them",
			   text_show(shown, sizeof(shown), text_of(name)));
	return store;
}

bool command_volume_in(struct reply *reply, const struct store *store, const char *name,
		       struct store_volume *volume)
{
	char shown[CONFIG_NAME_BYTES];

	if (store_volume_find(store, name, volume))
		return true;
	reply_fail(reply, CODE_NOT_FOUND, "store %s has no volume \"%s\", `volume list` shows them",
		   store->config->section.name, text_show(shown, sizeof(shown), text_of(name)));
	return false;
}

bool command_volume_size(const char *word, u64 *sectors)
{
	u64 bytes;

	if (!parse_size(text_of(word), &bytes) || bytes == 0 || bytes > VOLUME_BYTES_MAX ||
	    bytes % VOLUME_STEP_BYTES != 0)
		return false;
	*sectors = bytes / BLOCK_SECTOR_BYTES;
	return true;
}

bool command_volume_name(struct reply *reply, const char *word, struct store_item *item)
{
	struct text name = text_of(word);
	char shown[CONFIG_NAME_BYTES];

	if (config_name_valid(name)) {
		text_copy(item->name, sizeof(item->name), name);
		return true;
	}
	reply_bad(reply, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
		  text_show(shown, sizeof(shown), name));
	return false;
}

/* Returns whether the name is that of a scheduled backup's volume. */
static bool command_volume_is_backup(struct text name)
{
	char text[STORE_NAME_BYTES];

	return text_copy(text, sizeof(text), name) && backup_place_is_name(text);
}

static struct store *command_volume_find(struct reply *reply, const char *word, struct text *name,
					 struct store_volume *volume, bool backups)
{
	char shown[CONFIG_DISK_BYTES];
	char text[STORE_NAME_BYTES];
	struct text head;
	struct store *store;

	if (!config_split(text_of(word), '/', &head, name) || head.length >= sizeof(text) ||
	    (!config_name_valid(*name) && !(backups && command_volume_is_backup(*name)))) {
		reply_bad(reply,
			  "\"%s\" is not valid; use STORE/VOLUME, where a volume's name "
			  "is " CONFIG_NAME_ALLOWED,
			  text_show(shown, sizeof(shown), text_of(word)));
		return NULL;
	}
	text_copy(text, sizeof(text), head);
	store = command_store(reply, text);
	if (store == NULL || volume == NULL)
		return store;
	text_copy(text, sizeof(text), *name);
	return command_volume_in(reply, store, text, volume) ? store : NULL;
}

struct store *command_volume(struct reply *reply, const char *word, struct text *name,
			     struct store_volume *volume)
{
	return command_volume_find(reply, word, name, volume, false);
}

struct store *command_volume_or_backup(struct reply *reply, const char *word, struct text *name,
				       struct store_volume *volume)
{
	return command_volume_find(reply, word, name, volume, true);
}

static enum reply_code command_store_code_of(u32 status)
{
	switch (status) {
	case STORE_MISSING:
		return CODE_NOT_FOUND;
	case STORE_EXISTS:
		return CODE_EXISTS;
	case STORE_IN_USE:
	case STORE_NOT_READY:
		return CODE_BAD_STATE;
	case STORE_BAD:
		return CODE_BAD_ARGUMENT;
	default:
		return CODE_FAILED;
	}
}

void command_store_show_done(struct reply *reply, const char *store, const char *said)
{
	if (reply->json) {
		reply_object_begin(reply);
		json_string(&reply->object, "store", store);
		json_string(&reply->object, "said", said);
		reply_object_end(reply);
	} else {
		reply_line(reply, "%s: %s", store, said[0] != '\0' ? said : "done");
	}
}

static void command_store_show_answer(struct reply *reply, const struct store *store,
				      const struct store_answer *answer)
{
	char said[4 * STORE_TEXT_BYTES];
	struct store_volume volume;

	driver_text(answer->text, sizeof(answer->text), said, sizeof(said));
	if (answer->status != STORE_OK) {
		reply_fail(reply, command_store_code_of(answer->status), "%s: %s",
			   store->config->section.name,
			   said[0] != '\0' ? said : "its driver could not do it");
		return;
	}
	if (store_volume_find_id(store, answer->volume[0], &volume))
		command_volume_show(reply, store, &volume);
	else
		command_store_show_done(reply, store->config->section.name, said);
}

static bool command_store_resume(struct reply *reply)
{
	const struct store *store = store_find(reply->vm_name);
	struct store_answer answer;

	if (store == NULL)
		return true;
	if (store_answered(store, reply->left, &answer)) {
		command_store_show_answer(reply, store, &answer);
		return true;
	}
	if (clock_tsc() < reply->deadline_tsc)
		return false;
	reply_fail(reply, CODE_BUSY, "%s: its driver has not answered yet; it goes on",
		   store->config->section.name);
	return true;
}

void command_store_ask(struct reply *reply, struct store *store, enum store_operation operation,
		       const struct store_item *item)
{
	char problem[2 * DRIVER_TEXT_BYTES];

	if (!store_quota_allows(store, operation, item, 1, problem, sizeof(problem))) {
		reply_fail(reply, CODE_FAILED, "%s", problem);
		return;
	}
	reply->left = store_ask(store, operation, item, 1, problem, sizeof(problem));
	if (reply->left == 0) {
		reply_fail(reply, CODE_BUSY, "%s: %s", store->config->section.name, problem);
		return;
	}
	string_copy(reply->vm_name, sizeof(reply->vm_name), store->config->section.name);
	reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(WAIT_NS);
	reply->resume = command_store_resume;
}

void command_store_begin(struct reply *reply, const char *name, enum store_operation operation)
{
	struct store *store = command_store(reply, name);
	const struct store_item item = {.volume = 0};

	if (store != NULL)
		command_store_ask(reply, store, operation, &item);
}
