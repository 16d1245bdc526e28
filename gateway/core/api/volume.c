/* SPDX-License-Identifier: MIT */
/*
 * Handlers for stores and their volumes, which Skerry keeps on disks of the host. The table of
 * routes names them; each asks Skerry, whose driver of the store's disk does it.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/api/ask.h"
#include "gateway/core/api/volume.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/volume_own.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/live/content.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/upload.h"

enum { VOLUME_WAIT_S = 10, VOLUME_COMMAND_BYTES = 32 };

const char volume_part_problem[] =
	"names that end in .part are those of unfinished uploads: take another one";

/* Skerry gives `shared_bytes` and the rest of a volume that is asked for by its name only. */
static const char *const volume_keys[] = {
	"store",
	"name",
	"id",
	"parent",
	"bytes",
	"own_bytes",
	"made_unix_seconds",
	"read_only",
	"snapshot",
	"encrypt",
	"key_id",
	"users",
	"shared_bytes",
	"source",
	"checksum",
	"requests",
	"read_bytes",
	"written_bytes",
	"snapshots",
	"snapshot_count",
	"clones",
	"clone_count",
	NULL,
};

static const char *const rekey_keys[] = {
	"store", "volume", "key", "state", "round", "copied_bytes", "all_bytes", "reason", NULL,
};

/* Skerry gives `quotas` and `damaged` of a store that it is asked for by its name only. */
static const char *const store_keys[] = {
	"name",		"disk",		 "state",	 "problem",
	"overcommit",	"bytes",	 "free_bytes",	 "reserved_bytes",
	"room_bytes",	"chunk_bytes",	 "volumes",	 "quotas",
	"checksum",	"scrub",	 "scrub_chunks", "scrub_without_sum",
	"scrub_faults", "damaged",	 "owner",	 "own",
	"epoch",	"lease_seconds", NULL,
};

static void volume_took_stores(uint64_t id, json_t *reply)
{
	ask_took_rows(id, reply, store_keys);
}

void api_stores(struct request *request)
{
	ask_skerry(request, "store list", NULL, NULL, volume_took_stores);
}

bool volume_path_valid(struct request *request)
{
	if (name_valid(request->store) && (!*request->item || name_valid(request->item)))
		return true;
	answer_problem(request, 404, "not-found", "there is no such %s",
		       name_valid(request->store) ? "volume" : "store");
	return false;
}

static void volume_took_store(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);

	if (request)
		answer_json(request, 200, ask_pick(json_array_get(rows, 0), store_keys));
}

void api_store(struct request *request)
{
	const char *words[] = {request->store, NULL};

	if (volume_path_valid(request))
		ask_skerry(request, "store list", words, NULL, volume_took_store);
}

void volume_begin(struct request *request, enum operation_kind kind, const char *command,
		  const char *const *words, const char *target, unsigned status)
{
	operation_start(request, kind, command, words, target, NULL, status,
			request_wait_s(request, VOLUME_WAIT_S));
}

/* Begins an operation on a store; `argument` is the command's second word, or NULL. */
static void volume_store_begin(struct request *request, const char *command, const char *argument)
{
	const char *words[] = {request->store, argument, NULL};
	char target[TARGET_BYTES];

	snprintf(target, sizeof(target), "store %s", request->store);
	volume_begin(request, OPERATION_REPLY, command, words, target, 200);
}

/* Replaces a store's quotas; Skerry says whether they are valid. */
void api_store_change(struct request *request)
{
	const char *quota = request_text(request, "quota");

	if (!volume_path_valid(request))
		return;
	if (quota)
		volume_store_begin(request, "store quota set", *quota ? quota : "none");
	else
		answer_problem(request, 422, "bad-argument",
			       "set \"quota\" to the store's quotas, such as \"team-* 64G, web "
			       "8G\", or to \"\" for none");
}

void api_store_format(struct request *request)
{
	if (volume_path_valid(request))
		volume_store_begin(request, "store format",
				   request_true(request, "overwrite") ? "overwrite" : NULL);
}

/* Lets a store use the space by which its disk has grown, which `room_bytes` of the store shows. */
void api_store_grow(struct request *request)
{
	if (volume_path_valid(request))
		volume_store_begin(request, "store grow", NULL);
}

