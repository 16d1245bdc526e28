/* SPDX-License-Identifier: MIT */
/*
 * Calls of envd's about processes: starts one, follows it, sends it input and signals. The way of a
 * request calls it. A pid is the low half of a run's number, and is looked for among the commands
 * of the sandbox that the request names, so that it reaches no other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/bytes.h"
#include "gateway/base/string.h"
#include "gateway/web/e2b/e2b.h"

enum { E2B_WALL_S = 3600 };

/* E2B's client runs each command by bash, which not every image has. */
static const char e2b_bash[] = "/bin/bash";
static const char e2b_shell[] = "[ -x /bin/bash ] && exec /bin/bash \"$@\"; exec /bin/sh \"$@\"";
enum { E2B_SHELL_WORDS = 4 }; /* sh -c e2b_shell sh */

static uint32_t e2b_pid(const char *number)
{
	return (uint32_t)strtoull(number, NULL, 10);
}

/* Returns the size of a terminal that a request asks for, or NULL. */
static json_t *e2b_size(json_t *body)
{
	json_t *size = json_object_get(json_object_get(body, "pty"), "size");

	if (!size)
		return NULL;
	return json_pack("{s:I, s:I}", "rows", json_integer_value(json_object_get(size, "rows")),
			 "columns", json_integer_value(json_object_get(size, "cols")));
}

/* Adds the words of a list, which is taken over. */
static void e2b_extend(json_t *words, json_t *list)
{
	json_array_extend(words, list);
	json_decref(list);
}

void e2b_start(struct e2b *e2b)
{
	json_t *process = json_object_get(e2b->body, "process"), *size = e2b_size(e2b->body);
	json_t *words = json_array(), *env = json_object_get(process, "envs"), *word, *sent;
	double wall_s =
		e2b->timeout_s > 0 && e2b->timeout_s < E2B_WALL_S ? e2b->timeout_s : E2B_WALL_S;
	const char *directory = e2b_text(process, "cwd");
	size_t index;

	if (strcmp(e2b_text(process, "cmd"), e2b_bash) != 0)
		json_array_append_new(words, json_string(e2b_text(process, "cmd")));
	else
		e2b_extend(words, json_pack("[s, s, s, s]", "/bin/sh", "-c", e2b_shell, "sh"));
	json_array_foreach(json_object_get(process, "args"), index, word)
		json_array_append(words, word);
	e2b->terminal = size != NULL;
	sent = json_pack("{s:o, s:b, s:{s:f}, s:s*, s:s*, s:O*, s:o*}", "command", words,
			 "stdin_open", size || json_is_true(json_object_get(e2b->body, "stdin")),
			 "limits", "wall_s", wall_s, "user", *e2b->user ? e2b->user : NULL,
			 "directory", *directory ? directory : NULL, "env",
			 json_is_object(env) ? env : NULL, "terminal", size);
	e2b_ask(e2b, "POST", sent, "/v1/sandboxes/%s/commands", e2b->box);
	e2b->streams = true;
}

void e2b_process(struct e2b *e2b)
{
	e2b_ask(e2b, "GET", NULL, "/v1/sandboxes/%s/commands", e2b->box);
}

/* Finds the process that the request names among the sandbox's; answers if there is none. */
static json_t *e2b_find(struct e2b *e2b, json_t *answer)
{
	json_t *pid = json_object_get(json_object_get(e2b->body, "process"), "pid"), *item;
	size_t index;

	json_array_foreach(json_object_get(answer, "items"), index, item)
	{
		if (json_is_integer(pid) &&
		    json_integer_value(pid) == (json_int_t)e2b_pid(e2b_text(item, "id")))
			return item;
	}
	e2b_problem(e2b, 404, "no-process", "the sandbox has no process of that pid");
	return NULL;
}

static void e2b_list_processes(struct e2b *e2b, json_t *answer)
{
	json_t *list = json_array(), *item;
	size_t index;

	json_array_foreach(json_object_get(answer, "items"), index, item)
	{
		json_t *words = json_deep_copy(json_object_get(item, "command"));
		const char *third = json_string_value(json_array_get(words, 2)), *first;
		bool shell = third && !strcmp(third, e2b_shell);
		json_t *process;

		for (int i = 0; shell && i < E2B_SHELL_WORDS - 1; i++)
			json_array_remove(words, 0);
		first = shell ? e2b_bash : json_string_value(json_array_get(words, 0));
		process = json_pack("{s:{s:s}, s:I}", "config", "cmd", first ? first : "", "pid",
				    (json_int_t)e2b_pid(e2b_text(item, "id")));

		json_array_remove(words, 0);
		json_object_set_new(json_object_get(process, "config"), "args", words);
		json_array_append_new(list, process);
	}
	e2b_answer(e2b, 200, json_pack("{s:o}", "processes", list));
}

void e2b_attached(struct e2b *e2b, json_t *answer)
{
	json_t *item = e2b_find(e2b, answer);

	if (!item)
		return;
	e2b->terminal = json_is_true(json_object_get(item, "terminal"));
	e2b_ask(e2b, "GET", NULL, "/v1/runs/%s", e2b_text(item, "id"));
	e2b->streams = true;
}

