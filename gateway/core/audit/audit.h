/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/audit/audit_chain.h"
#include "gateway/core/identity/identity.h"

/*
 * The audit is audit.jsonl in the state directory and the full files before it: a JSON object on
 * each line, with the SHA-256 of the line before ("prev"), also across files. An action has a line
 * before it is done, and one with its result afterwards.
 */

/*
 * Reads and verifies the audit. Returns false with a sentence on stderr: changes are refused then.
 */
bool audit_open(void);

/*
 * Writes the line of an action and returns the line's number, or 0 when it cannot be written: the
 * action must not be done then. If `result` is NULL, the line says that the action has begun.
 */
uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result);
/* Writes the result of the action that has the line of that number; does nothing if `line` is 0. */
void audit_end(uint64_t line, const char *result);

/*
 * audit_denied() writes that an action was denied to `who` (NULL: it is unknown who asked), or
 * only counts the denial when there are too many. audit_denied_tell() writes the counts that no
 * line has told yet: at most once a minute, or at once if `at_once`.
 */
void audit_denied(const struct identity *who, const char *action, const char *target,
		  const char *from, const char *result);
/*
 * Writes a line about an action of `who` on something that belongs to `who` alone, such as a login,
 * or counts the action when there are too many. Returns false when the line cannot be written.
 * *line is 0 when the action was counted.
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

/* Tries now and then to write again after a failure, and writes how many lines are missing. */
void audit_tick(void);
/* Writes a result for every action that is still under way, as it ends with this process. */
void audit_close(void);

/* Sends the hash of the last line to Skerry, unless Skerry has it already. */
void audit_anchor(void);
/*
 * Returns how often an audit file was renamed or removed since the start. A reader of the files
 * during such a change may see a break in the chain where there is none.
 */
unsigned audit_rotations(void);
/* Copies the hash of the last line that was written, and returns that line's number, or 0. */
uint64_t audit_head(char head[AUDIT_HASH]);
/* Returns false while no line can be written, and changes are refused. */
bool audit_works(void);

json_t *audit_json(const struct identity *who, uint64_t after, unsigned limit);