/* Begins a scrub, which continues after the answer; `scrub` of the store shows its progress. */
void api_store_scrub(struct request *request)
{
	if (volume_path_valid(request))
		volume_store_begin(request, "store scrub", NULL);
}

/* Begins to take a store from another host; Skerry first checks whether that host still writes. */
void api_store_take(struct request *request)
{
	if (volume_path_valid(request))
		volume_store_begin(request, "store take", NULL);
}

static json_t *volume_json(const struct request *request, json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	json_t *item = ask_pick(row, volume_keys);
	char part[TARGET_BYTES];
	int64_t uploaded;

	snprintf(part, sizeof(part), "%s/%.*s", request->store, NAME_BYTES - 1, name ? name : "");
	uploaded = content_uploaded(part);
	if (uploaded >= 0)
		json_object_set_new(item, "uploaded_bytes", json_integer(uploaded));
	return item;
}

static void volume_took_list(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, volume_json);
}

void api_volumes(struct request *request)
{
	const char *words[] = {request->store, NULL};

	if (volume_path_valid(request))
		ask_skerry(request, "volume list", words, NULL, volume_took_list);
}

static void volume_took_one(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);

	if (request)
		answer_json(request, 200, volume_json(request, json_array_get(rows, 0)));
}

const char *volume_word(const struct request *request, const char *volume, char word[TARGET_BYTES])
{
	snprintf(word, TARGET_BYTES, "%s/%.*s", request->store, NAME_BYTES - 1, volume);
	return word;
}

void api_volume(struct request *request)
{
	char word[TARGET_BYTES];
	const char *words[] = {volume_word(request, request->item, word), NULL};

	if (volume_path_valid(request))
		ask_skerry(request, "volume stat", words, NULL, volume_took_one);
}

/*
 * Returns body.NAME for `field` if it is a valid name. Else answers the request and returns NULL.
 */
static const char *volume_name(struct request *request, const char *field)
{
	const char *name = request_text(request, field);
	char problem[120];

	if (name && upload_is_part(name)) {
		answer_problem(request, 422, "bad-argument", "%s", volume_part_problem);
		return NULL;
	}
	snprintf(problem, sizeof(problem),
		 "\"%s\" must be 1 to 31 letters, digits, '-', '_' and '.', and begin with a "
		 "letter or digit",
		 field);
	return ask_name(request, field, problem);
}

/*
 * Returns body.bytes; Skerry says which sizes fit. If it is no size, answers the request and
 * returns NULL.
 */
static const char *volume_bytes(struct request *request)
{
	const struct field *bytes = fields_below(&request->fields, "body", "bytes");

	if (bytes && bytes->type == FIELD_NUMBER &&
	    number_read(bytes->value, -1, INT64_MAX / 10) >= 0)
		return bytes->value;
	answer_problem(request, 422, "bad-argument",
		       "set \"bytes\" to the volume's size, a multiple of 4096");
	return NULL;
}

/*
 * Changes a volume's size or name. A request for both is refused: the second could fail after the
 * first.
 */
void api_volume_change(struct request *request)
{
	bool sizes = fields_below(&request->fields, "body", "bytes") != NULL;
	bool names = fields_below(&request->fields, "body", "name") != NULL;
	char word[TARGET_BYTES];
	const char *words[] = {word, NULL, NULL};

	if (!volume_path_valid(request))
		return;
	if (sizes == names) {
		answer_problem(request, 422, "bad-argument",
			       "set either \"bytes\" to a new size or \"name\" to a new name");
		return;
	}
	words[1] = sizes ? volume_bytes(request) : volume_name(request, "name");
	if (words[1])
		volume_begin(request, OPERATION_REPLY, sizes ? "volume resize" : "volume rename",
			     words, volume_word(request, request->item, word), 200);
}

void api_volume_drop(struct request *request)
{
	char word[TARGET_BYTES];
	const char *words[] = {volume_word(request, request->item, word), NULL};

	if (volume_path_valid(request))
		volume_begin(request, OPERATION_RESULT, "volume drop", words, word, 204);
}

