/* SPDX-License-Identifier: MIT */
/*
 * Prints answers: JSON as it came, and problems as one line, with the exit code for them. All
 * commands call it; it writes to stdout and stderr.
 */
#include "gateway/cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/escape.h"
#include "gateway/cli/table.h"

/*
 * Writes JSON in ASCII only. DEL, which jansson does not escape, is escaped here: it can only be in
 * a string.
 */
static void output_dump(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
					       JSON_REAL_PRECISION(15));

	if (text == NULL)
		cli_die(CLI_FAILED, "no memory");
	for (const char *at = text; *at; at++) {
		if (*at == 0x7f)
			fputs("\\u007f", stdout);
		else
			putchar(*at);
	}
	putchar('\n');
	free(text);
}

void output_json(const json_t *value)
{
	output_dump(value, JSON_INDENT(2));
}

void output_json_line(const json_t *value)
{
	output_dump(value, JSON_COMPACT);
	fflush(stdout);
}

const char *output_duration(double seconds)
{
	static char text[40];
	unsigned long all = seconds > 0 && seconds < 1e15 ? (unsigned long)seconds : 0;

	if (all < 60)
		snprintf(text, sizeof(text), "%lu s", all);
	else if (all < 3600)
		snprintf(text, sizeof(text), "%lu:%02lu", all / 60, all % 60);
	else if (all < 86400)
		snprintf(text, sizeof(text), "%lu:%02lu:%02lu", all / 3600, all / 60 % 60,
			 all % 60);
	else
		snprintf(text, sizeof(text), "%lud %02lu:%02lu", all / 86400, all / 3600 % 24,
			 all / 60 % 60);
	return text;
}

static bool quiet;

void cli_quiet(bool wanted)
{
	quiet = wanted;
}

void cli_say(const char *format, ...)
{
	char text[1024];
	va_list arguments;

	if (quiet)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fputs("skerryctl: ", stderr);
	escape_print(stderr, text);
	fputc('\n', stderr);
}

void cli_die(enum cli_exit code, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	quiet = false;
	cli_say("%s", text);
	exit(code);
}

static enum cli_exit output_code_of(const char *code, long long status)
{
	if (strcmp(code, "link-down") == 0)
		return CLI_NOT_REACHED;
	if (strcmp(code, "bad-state") == 0 || strcmp(code, "exists") == 0 ||
	    strcmp(code, "busy") == 0 || strcmp(code, "changed") == 0)
		return CLI_CONFLICT;
	if (strcmp(code, "failed") == 0)
		return CLI_FAILED;
	switch (status) {
	case 401:
	case 403:
		return CLI_NO_ACCESS;
	case 404:
		return CLI_NOT_FOUND;
	case 409:
	case 412:
		return CLI_CONFLICT;
	case 503:
		return CLI_NOT_REACHED;
	default:
		return CLI_FAILED;
	}
}

void output_done(const struct cli *cli, struct http_answer *answer, const char *about,
		 const char *done)
{
	if (cli->json) {
		output_json(answer->json);
	} else {
		escape_print(stdout, about);
		printf(": %s\n", done);
	}
	json_decref(answer->json);
}

enum cli_exit output_problem(const json_t *problem, const char *about)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *title = json_string_value(json_object_get(problem, "title"));
	const char *code = json_string_value(json_object_get(problem, "code"));
	long long status = json_integer_value(json_object_get(problem, "status"));
	json_t *states = json_object_get(problem, "allowed_states");
	char allowed[200] = "";
	json_t *state;
	size_t i;

	json_array_foreach(states, i, state)
	{
		size_t used = strlen(allowed);

		snprintf(allowed + used, sizeof(allowed) - used, "%s %s",
			 i ? "," : "; allowed when",
			 json_is_string(state) ? json_string_value(state) : "?");
	}
	cli_say("%s%s%s%s%s", about != NULL ? about : "", about != NULL ? ": " : "",
		detail != NULL	? detail
		: title != NULL ? title
		: code != NULL	? code
				: "the server refused",
		allowed, status == 401 ? " (skerryctl login)" : "");
	return output_code_of(code != NULL ? code : "", status);
}

enum cli_exit cli_problem(const struct http_answer *answer, const char *about)
{
	json_t *problem = json_is_object(answer->json) ? json_incref(answer->json) : json_object();
	enum cli_exit code;

	if (json_object_get(problem, "status") == NULL)
		json_object_set_new(problem, "status", json_integer(answer->status));
	code = output_problem(problem, about);
	json_decref(problem);
	return code;
}

enum cli_exit cli_ask(struct cli *cli, const char *method, const char *path, const json_t *body,
		      const char *headers, struct http_answer *answer)
{
	enum cli_exit code;

	if (!http_exchange(&cli->http, method, path, headers, body, answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	if (answer->status >= 200 && answer->status <= 299)
		return CLI_OK;
	code = cli_problem(answer, NULL);
	json_decref(answer->json);
	answer->json = NULL;
	return code;
}
