/* SPDX-License-Identifier: MIT */
/*
 * Reads a line of a machine channel into a request. Called by channel_input.c alone. Holds no
 * state; every byte comes from an untrusted client.
 */
#include "vmm/manager/channel/request.h"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/json_read.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define KEYS_ALLOWED "\"id\" and one of \"command\", \"auth\" and \"hello\", once each"
#define KEY_BYTES    16u

/* The keys of a line, each a bit of state.seen. */
enum key {
	KEY_ID,
	KEY_COMMAND,
	KEY_AUTH,
	KEY_HELLO,
	KEY_ARGUMENTS,
	KEY_ACTOR,
	KEY_ORDER,
	KEY_CREDIT,
	KEY_BYTES_GIVEN,
	KEY_STREAM,
	KEY_DATA,
	KEY_AT,
	KEY_END,
	KEY_REFUSED,
	KEY_COUNT
};

#define SEEN(key) (1u << (key))

struct state {
	struct json_reader reader;
	struct request *request;
	u32 seen;
};

/* For each kind of line the keys that it must have, and those that it may have besides. */
static const struct {
	enum request_kind kind;
	u32 wanted;
	u32 more;
} kinds[] = {
	{REQUEST_COMMAND, SEEN(KEY_ID) | SEEN(KEY_COMMAND),
	 SEEN(KEY_ARGUMENTS) | SEEN(KEY_ACTOR) | SEEN(KEY_ORDER) | SEEN(KEY_DATA)},
	{REQUEST_AUTH, SEEN(KEY_ID) | SEEN(KEY_AUTH), SEEN(KEY_ACTOR)},
	{REQUEST_HELLO, SEEN(KEY_ID) | SEEN(KEY_HELLO), SEEN(KEY_ACTOR) | SEEN(KEY_ORDER)},
	{REQUEST_CREDIT, SEEN(KEY_CREDIT) | SEEN(KEY_BYTES_GIVEN), 0},
	{REQUEST_DATA, SEEN(KEY_STREAM) | SEEN(KEY_DATA), SEEN(KEY_AT)},
	{REQUEST_END, SEEN(KEY_STREAM) | SEEN(KEY_END), 0},
	{REQUEST_REFUSAL, SEEN(KEY_STREAM) | SEEN(KEY_REFUSED), 0},
};

/* Notes a mistake of the line and its place; only the first mistake is reported. */
static void request_tell(struct state *state, size_t at, const char *problem)
{
	if (state->request->problem[0] != '\0')
		return;
	string_copy(state->request->problem, sizeof(state->request->problem), problem);
	state->request->position = (u32)at;
}

static bool request_has_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((u8)text[i] < ' ' && text[i] != '\t')
			return true;
	}
	return false;
}

static void request_take_command(struct state *state, size_t at, enum json_kind kind,
				 struct text raw)
{
	struct request *request = state->request;
	size_t length;

	if (kind != JSON_STRING) {
		request_tell(state, at,
			     "command: this is no string; write a console command in quotes");
		return;
	}
	length = json_decode(raw, request->command, sizeof(request->command));
	if (length > LINE_MAX)
		request_tell(state, at,
			     "command: the line is too long; use at most 1024 characters");
	else if (request_has_control(request->command, length))
		request_tell(state, at,
			     "command: it contains a control character; write one line of text");
}

/* Reads the password; no error message shows any part of it. */
static void request_take_password(struct state *state, size_t at, enum json_kind kind,
				  struct text raw)
{
	struct request *request = state->request;

	if (kind != JSON_STRING) {
		request_tell(state, at, "auth: this is no string; write the password in quotes");
		return;
	}
	request->password_length =
		(u32)json_decode(raw, request->password, sizeof(request->password));
}

static void request_take_actor(struct state *state, size_t at, enum json_kind kind, struct text raw)
{
	struct request *request = state->request;
	size_t length = kind == JSON_STRING
				? json_decode(raw, request->actor, sizeof(request->actor))
				: sizeof(request->actor);
	bool good = length < sizeof(request->actor);

	for (size_t i = 0; good && i < length; i++)
		good = char_is_printable(request->actor[i]);
	if (good)
		return;
	request->actor[0] = '\0';
	request_tell(state, at,
		     "actor: this is no name; write a string of at most 64 printable characters");
}

static void request_take_order(struct state *state, size_t at, enum json_kind kind, struct text raw)
{
	state->request->any_order = kind == JSON_STRING && text_equal(raw, "\"any\"");
	if (!state->request->any_order)
		request_tell(state, at, "order: there is no such order; the only one is \"any\"");
}

