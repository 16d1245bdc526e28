/* SPDX-License-Identifier: MIT */
/*
 * Handlers of VMs: their list, creation, change, end, and the actions that take no more than a
 * verb. The table of routes names them; they read the cache, and begin operations.
 */
#include "gateway/core/api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/base/fields.h"
#include "gateway/base/string.h"
#include "gateway/core/api/ask.h"
#include "gateway/core/api/schema.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/run_name.h"
#include "gateway/link/link.h"

enum {
	API_KEYS = 31,
	API_WAIT_S = 10,
	API_WORD_BYTES = 4096,
	API_TEXT_BYTES = 12288, /* the longest user_data, which fits into a request's body */
	API_PIECE_BYTES = 4096, /* of user_data, in one request to Skerry */
	/* the requests for a VM with the longest text, and one that takes the text back */
	API_CREATE_REQUESTS = API_TEXT_BYTES / API_PIECE_BYTES + 2,
};

void api_vms(struct request *request)
{
	int64_t limit = number_read(request_query(request, "limit"), HOST_VMS, HOST_VMS);
	const char *after = request_query(request, "after");
	const char *state = request_query(request, "state");
	struct buffer text = {0};
	const char *last = NULL;
	int64_t shown = 0;

	if (limit < 1) {
		answer_problem(request, 422, "bad-argument",
			       "\"limit\" must be a number from 1 to %d", HOST_VMS);
		return;
	}
	buffer_text(&text, "{\"items\":[");
	for (unsigned i = 0; i < host.vm_count && shown <= limit; i++) {
		struct host_vm *vm = host.vms[i];

		if (!scope_has(request->who.scope, vm->name) ||
		    (after && strcmp(vm->name, after) <= 0) ||
		    (state && strcmp(host_vm_state(vm), state)))
			continue;
		if (shown++ == limit)
			break;
		if (last)
			buffer_text(&text, ",");
		host_vm_text(vm, &text);
		last = vm->name;
	}
	/* The next VM's name is written unchanged: it has no character that JSON would escape. */
	buffer_format(&text, "],\"next\":%s%s%s,\"stale\":%s}", shown > limit ? "\"" : "",
		      shown > limit ? last : "null", shown > limit ? "\"" : "",
		      host.up ? "false" : "true");
	answer_age(request);
	answer_json_text(request, 200, &text);
	buffer_free(&text);
}

void api_vm(struct request *request)
{
	struct host_vm *vm = host_find(request->vm);
	struct buffer text = {0};
	char tag[80];

	host_vm_text_full(vm, &text);
	host_vm_tag(vm, tag, sizeof(tag));
	answer_header(request, "ETag", tag);
	answer_age(request);
	answer_json_text(request, 200, &text);
	buffer_free(&text);
}

/*
 * Checks the header If-Match. If the VM's configuration has changed since the client read it,
 * answers the request and returns false.
 */
static bool api_vm_unchanged(struct request *request)
{
	const char *match = request_header(request, "if-match");
	char tag[80];

	host_vm_tag(host_find(request->vm), tag, sizeof(tag));
	if (!match || !strcmp(match, "*") || !strcmp(match, tag))
		return true;
	answer_problem(request, 412, "changed",
		       "the VM's configuration has changed since you read it: read it again");
	return false;
}

/*
 * Returns a value of body.config as a word of Skerry's command, or NULL when no key can have that
 * value.
 */
static const char *api_value(const struct field *field, const char *key, bool null_allowed)
{
	switch (field->type) {
	case FIELD_TEXT:
		if (!strcmp(field->value, "{}") || !strcmp(field->value, "[]"))
			return NULL;
		return field->value;
	case FIELD_NUMBER:
		return field->value;
	case FIELD_TRUE:
		return "yes";
	case FIELD_FALSE:
		return "no";
	case FIELD_NULL:
		return null_allowed ? schema_config_none(key) : NULL;
	}
	return NULL;
}

static bool api_word_valid(const char *key, const char *value)
{
	if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(key) || !*key)
		return false;
	/* This word is no key: it takes a text that another client may have left at Skerry. */
	if (!strcmp(key, "user-data"))
		return false;
	for (const char *at = value; *at; at++) {
		if (*at < ' ' || *at > '~')
			return false;
	}
	return strlen(value) < API_WORD_BYTES;
}

/*
 * Adds body.config.* as words KEY=VALUE of Skerry's command, from `words[count]` on. Returns false
 * if the request has been answered.
 */