static void e2b_input(struct e2b *e2b, const char *number)
{
	json_t *input = json_object_get(e2b->body, "input");
	const char *data = e2b_text(input, "stdin");

	e2b_ask(e2b, "POST",
		json_pack("{s:s}", "data_base64", *data ? data : e2b_text(input, "pty")),
		"/v1/runs/%s/input", number);
}

static void e2b_signal(struct e2b *e2b, const char *number)
{
	json_t *name = json_object_get(e2b->body, "signal");
	bool kill = json_integer_value(name) == 9 ||
		    (json_is_string(name) && !strcmp(json_string_value(name), "SIGNAL_SIGKILL"));

	e2b_ask(e2b, "POST", json_pack("{s:i}", "signal", kill ? 9 : 15), "/v1/runs/%s/signal",
		number);
}

void e2b_processed(struct e2b *e2b, json_t *answer)
{
	const char *call = strrchr(e2b->row->path, '/') + 1;
	json_t *item, *size;

	if (!strcmp(call, "List")) {
		e2b_list_processes(e2b, answer);
		return;
	}
	if (e2b->step > 1) {
		e2b_answer(e2b, 200, json_object());
		return;
	}
	item = e2b_find(e2b, answer);
	if (!item)
		return;
	if (!strcmp(call, "SendInput")) {
		e2b_input(e2b, e2b_text(item, "id"));
	} else if (!strcmp(call, "CloseStdin")) {
		e2b_ask(e2b, "POST", json_pack("{s:b}", "end", true), "/v1/runs/%s/input",
			e2b_text(item, "id"));
	} else if (!strcmp(call, "SendSignal")) {
		e2b_signal(e2b, e2b_text(item, "id"));
	} else {
		size = e2b_size(e2b->body);
		e2b_ask(e2b, "POST", size ? size : json_object(), "/v1/runs/%s/terminal",
			e2b_text(item, "id"));
	}
}

/* Adds a message with bytes that a command has printed. */
static void e2b_output(const struct e2b *e2b, json_t *event, const char *name, struct buffer *to)
{
	char encoded_name[32];
	const char *text = json_string_value(json_object_get(event, name));
	struct buffer encoded = {0};

	snprintf(encoded_name, sizeof(encoded_name), "%s_base64", name);
	if (text)
		base64_add(&encoded, (const uint8_t *)text, strlen(text));
	else
		buffer_text(&encoded, e2b_text(event, encoded_name));
	e2b_message(to, 0,
		    json_pack("{s:{s:{s:s}}}", "event", "data", e2b->terminal ? "pty" : name,
			      encoded.count && !encoded.failed ? encoded.bytes : ""));
	buffer_free(&encoded);
}

/* Adds the messages for the end of a command. */
static void e2b_ended(json_t *event, struct buffer *to)
{
	const char *result = e2b_text(event, "result");
	json_t *code = json_object_get(event, "exit_code"), *problem;
	char status[48];

	if (!strcmp(result, "exit")) {
		snprintf(status, sizeof(status), "exit status %" JSON_INTEGER_FORMAT,
			 json_integer_value(code));
		e2b_message(to, 0,
			    json_pack("{s:{s:{s:I, s:b, s:s}}}", "event", "end", "exitCode",
				      json_integer_value(code), "exited", true, "status", status));
		e2b_stream_end(to);
	} else if (!strcmp(result, "signal") || !strcmp(result, "out-of-memory")) {
		snprintf(status, sizeof(status), "signal: %" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(event, "signal")));
		e2b_message(to, 0,
			    json_pack("{s:{s:{s:i, s:b, s:s, s:s}}}", "event", "end", "exitCode",
				      -1, "exited", false, "status", status, "error", status));
		e2b_stream_end(to);
	} else {
		problem = json_pack("{s:s, s:s}", "code",
				    !strcmp(result, "out-of-time")     ? "deadline_exceeded"
				    : !strcmp(result, "out-of-output") ? "resource_exhausted"
								       : "unavailable",
				    "message", result);
		e2b_message(to, 2, json_pack("{s:o}", "error", problem));
	}
}

void e2b_stream_end(struct buffer *to)
{
	e2b_message(to, 2, json_object());
}

void e2b_event(struct e2b *e2b, const char *event, size_t count, struct buffer *to)
{
	static const char data[] = "\ndata: ";
	const char *at = memmem(event, count, data, strlen(data));
	json_t *value;

	if (!at)
		return;
	at += strlen(data);
	value = json_loadb(at, count - (size_t)(at - event), JSON_DISABLE_EOF_CHECK, NULL);
	if (!strncmp(event, "event: run\n", 11))
		e2b_message(to, 0,
			    json_pack("{s:{s:{s:I}}}", "event", "start", "pid",
				      (json_int_t)e2b_pid(e2b_text(value, "id"))));
	else if (!strncmp(event, "event: stdout\n", 14))
		e2b_output(e2b, value, "stdout", to);
	else if (!strncmp(event, "event: stderr\n", 14))
		e2b_output(e2b, value, "stderr", to);
	else if (!strncmp(event, "event: end\n", 11))
		e2b_ended(value, to);
	json_decref(value);
}