static void request_take_number(struct state *state, size_t at, enum json_kind kind,
				struct text raw, u64 *number)
{
	if (kind == JSON_NUMBER && parse_u64(raw, number))
		return;
	/* in lines that get no answer, ~0 marks a number that could not be read */
	*number = ~0ull;
	request_tell(state, at, "this is no number; write a whole number in decimal");
}

/*
 * Takes the member `data`: copies it to `decoded`, behind the arguments if they came before, where
 * its base 64 is then decoded in place.
 */
static void request_take_data(struct state *state, size_t at, enum json_kind kind, struct text raw)
{
	struct request *request = state->request;
	char *to = request->decoded + request->decoded_length;
	size_t size = sizeof(request->decoded) - request->decoded_length;
	size_t length;
	size_t count;

	if (kind != JSON_STRING) {
		request_tell(state, at, "data: this is no string; write the bytes in base 64");
		return;
	}
	length = json_decode(raw, to, size);
	request->data = (u8 *)to;
	request->bytes = ~0ull;
	if (length >= size)
		return;
	request->decoded_length += (u32)length + 1;
	if (base64_bytes((struct text){to, length}, request->data, &count))
		request->bytes = count;
}

static void request_take_argument(struct state *state, size_t at, struct text raw)
{
	struct request *request = state->request;
	char *to = request->decoded + request->decoded_length;
	size_t size = sizeof(request->decoded) - request->decoded_length;
	size_t length = json_decode(raw, to, size);

	if (request->argument_count == COMMAND_WORDS_MAX) {
		request_tell(state, at, "arguments: there are too many words; send at most 32");
		return;
	}
	if (length >= size || request_has_control(to, length)) {
		request_tell(state, at,
			     "arguments: a word contains a control character; send words of text");
		return;
	}
	request->argument[request->argument_count++] = to;
	request->decoded_length += (u32)length + 1;
}

static void request_take_refusal(struct state *state, size_t at, enum json_kind kind,
				 struct text raw)
{
	struct request *request = state->request;

	request->decoded[0] = '\0';
	if (kind != JSON_STRING)
		request_tell(state, at, "refused: this is no string; write the reason in quotes");
	else
		json_decode(raw, request->decoded, sizeof(request->decoded));
}

/*
 * Reads an array of strings, the command's words. Returns false if the rest of the line cannot be
 * read.
 */
static bool request_take_arguments(struct state *state)
{
	struct json_reader *reader = &state->reader;
	struct text raw;

	if (!json_read_byte(reader, '['))
		return json_read_fail(reader, reader->at, "an array of words");
	if (json_read_byte(reader, ']'))
		return true;
	do {
		if (!json_read_string(reader, &raw))
			return false;
		request_take_argument(state, reader->at - raw.length, raw);
	} while (json_read_byte(reader, ','));
	return json_read_byte(reader, ']') || json_read_fail(reader, reader->at, "a comma or ]");
}

static bool request_take_value(struct state *state, enum key key)
{
	struct request *request = state->request;
	struct text raw;
	enum json_kind kind;
	size_t at;

	if (key == KEY_ARGUMENTS)
		return request_take_arguments(state);
	kind = json_read_scalar(&state->reader, &raw);
	if (kind == JSON_NONE)
		return false;
	at = state->reader.at - raw.length;
	switch (key) {
	case KEY_ID:
		request->id = raw;
		break;
	case KEY_COMMAND:
		request_take_command(state, at, kind, raw);
		break;
	case KEY_AUTH:
		request_take_password(state, at, kind, raw);
		break;
	case KEY_ACTOR:
		request_take_actor(state, at, kind, raw);
		break;
	case KEY_ORDER:
		request_take_order(state, at, kind, raw);
		break;
	case KEY_BYTES_GIVEN:
	case KEY_END:
		request_take_number(state, at, kind, raw, &request->bytes);
		break;
	case KEY_AT:
		request_take_number(state, at, kind, raw, &request->at);
		break;
	case KEY_DATA:
		request_take_data(state, at, kind, raw);
		break;
	case KEY_REFUSED:
		request_take_refusal(state, at, kind, raw);
		break;
	default: /* KEY_HELLO, KEY_CREDIT, KEY_STREAM */
		request_take_number(state, at, kind, raw, &request->number);
		break;
	}
	return true;
}

