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

/* Reads and verifies it. False: a sentence is on stderr and changes are refused. */
bool audit_open(void);

/* The number of the line, 0: it cannot be written, and nothing may be done. `result` NULL: begun.
 */
uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result);
/* Nothing for line 0. */
void audit_end(uint64_t line, const char *result);

/*
 * What was denied to `who` (NULL: nobody knows who it is): has a line, or is counted when there
 * would be too many. Tells the counts now and then, or `at_once`.
 */
void audit_denied(const struct identity *who, const char *action, const char *target,
		  const char *from, const char *result);
/*
 * What somebody does to what is of its own alone, as a login, as often as it likes: has a line, or
 * is counted, likewise. False: it cannot be written. *line is 0 when it was counted.
 */
bool audit_own(const struct identity *who, const char *action, const char *target, const char *from,
	       const char *result, uint64_t *line);
void audit_denied_tell(bool at_once);
uint64_t audit_denied_counted(void);
/* A line of skerryd's own: `action`, so many times. False: it cannot be written. */
bool audit_count(const char *action, uint64_t count);

/* Looks now and then whether lines can be written again, and tells what was not. */
void audit_tick(void);
/* What has begun ends with this process. */
void audit_close(void);

/* Gives the head's hash to Skerry when it has changed. */
void audit_anchor(void);
/* False: no line can be written, and changes are refused. */
bool audit_works(void);

json_t *audit_json(const struct identity *who, uint64_t after, unsigned limit);