static bool api_words(struct request *request, char **words, size_t count, bool null_allowed)
{
	static const char prefix[] = "body.config.";

	for (size_t i = 0; i < request->fields.count; i++) {
		const struct field *field = &request->fields.list[i];
		const char *key = field->name + strlen(prefix);
		const char *value;
		size_t room;

		if (strncmp(field->name, prefix, strlen(prefix)))
			continue;
		value = api_value(field, key, null_allowed);
		if (!value || !api_word_valid(key, value) || count >= API_KEYS) {
			answer_problem(request, 422, "bad-argument",
				       "\"config\" must have 1 to 30 keys, each with a text, a "
				       "number, true or false");
			return false;
		}
		room = strlen(key) + strlen(value) + 2;
		words[count] = malloc(room);
		if (!words[count]) {
			answer_problem(request, 500, "failed", "the gateway is out of memory");
			return false;
		}
		snprintf(words[count++], room, "%s=%s", key, value);
	}
	words[count] = NULL;
	return true;
}

static void api_took_piece(uint64_t context, json_t *reply)
{
	/* a piece that Skerry refused is missing at `vm create`, whose answer says so */
	(void)context;
	(void)reply;
}

/* Hands Skerry a piece of a text for cloud-init. Returns false if the link does not take it. */
static bool api_hand_over_piece(const char *actor, size_t at, const char *bytes, size_t count)
{
	struct buffer data = {0};
	char place[24];
	const char *words[] = {place, NULL};
	json_t *ask;

	snprintf(place, sizeof(place), "%zu", at);
	base64_add(&data, (const uint8_t *)bytes, count);
	ask = link_command("user-data", words, actor);
	json_object_set_new(ask, "data", json_stringn(data.bytes, data.count));
	json_object_set_new(ask, "order", json_string("any"));
	buffer_free(&data);
	return link_ask(ask, api_took_piece, 0);
}

/*
 * Hands Skerry the text body.user_data, which its next `vm create` uses up; no other request comes
 * between the two on the link. Returns false if the link does not take it.
 */
static bool api_hand_over(const char *actor, const char *text)
{
	size_t left = strlen(text), at = 0;

	while (left) {
		size_t count = left < API_PIECE_BYTES ? left : API_PIECE_BYTES;

		if (!api_hand_over_piece(actor, at, text + at, count))
			return false;
		at += count;
		left -= count;
	}
	return true;
}

/*
 * Has Skerry create the VM that `words` describe, with the text, if there is one. If Skerry is not
 * asked for the VM, it drops the text at once: by a piece behind the longest text that it may have.
 */
static void api_create(struct request *request, const char *name, char **words, const char *text)
{
	bool given = *text, asked = false;
	char actor[65];

	request_actor(request, actor, sizeof(actor));
	if (link_has_room(given ? API_CREATE_REQUESTS : 1) && api_hand_over(actor, text))
		asked = operation_start(request, OPERATION_REPLY, "vm create",
					(const char *const *)words, name, NULL, 201,
					request_wait_s(request, API_WAIT_S));
	else
		answer_problem(request, 503, "link-down",
			       "the gateway cannot ask Skerry now: the link is down, or too many "
			       "requests wait on it");
	if (given && !asked)
		(void)api_hand_over_piece(actor, API_TEXT_BYTES + 1, "#", 1);
}

/*
 * Returns body.user_data, or "" if the body has none. Returns NULL if it is no text for cloud-init
 * and the request has been answered.
 */
static const char *api_text(struct request *request)
{
	const char *text = request_text(request, "user_data");
	size_t length = text ? strlen(text) : 0;

	if (!fields_find(&request->fields, "body.user_data"))
		return "";
	if (length && length <= API_TEXT_BYTES)
		return text;
	answer_problem(
		request, 422, "bad-argument",
		"\"user_data\" must be the text that cloud-init is to read, of 1 to %d bytes",
		API_TEXT_BYTES);
	return NULL;
}

static void api_words_free(char **words)
{
	for (size_t i = 1; i <= API_KEYS && words[i]; i++)
		free(words[i]);
}

void api_vm_create(struct request *request)
{
	const char *name = request_text(request, "name");
	char *words[API_KEYS + 2] = {(char *)(uintptr_t)name};
	const char *text;
	size_t count = 1;

	if (!name || !name_valid(name)) {
		answer_problem(request, 422, "bad-argument",
			       "\"name\" must be 1 to 31 letters, digits, '-', '_' and '.', and "
			       "begin with a letter or digit");
		return;
	}
	if (run_name_is(name)) {
		answer_problem(request, 422, "bad-argument", "%s is the name of a run's VM", name);
		return;
	}
	if (host_find(name)) {
		answer_problem(request, 409, "exists", "there is a VM of this name already");
		return;
	}
	text = api_text(request);
	if (!text)
		return;
	if (*text && asprintf(&words[count++], "user-data=%zu", strlen(text)) < 0)
		words[--count] = NULL;
	if (!api_words(request, words, count, false)) {
		api_words_free(words);
		return;
	}
	api_create(request, name, words, text);
	api_words_free(words);
}

