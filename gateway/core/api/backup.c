/* SPDX-License-Identifier: MIT */
/*
 * Backups of a running VM's disks, each to another disk or a volume of the host, and disks restored
 * from them. The table of routes names the handlers; each asks Skerry.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/common/name.h"
#include "gateway/core/host/host.h"
#include "gateway/core/host/volume_own.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/operation.h"

enum { BACKUP_WAIT_S = 10, BACKUP_DISKS_MAX = 12, BACKUP_CHAIN_MAX = 8 };

static void backup_took_list(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {
		"disk",		"target",    "kind",	"number", "state",
		"copied_bytes", "all_bytes", "problem", "moment", NULL};

	ask_took_rows(id, reply, keys);
}

void api_backups(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	ask_skerry(request, "vm backup list", words, NULL, backup_took_list);
}

enum { PAIR_BYTES = 2 * TARGET_BYTES };

struct backup_disks {
	char word[BACKUP_DISKS_MAX][PAIR_BYTES];
	size_t count;
};

/* Takes one pair DISK=TARGET, both of which may be volumes, from a text of `bytes` bytes. */
static bool backup_take_pair(char *word, const char *text, size_t bytes)
{
	char *equals;
	bool valid;

	if (bytes >= PAIR_BYTES)
		return false;
	snprintf(word, PAIR_BYTES, "%.*s", (int)bytes, text);
	equals = strchr(word, '=');
	if (!equals)
		return false;
	*equals = '\0';
	valid = name_of_disk(word) && name_of_disk(equals + 1);
	*equals = '=';
	return valid;
}

/* Skips to the next word of a list with commas, and returns the word's length; 0: there is none. */
static size_t backup_next_word(const char **text)
{
	*text += strspn(*text, ", ");
	return strcspn(*text, ", ");
}

/*
 * Reads pairs DISK=TARGET separated by commas. Returns false if there is none, too many, or a wrong
 * one.
 */
static bool backup_take_disks(struct backup_disks *disks, const char *text)
{
	disks->count = 0;
	for (size_t bytes; (bytes = backup_next_word(&text)) != 0; text += bytes)
		if (disks->count == BACKUP_DISKS_MAX ||
		    !backup_take_pair(disks->word[disks->count++], text, bytes))
			return false;
	return disks->count > 0;
}

/* Returns whether body.kind is valid. If not, answers the request. */
static bool backup_kind(struct request *request)
{
	const char *kind = request_text(request, "kind");

	if (kind && (!strcmp(kind, "full") || !strcmp(kind, "diff")))
		return true;
	answer_problem(request, 422, "bad-argument",
		       "set \"kind\" to \"full\", or to \"diff\" for what has changed since the "
		       "last backup");
	return false;
}

/*
 * Returns whether the asker may write to volumes, or read backups in them, if one is among the
 * names. If not, answers the request with 403.
 */
static bool backup_may(struct request *request, bool volumes)
{
	if (!volumes || request->who.roles & ROLE_CONTENT)
		return true;
	answer_problem(request, 403, "forbidden",
		       "only the role content may write or read what a volume holds");
	return false;
}

/* Returns whether a target is a volume. */
static bool backup_has_volume_target(const struct backup_disks *disks)
{
	for (size_t i = 0; i < disks->count; i++)
		if (strchr(strchr(disks->word[i], '='), '/'))
			return true;
	return false;
}

/* Returns whether a disk that is to be copied is a volume. */
static bool backup_has_volume_source(const struct backup_disks *disks)
{
	for (size_t i = 0; i < disks->count; i++)
		if (disks->word[i][strcspn(disks->word[i], "=/")] == '/')
			return true;
	return false;
}

/*
 * Has Skerry begin the backup; the caller has checked the body, and that the disks may be copied.
 */
static void backup_start(struct request *request, const struct backup_disks *disks)
{
	const char *words[2 + BACKUP_DISKS_MAX + 2] = {request->vm, request_text(request, "kind")};
	size_t count = 2;

	for (size_t i = 0; i < disks->count; i++)
		words[count++] = disks->word[i];
	if (request_true(request, "overwrite"))
		words[count] = "overwrite";
	operation_start(request, OPERATION_REPLY, "vm backup", words, request->vm, NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}

/* Returns the rows of one store from Skerry's list of all volumes: a new reference. */
static json_t *backup_rows_of(json_t *rows, const char *store, size_t length)
{
	json_t *some = json_array();
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *has = json_string_value(json_object_get(row, "store"));

		if (has && strlen(has) == length && !memcmp(has, store, length))
			json_array_append(some, row);
	}
	return some;
}

/*
 * Returns whether a disk that would be copied is a volume of the gateway's own VM, or one that was
 * made of it. A copy of it could be downloaded as a volume, with the gateway's key and tokens.
 */
