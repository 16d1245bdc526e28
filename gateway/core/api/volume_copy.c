/* SPDX-License-Identifier: MIT */
/*
 * Handlers that copy volumes to disks and make volumes of disks, on the host. The table of routes
 * names them; each asks Skerry, which starts a process for the copy.
 */
#include "gateway/core/api/api.h"
#include "gateway/core/api/ask.h"
#include "gateway/core/api/volume.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/router.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/upload.h"

static const char *const copy_keys[] = {
	"store", "volume", "disk", "copy", "state", "copied_bytes", "all_bytes", "reason", NULL,
};

/*
 * Returns whether the asker may copy volumes' contents and body.disk is a valid name of a disk. If
 * not, answers the request.
 */
static bool volume_copy_allowed(struct request *request)
{
	const char *disk = request_text(request, "disk");

	if (!(request->who.roles & ROLE_CONTENT))
		answer_problem(request, 403, "forbidden",
			       "only the role content may write or read what a volume holds");
	else if (!disk || !name_valid(disk))
		answer_problem(request, 422, "bad-argument",
			       "set \"disk\" to a disk that /v1/disks shows");
	else
		return true;
	return false;
}

/* Begins a copy to or from body.disk, which continues even if the asker stops waiting. */
static void volume_copy(struct request *request, const char *command)
{
	char word[TARGET_BYTES];
	const char *words[] = {word, request_text(request, "disk"), NULL};

	volume_begin(request, OPERATION_REPLY, command, words,
		     volume_word(request, request->item, word), 200);
}

static void volume_took_export(uint64_t id, json_t *reply)
{
	json_t *rows;
	struct request *request = ask_took(id, reply, &rows);

	if (request && volume_may_be_copied(request, rows, request->item) && router_begin(request))
		volume_copy(request, "volume export");
}

void api_volume_export(struct request *request)
{
	const char *words[] = {request->store, NULL};

	if (volume_path_valid(request) && volume_copy_allowed(request))
		ask_skerry(request, "volume list", words, NULL, volume_took_export);
}

void api_volume_import(struct request *request)
{
	if (!volume_path_valid(request) || !volume_copy_allowed(request))
		return;
	if (upload_is_part(request->item))
		answer_problem(request, 422, "bad-argument", "%s", volume_part_problem);
	else
		volume_copy(request, "volume import");
}

static void volume_took_copies(uint64_t id, json_t *reply)
{
	ask_took_rows(id, reply, copy_keys);
}

void api_copies(struct request *request)
{
	ask_skerry(request, "volume copy list", NULL, NULL, volume_took_copies);
}

void api_copy_cancel(struct request *request)
{
	const char *words[] = {NULL};

	volume_begin(request, OPERATION_REPLY, "volume copy cancel", words, "host", 200);
}