void api_vm_change(struct request *request)
{
	char *words[API_KEYS + 2] = {request->vm};
	const struct host_vm *vm = host_find(request->vm);
	char name[NAME_BYTES];

	if (!api_vm_unchanged(request))
		return;
	string_copy(name, sizeof(name), vm->name);
	words[0] = name;
	if (!api_words(request, words, 1, true)) {
		api_words_free(words);
		return;
	}
	if (!words[1])
		answer_problem(request, 422, "bad-argument", "\"config\" names no key to change");
	else
		operation_start(request, OPERATION_KEYS, "vm set", (const char *const *)words, name,
				NULL, 200, request_wait_s(request, API_WAIT_S));
	api_words_free(words);
}

/*
 * Requires force=true of a request that would end the gateway's own VM, since nothing could then
 * start that VM again. Returns false if the request has been answered.
 */
static bool api_vm_other(struct request *request)
{
	const char *force = request_query(request, "force");

	if (!*host.own || strcmp(request->vm, host.own) || (force && !strcmp(force, "true")))
		return true;
	answer_problem(request, 409, "own-vm",
		       "this gateway runs in %s, which would end it: add force=true if you mean "
		       "it, and start the VM again at Skerry's console",
		       host.own);
	return false;
}

void api_vm_destroy(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	if (api_vm_unchanged(request) && api_vm_other(request))
		operation_start(request, OPERATION_REPLY, "vm destroy", words, request->vm, NULL,
				204, request_wait_s(request, API_WAIT_S));
}

void api_vm_action(struct request *request)
{
	static const struct {
		const char *verb, *wanted;
		/* the gateway keeps running after the action on its own VM */
		bool outlived;
	} actions[] = {
		{"start", "running", true}, {"stop", "stopped", false},	 {"kill", "stopped", false},
		{"pause", "paused", false}, {"resume", "running", true}, {"reset", NULL, false},
		{"renew", NULL, true},	    {"trim", NULL, true},
	};
	const char *verb = strrchr(request->route->path, '/') + 1;
	const char *snapshot = !strcmp(verb, "reset") ? request_text(request, "snapshot") : NULL;
	const char *words[] = {request->vm, snapshot ? "--to" : NULL, snapshot, NULL};
	const char *state = host_vm_state(host_find(request->vm));
	bool stop = !strcmp(verb, "stop");
	const char *wanted = NULL;
	bool outlived = false;
	char command[16];

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		if (!strcmp(actions[i].verb, verb)) {
			wanted = actions[i].wanted;
			outlived = actions[i].outlived;
		}
	}
	if (wanted && !strcmp(state, wanted)) {
		answer_json(request, 200,
			    json_pack("{s:b, s:o}", "changed", false, "vm",
				      host_vm_json(host_find(request->vm))));
		return;
	}
	if (!outlived && !api_vm_other(request))
		return;
	snprintf(command, sizeof(command), "vm %s", verb);
	operation_start(request, stop ? OPERATION_STOP : OPERATION_REPLY, command, words,
			request->vm, wanted, 200, request_wait_s(request, stop ? 0 : API_WAIT_S));
}

void api_vm_digest(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	operation_start(request, OPERATION_RESULT, "vm digest", words, request->vm, NULL, 200,
			request_wait_s(request, API_WAIT_S));
}

/* Returns whether a row of `vm stat` is the count of an exit reason; other rows are not. */
static bool api_is_exit(const char *reason)
{
	char field[HOST_FIELD_BYTES + 8];

	snprintf(field, sizeof(field), "exit.%s", reason);
	for (unsigned i = 0; i < host.field_count; i++) {
		if (!strcmp(host.fields[i], field))
			return true;
	}
	return false;
}

static json_t *api_exit_item(const struct request *request, json_t *row)
{
	const char *reason = json_string_value(json_object_get(row, "reason"));
	json_t *cost = json_object_get(row, "instructions");
	char count[24], cycles[24];

	(void)request;
	if (!reason || !api_is_exit(reason))
		return NULL;
	snprintf(count, sizeof(count), "%lld",
		 (long long)json_integer_value(json_object_get(row, "count")));
	snprintf(cycles, sizeof(cycles), "%lld", (long long)json_integer_value(cost));
	return json_pack("{s:s, s:s, s:s?}", "reason", reason, "count", count, "cycles",
			 json_is_integer(cost) ? cycles : NULL);
}

static void api_took_exits(uint64_t id, json_t *reply)
{
	ask_took_items(id, reply, api_exit_item);
}

void api_vm_exits(struct request *request)
{
	const char *words[] = {request->vm, NULL};

	ask_skerry(request, "vm stat", words, NULL, api_took_exits);
}