static bool backup_copies_own(json_t *rows, const struct backup_disks *disks)
{
	bool own = false;

	for (size_t i = 0; i < disks->count && !own; i++) {
		const char *word = disks->word[i];
		size_t length = strcspn(word, "=/");
		char volume[NAME_BYTES];
		json_t *some;

		if (word[length] != '/')
			continue;
		snprintf(volume, sizeof(volume), "%.*s", (int)strcspn(word + length + 1, "="),
			 word + length + 1);
		some = backup_rows_of(rows, word, length);
		own = volume_is_own(some, volume);
		json_decref(some);
	}
	return own;
}

/* Begins a backup of volumes, once Skerry's list of all volumes has come. */
static void backup_took_volumes(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);
	struct backup_disks disks;

	if (!request)
		return;
	if (!backup_take_disks(&disks, request_text(request, "disks")) ||
	    backup_copies_own(rows, &disks))
		answer_problem(request, 403, "own-vm",
			       "the VM in which this gateway runs uses a volume that would be "
			       "copied, or one that it was made of: copy it at Skerry's console");
	else
		backup_start(request, &disks);
}

void api_backup_begin(struct request *request)
{
	const char *text = request_text(request, "disks");
	struct backup_disks disks;

	if (!backup_kind(request))
		return;
	if (!text || !backup_take_disks(&disks, text)) {
		answer_problem(request, 422, "bad-argument",
			       "set \"disks\" to DISK=TARGET, with names that /v1/disks shows or "
			       "volumes as STORE/VOLUME; separate several by commas, at most 12");
		return;
	}
	if (!backup_may(request, backup_has_volume_target(&disks)))
		return;
	if (*host.own && backup_has_volume_source(&disks))
		ask_skerry(request, "volume list", NULL, NULL, backup_took_volumes);
	else
		backup_start(request, &disks);
}

/*
 * Reads names separated by commas into `word` and the entries after it; returns their number; 0:
 * the text is no such list.
 */
static size_t backup_take_names(char (*word)[TARGET_BYTES], size_t most, const char *text)
{
	size_t count = 0;

	for (size_t bytes; (bytes = backup_next_word(&text)) != 0; text += bytes) {
		if (count == most || bytes >= TARGET_BYTES)
			return 0;
		snprintf(word[count], TARGET_BYTES, "%.*s", (int)bytes, text);
		if (!name_of_disk(word[count++]))
			return 0;
	}
	return count;
}

enum { MOMENT_DIGITS = 14 };

/*
 * Fills in the words for a restore of a volume from its scheduled backups: `at` is the moment, or
 * NULL for the last one. Returns false if body has something else.
 */
static bool backup_take_moment(const char **words, const char *at, char *word, size_t size)
{
	if (!at)
		return true;
	if (strlen(at) != MOMENT_DIGITS || strspn(at, "0123456789") != MOMENT_DIGITS)
		return false;
	snprintf(word, size, "at=%s", at);
	words[1] = word;
	return true;
}

void api_disk_restore(struct request *request)
{
	const char *disk = request_text(request, "disk");
	const char *from = request_text(request, "from");
	const char *at = request_text(request, "at");
	const char *words[1 + BACKUP_CHAIN_MAX + 1] = {disk};
	char name[BACKUP_CHAIN_MAX][TARGET_BYTES];
	char moment[MOMENT_DIGITS + sizeof("at=")];
	size_t count = from ? backup_take_names(name, BACKUP_CHAIN_MAX, from) : 0;
	bool volumes = disk && strchr(disk, '/');
	bool scheduled = volumes && !from;

	/*
	 * A value that is no text must not count as missing: the last scheduled backup would be
	 * restored.
	 */
	if (!request_is(request, "from", FIELD_TEXT) || !request_is(request, "at", FIELD_TEXT) ||
	    !disk || !name_of_disk(disk) || (!scheduled && (count == 0 || at)) ||
	    (scheduled && !backup_take_moment(words, at, moment, sizeof(moment)))) {
		answer_problem(
			request, 422, "bad-argument",
			"set \"disk\" to a disk that /v1/disks shows, or to a volume as "
			"STORE/VOLUME, and \"from\" to the "
			"disk with the full backup and then those with the differential "
			"ones, separated by commas, at most 8; or, for a volume with "
			"scheduled backups, \"at\" to a moment, or neither for the last one");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		words[1 + i] = name[i];
		volumes = volumes || strchr(name[i], '/');
	}
	if (!backup_may(request, volumes))
		return;
	operation_start(request, OPERATION_REPLY, "disk restore", words, "host", NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}

void api_backup_now(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	operation_start(request, OPERATION_REPLY, "vm backup now", words, request->vm, NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}

void api_backup_cancel(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	operation_start(request, OPERATION_REPLY, "vm backup cancel", words, request->vm, NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}