bool volume_may_be_copied(struct request *request, json_t *rows, const char *name)
{
	if (!volume_row(rows, name)) {
		answer_problem(request, 404, "not-found", "store %s has no volume \"%s\"",
			       request->store, name);
		return false;
	}
	if (!volume_is_own(rows, name))
		return true;
	answer_problem(request, 403, "own-vm",
		       "the VM in which this gateway runs uses the volume, or one that it was made "
		       "of: copy it at Skerry's console");
	return false;
}

/*
 * Creates a volume. The caller has checked the body and, if a source volume is named, which VMs use
 * that.
 */
static void volume_make(struct request *request)
{
	char word[TARGET_BYTES], from[sizeof("from=") + NAME_BYTES];
	const char *source = request_text(request, "from");
	const char *words[] = {word, fields_below(&request->fields, "body", "bytes")->value,
			       source ? from : NULL, NULL};

	volume_word(request, request_text(request, "name"), word);
	snprintf(from, sizeof(from), "from=%s", source ? source : "");
	if (router_begin(request))
		volume_begin(request, OPERATION_RESULT, "volume create", words, word, 201);
}

static void volume_took_from(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);

	if (request && volume_may_be_copied(request, rows, request_text(request, "from")))
		volume_make(request);
}

void api_volume_make(struct request *request)
{
	bool copies = fields_below(&request->fields, "body", "from") != NULL;
	const char *words[] = {request->store, NULL};

	if (!volume_path_valid(request) || !volume_name(request, "name") ||
	    !volume_bytes(request) || (copies && !volume_name(request, "from")))
		return;
	if (!copies) {
		volume_make(request);
		return;
	}
	ask_skerry(request, "volume list", words, NULL, volume_took_from);
}

/* Clones a volume or takes its snapshot, once the list of the store's volumes has come. */
static void volume_took_source(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);
	char source[TARGET_BYTES], target[TARGET_BYTES];
	const char *name = request ? request_text(request, "name") : NULL;
	const char *words[] = {source, name, NULL};

	if (!request || !volume_may_be_copied(request, rows, request->item) ||
	    !router_begin(request))
		return;
	volume_word(request, request->item, source);
	volume_begin(request, OPERATION_RESULT,
		     strstr(request->route->path, "/clones") ? "volume clone" : "volume snapshot",
		     words, volume_word(request, name, target), 201);
}

void api_volume_copy(struct request *request)
{
	const char *words[] = {request->store, NULL};

	if (volume_path_valid(request) && volume_name(request, "name"))
		ask_skerry(request, "volume list", words, NULL, volume_took_source);
}

void api_volume_rekey(struct request *request)
{
	const char *key = request_text(request, "key");
	char word[TARGET_BYTES];
	const char *words[] = {word, key, NULL};

	if (!volume_path_valid(request) || !volume_name(request, "key"))
		return;
	volume_begin(request, OPERATION_REPLY, "volume rekey", words,
		     volume_word(request, request->item, word), 200);
}

static void volume_took_rekeys(uint64_t id, json_t *reply)
{
	ask_took_rows(id, reply, rekey_keys);
}

void api_rekeys(struct request *request)
{
	ask_skerry(request, "volume rekey list", NULL, NULL, volume_took_rekeys);
}

void api_volume_rekey_cancel(struct request *request)
{
	char word[TARGET_BYTES];
	const char *words[] = {volume_word(request, request->item, word), NULL};

	if (volume_path_valid(request))
		volume_begin(request, OPERATION_REPLY, "volume rekey cancel", words, word, 200);
}

/*
 * Rolls a volume back to a snapshot, once the list of volumes shows of which volume the snapshot is
 * a copy: a rollback copies data, too.
 */
static void volume_took_snapshot(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);
	const char *name = request ? request_text(request, "snapshot") : NULL;
	char word[TARGET_BYTES];
	const char *words[] = {word, name, NULL};

	if (!request || !volume_may_be_copied(request, rows, name) || !router_begin(request))
		return;
	volume_begin(request, OPERATION_REPLY, "volume rollback", words,
		     volume_word(request, request->item, word), 200);
}

void api_volume_rollback(struct request *request)
{
	const char *words[] = {request->store, NULL};

	if (volume_path_valid(request) && volume_name(request, "snapshot"))
		ask_skerry(request, "volume list", words, NULL, volume_took_snapshot);
}
