/* SPDX-License-Identifier: MIT */
/*
 * The volume of a run: reads what a request says of it, and decides whether the asker may have it.
 * The handler of new runs calls it; whether the volume is free Skerry decides when it makes the
 * clone.
 */
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/api/run.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/name.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/identity/role.h"

static const char run_volume_wrong[] =
	"\"volumes\" has one STORE/VOLUME:/PATH, or STORE/VOLUME:/PATH:ro; the path has up to 255 "
	"bytes and no colon";

void api_run_take_volume(struct run_asked *asked, const char *text)
{
	const char *path = strchr(text, ':');
	const char *end = path ? strchr(path + 1, ':') : NULL;
	char name[TARGET_BYTES], place[RUN_WANTED_PATH];
	bool read_only = end && !strcmp(end, ":ro");
	size_t length = path ? (size_t)(path - text) : 0;
	size_t place_length = path && !end ? strlen(path + 1) : path ? (size_t)(end - path - 1) : 0;

	asked->wrong = run_volume_wrong;
	if (asked->order.volume[0] || !path || (end && !read_only) || length >= sizeof(name) ||
	    place_length < 2 || place_length >= sizeof(place))
		return;
	string_copy(name, length + 1, text);
	string_copy(place, place_length + 1, path + 1);
	if (!strchr(name, '/') || !name_of_disk(name) || *place != '/')
		return;
	asked->wrong = NULL;
	string_copy(asked->order.volume, sizeof(asked->order.volume), name);
	if (read_only)
		strcat(asked->order.volume, ":ro");
	api_run_word(&asked->order.words, read_only ? 'r' : 'v', "", place);
}

bool api_run_volume_may(struct request *request, struct run_order *order)
{
	char actor[65], target[TARGET_BYTES];

	if (!order->volume[0])
		return true;
	if (strcmp(request->who.scope, "*") != 0) {
		answer_problem(request, 403, "forbidden",
			       "volumes of stores belong to no VM, so this needs the scope *");
		return false;
	}
	if (!(request->who.roles & ROLE_ADMIN)) {
		answer_problem(request, 403, "forbidden",
			       "only the role admin may give a run a volume, as it is for a VM");
		return false;
	}
	/*
	 * The run's own line has its template: this one says what of the host's it is to have. Its
	 * result is "given" when Skerry has made the clone with it.
	 */
	string_copy(target, sizeof(target), order->volume);
	if (strchr(target, ':'))
		*strchr(target, ':') = 0;
	request_actor(request, actor, sizeof(actor));
	order->volume_audit =
		audit_begin(actor, "run.volume", target, request_address(request), NULL);
	if (order->volume_audit)
		return true;
	answer_problem(request, 503, "audit-unwritable",
		       "the gateway cannot write its audit, so it has changed nothing");
	return false;
}
