/* SPDX-License-Identifier: MIT */
/* Backups of a running VM's disks, each to another disk of the host; disks restored from them. */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/live/operation.h"

enum { BACKUP_WAIT_S = 10, BACKUP_DISKS_MAX = 12, BACKUP_CHAIN_MAX = 8 };

static void backup_took_list(uint64_t id, json_t *reply)
{
	static const char *const keys[] = {"disk",	"target",  "kind",
					   "number",	"state",   "copied_bytes",
					   "all_bytes", "problem", NULL};

	ask_took_rows(id, reply, keys);
}

void api_backups(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	ask_skerry(request, "vm backup list", words, NULL, backup_took_list);
}

enum { PAIR_BYTES = TARGET_BYTES + NAME_BYTES };

struct backup_disks {
	char word[BACKUP_DISKS_MAX][PAIR_BYTES];
	size_t count;
};

/* Takes one pair DISK=TARGET, where DISK may be a volume, from a text of `bytes` bytes. */
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
	valid = name_of_disk(word) && name_valid(equals + 1);
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

/* Returns body.kind. If it is not valid, answers the request and returns NULL. */
static const char *backup_kind(struct request *request)
{
	const char *kind = request_text(request, "kind");

	if (kind && (!strcmp(kind, "full") || !strcmp(kind, "diff")))
		return kind;
	answer_problem(request, 422, "bad-argument",
		       "set \"kind\" to \"full\", or to \"diff\" for what has changed since the "
		       "last backup");
	return NULL;
}

void api_backup_begin(struct request *request)
{
	const char *text = request_text(request, "disks");
	const char *kind = backup_kind(request);
	const char *words[2 + BACKUP_DISKS_MAX + 2] = {request->vm, kind};
	struct backup_disks disks;
	size_t count = 2;

	if (!kind)
		return;
	if (!text || !backup_take_disks(&disks, text)) {
		answer_problem(request, 422, "bad-argument",
			       "set \"disks\" to DISK=TARGET, with names that /v1/disks shows; "
			       "separate several by commas, at most 12");
		return;
	}
	for (size_t i = 0; i < disks.count; i++)
		words[count++] = disks.word[i];
	if (request_true(request, "overwrite"))
		words[count] = "overwrite";
	operation_start(request, OPERATION_REPLY, "vm backup", words, request->vm, NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}

/*
 * Reads names separated by commas into `word` and the entries after it; returns their number; 0:
 * the text is no such list.
 */
static size_t backup_take_names(char (*word)[NAME_BYTES], size_t most, const char *text)
{
	size_t count = 0;

	for (size_t bytes; (bytes = backup_next_word(&text)) != 0; text += bytes) {
		if (count == most || bytes >= NAME_BYTES)
			return 0;
		snprintf(word[count], NAME_BYTES, "%.*s", (int)bytes, text);
		if (!name_valid(word[count++]))
			return 0;
	}
	return count;
}

void api_disk_restore(struct request *request)
{
	const char *disk = request_text(request, "disk");
	const char *from = request_text(request, "from");
	const char *words[1 + BACKUP_CHAIN_MAX + 1] = {disk};
	char name[BACKUP_CHAIN_MAX][NAME_BYTES];
	size_t count = from ? backup_take_names(name, BACKUP_CHAIN_MAX, from) : 0;

	if (!disk || !name_of_disk(disk) || count == 0) {
		answer_problem(request, 422, "bad-argument",
			       "set \"disk\" to a disk that /v1/disks shows, or to a volume as "
			       "STORE/VOLUME, and \"from\" to the "
			       "disk with the full backup and then those with the differential "
			       "ones, separated by commas, at most 8");
		return;
	}
	if (strchr(disk, '/') && !(request->who.roles & ROLE_CONTENT)) {
		answer_problem(request, 403, "forbidden",
			       "only the role content may write what a volume holds");
		return;
	}
	for (size_t i = 0; i < count; i++)
		words[1 + i] = name[i];
	operation_start(request, OPERATION_REPLY, "disk restore", words, "host", NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}

void api_backup_cancel(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	operation_start(request, OPERATION_REPLY, "vm backup cancel", words, request->vm, NULL, 200,
			request_wait_s(request, BACKUP_WAIT_S));
}
