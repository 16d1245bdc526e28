/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/identity/identity.h"

/*
 * audit.jsonl in the state directory, and the full files before it: a JSON object a line, each with
 * the SHA-256 of the line before ("prev"), over all files. What is about to be done is written
 * before, its result after.
 */

/* Reads and verifies the audit. Returns false with a sentence on stderr: changes are refused. */
bool audit_open(void);

/*
 * Writes a line and returns its number, or 0 when the line cannot be written: nothing may be done
 * then. If `result` is NULL, the line says that the action has begun.
 */
uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result);
/* Writes the result of that line; there is nothing to write for line 0. */
void audit_end(uint64_t line, const char *result);

/*
 * Writes that an action was denied to `who` (NULL: nobody knows who it is), or counts the denial
 * when there would be too many lines. Writes the counts now and then, or at once if `at_once`.
 */
void audit_denied(const struct identity *who, const char *action, const char *target,
		  const char *from, const char *result);
/*
 * Writes a line about an action of `who` on what belongs to `who` alone, as a login, or counts it
 * when there are too many. Returns false when the line cannot be written. *line is 0 when the
 * action was counted.
 */
bool audit_own(const struct identity *who, const char *action, const char *target, const char *from,
	       const char *result, uint64_t *line);
void audit_denied_tell(bool at_once);
uint64_t audit_denied_counted(void);
/*
 * Writes a line of skerryd's own: `action` happened `count` times. Returns false when the line
 * cannot be written.
 */
bool audit_count(const char *action, uint64_t count);

/* Looks now and then whether lines can be written again, and writes how many were missing. */
void audit_tick(void);
/* Writes an end for every action that has begun, as these end with this process. */
void audit_close(void);

/* Gives the hash of the last line to Skerry when it is another one. */
void audit_anchor(void);
/* Returns false while no line can be written, and changes are refused. */
bool audit_works(void);

json_t *audit_json(const struct identity *who, uint64_t after, unsigned limit);