/*
 * Reads a key of the line's object and its value. Returns false if the rest of the line cannot be
 * read.
 */
static bool request_take_member(struct state *state)
{
	static const char names[KEY_COUNT][KEY_BYTES] = {
		[KEY_ID] = "id",
		[KEY_COMMAND] = "command",
		[KEY_AUTH] = "auth",
		[KEY_HELLO] = "hello",
		[KEY_ARGUMENTS] = "arguments",
		[KEY_ACTOR] = "actor",
		[KEY_ORDER] = "order",
		[KEY_CREDIT] = "credit",
		[KEY_STREAM] = "stream",
		[KEY_BYTES_GIVEN] = "bytes",
		[KEY_DATA] = "data",
		[KEY_AT] = "at",
		[KEY_END] = "end",
		[KEY_REFUSED] = "refused",
	};
	struct json_reader *reader = &state->reader;
	char bytes[KEY_BYTES];
	struct text name = {bytes, 0};
	char problem[128];
	char shown[40];
	struct text key;
	struct text ignored;
	u32 found = 0;
	size_t key_at;

	if (!json_read_string(reader, &key))
		return false;
	key_at = reader->at - key.length;
	if (!json_read_byte(reader, ':'))
		return json_read_fail(reader, reader->at, "a colon");
	name.length = json_decode(key, bytes, sizeof(bytes));
	while (found < KEY_COUNT &&
	       (name.length >= sizeof(bytes) || !text_equal(name, names[found])))
		found++;
	if (found < KEY_COUNT && (state->seen & SEEN(found)) == 0) {
		state->seen |= SEEN(found);
		return request_take_value(state, (enum key)found);
	}
	format(problem, sizeof(problem),
	       found < KEY_COUNT ? "the key %s stands here twice; send " KEYS_ALLOWED
				 : "there is no key %s; send " KEYS_ALLOWED,
	       text_show(shown, sizeof(shown), key));
	request_tell(state, key_at, problem);
	return json_read_scalar(reader, &ignored) != JSON_NONE;
}

static bool request_take_members(struct state *state)
{
	struct json_reader *reader = &state->reader;

	if (!json_read_byte(reader, '{'))
		return json_read_fail(reader, reader->at, "{\"id\":1,\"command\":\"vm list\"}");
	if (!json_read_byte(reader, '}')) {
		do {
			if (!request_take_member(state))
				return false;
		} while (json_read_byte(reader, ','));
		if (!json_read_byte(reader, '}'))
			return json_read_fail(reader, reader->at, "a comma or }");
	}
	if (!json_read_end(reader))
		return json_read_fail(reader, reader->at, "the end of the line");
	return true;
}

/* Sets the line's kind: the kind whose set of keys equals the keys in the line. */
static void request_find_kind(struct state *state, size_t end)
{
	u32 brings = SEEN(KEY_CREDIT) | SEEN(KEY_STREAM);

	for (u32 i = 0; i < ARRAY_COUNT(kinds); i++) {
		if ((state->seen & kinds[i].wanted) == kinds[i].wanted &&
		    (state->seen & ~(kinds[i].wanted | kinds[i].more)) == 0)
			state->request->kind = kinds[i].kind;
	}
	if (state->request->kind != REQUEST_NONE)
		return;
	if ((state->seen & (SEEN(KEY_ID) | brings)) == 0)
		request_tell(state, end, "the id is missing; send " KEYS_ALLOWED);
	else if ((state->seen & (SEEN(KEY_COMMAND) | SEEN(KEY_AUTH) | SEEN(KEY_HELLO))) == 0)
		request_tell(state, end, "the command is missing; send " KEYS_ALLOWED);
	else
		request_tell(state, end, "these keys do not go together; send " KEYS_ALLOWED);
}

bool request_parse(struct text line, struct request *request)
{
	struct state state = {.request = request};

	request->kind = REQUEST_NONE;
	request->id = TEXT("null");
	request->any_order = false;
	request->actor[0] = '\0';
	request->command[0] = '\0';
	request->argument_count = 0;
	request->decoded_length = 0;
	request->number = 0;
	request->bytes = 0;
	request->data = NULL;
	request->at = ~0ull;
	request->decoded[0] = '\0';
	request->problem[0] = '\0';
	request->position = 0;
	json_read_start(&state.reader, line);
	if (!request_take_members(&state))
		request_tell(&state, state.reader.at, state.reader.problem);
	else
		request_find_kind(&state, line.length);
	return request->problem[0] == '\0';
}
