/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/door/rpc.h"

/* Things: networks, stores and volumes, which core lists and a client names. */

/* Returns a text of a thing (a JSON object of core's), or "" when it has none. */
const char *thing_text(json_t *thing, const char *key);
/* Returns a number of a thing (a JSON object of core's), or 0 when it has none. */
uint64_t thing_number(json_t *thing, const char *key);
/*
 * Returns the thing of a list that a call names; NULL: there is none, and the call has ended with
 * an error.
 */
json_t *thing_find(struct rpc *call, json_t *body);
/*
 * Answers with the names of a list's things, at most `room` of them, which is the client's limit.
 */
void thing_write_names(struct rpc *call, json_t *body, int32_t room);
/* Adds an XML element with a number of bytes, the member of the thing with that key. */
void thing_xml_count(struct buffer *text, const char *name, json_t *thing, const char *key);
