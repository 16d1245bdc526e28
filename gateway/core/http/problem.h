/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

/* Returns a problem (RFC 9457), a new reference; `allowed`, which may be NULL, is borrowed. */
json_t *problem_json(unsigned status, const char *code, const char *detail, json_t *allowed);

/*
 * Returns a reply of Skerry's that is not ok as a problem, a new reference; a `reply` of NULL means
 * that the link was lost.
 */
json_t *problem_of_reply(json_t *reply);
