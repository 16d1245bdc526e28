/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/cli/cli.h"

/*
 * Writes JSON with indentation and in ASCII only, so that nothing in it can move a terminal's
 * cursor.
 */
void output_json(const json_t *value);

/* Writes JSON on one line and flushes it at once. */
void output_json_line(const json_t *value);

/*
 * Returns a duration as text, such as 12 s, 3:07, 2:03:04 or 5d 02:03. The next call overwrites the
 * text.
 */
const char *output_duration(double seconds);

/*
 * Prints `about` and what was `done`, or the answer as JSON with --json; frees the answer's JSON.
 */
void output_done(const struct cli *cli, struct http_answer *answer, const char *about,
		 const char *done);

/* Writes a problem document (RFC 9457) to stderr, and returns the exit code for it. */
enum cli_exit output_problem(const json_t *problem, const char *about);
