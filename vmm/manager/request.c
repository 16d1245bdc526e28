/* SPDX-License-Identifier: MIT */
#include "vmm/manager/request.h"
#include "vmm/manager/text/json_read.h"
#include "vmm/rt/format.h"

#define KEYS_ALLOWED "\"id\" and one of \"command\" and \"auth\", once each"
#define KEY_BYTES    16u

struct state {
	struct json_reader reader;
	struct request *request;
	bool has_id;
	bool has_command; /* or a password */
};

/* The first mistake is the one that is reported. */
static void tell(struct state *state, size_t at, const char *problem)
{
	if (state->request->problem[0] != '\0')
		return;
	string_copy(state->request->problem, sizeof(state->request->problem), problem);
	state->request->position = (u32)at;
}

static void take_command(struct state *state, size_t at, enum json_kind kind, struct text raw)
{
	struct request *request = state->request;
	size_t length;

	if (kind != JSON_STRING) {
		tell(state, at, "command: found no string, allowed: a console command in quotes");
		return;
	}
	length = json_decode(raw, request->command, sizeof(request->command));
	if (length > LINE_MAX) {
		tell(state, at, "command: found too long a line, allowed: 1024 characters");
		return;
	}
	for (size_t i = 0; i < length; i++) {
		if ((u8)request->command[i] < ' ' && request->command[i] != '\t')
			tell(state, at,
			     "command: found a control character, allowed: one line of text");
	}
}

/* Nothing of it is shown, whatever is wrong. */
static void take_password(struct state *state, size_t at, enum json_kind kind, struct text raw)
{
	struct request *request = state->request;

	if (kind != JSON_STRING) {
		tell(state, at, "auth: found no string, allowed: the password in quotes");
		return;
	}
	request->is_auth = true;
	request->password_length =
		(u32)json_decode(raw, request->password, sizeof(request->password));
}

/* A key and its value; false when the line cannot be read any further. */
static bool take_member(struct state *state)
{
	struct json_reader *reader = &state->reader;
	char bytes[KEY_BYTES];
	struct text name = {bytes, 0};
	char problem[128];
	char shown[40];
	struct text key;
	struct text raw;
	enum json_kind kind;
	bool known;
	size_t key_at;
	size_t value_at;

	if (!json_read_string(reader, &key))
		return false;
	key_at = reader->at - key.length;
	if (!json_read_byte(reader, ':'))
		return json_read_fail(reader, reader->at, "a colon");
	kind = json_read_scalar(reader, &raw);
	if (kind == JSON_NONE)
		return false;
	value_at = reader->at - raw.length;
	name.length = json_decode(key, bytes, sizeof(bytes));
	known = text_equal(name, "id") || text_equal(name, "command") || text_equal(name, "auth");
	if (text_equal(name, "id") && !state->has_id) {
		state->has_id = true;
		state->request->id = raw;
	} else if (text_equal(name, "command") && !state->has_command) {
		state->has_command = true;
		take_command(state, value_at, kind, raw);
	} else if (text_equal(name, "auth") && !state->has_command) {
		state->has_command = true;
		take_password(state, value_at, kind, raw);
	} else {
		format(problem, sizeof(problem), "found the key %s%s, allowed: " KEYS_ALLOWED,
		       text_show(shown, sizeof(shown), key), known ? " a second time" : "");
		tell(state, key_at, problem);
	}
	return true;
}

static bool take_members(struct state *state)
{
	struct json_reader *reader = &state->reader;

	if (!json_read_byte(reader, '{'))
		return json_read_fail(reader, reader->at, "{\"id\":1,\"command\":\"vm list\"}");
	if (!json_read_byte(reader, '}')) {
		do {
			if (!take_member(state))
				return false;
		} while (json_read_byte(reader, ','));
		if (!json_read_byte(reader, '}'))
			return json_read_fail(reader, reader->at, ", or }");
	}
	if (!json_read_end(reader))
		return json_read_fail(reader, reader->at, "the end of the line");
	return true;
}

bool request_parse(struct text line, struct request *request)
{
	struct state state = {.request = request};

	request->id = TEXT("null");
	request->command[0] = '\0';
	request->is_auth = false;
	request->problem[0] = '\0';
	request->position = 0;
	json_read_start(&state.reader, line);
	if (!take_members(&state))
		tell(&state, state.reader.at, state.reader.problem);
	else if (!state.has_id)
		tell(&state, line.length, "found no id, allowed: " KEYS_ALLOWED);
	else if (!state.has_command)
		tell(&state, line.length, "found no command, allowed: " KEYS_ALLOWED);
	return request->problem[0] == '\0';
}
