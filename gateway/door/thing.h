/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/door/rpc.h"

/* What networks, stores and volumes have in common: core lists them, and a client names one. */

/* Returns a text of a thing, or "" when it is not there. */
const char *thing_text(json_t *thing, const char *key);
/* Returns a number of a thing, or 0 when it is not there. */
uint64_t thing_number(json_t *thing, const char *key);
/* Returns the thing of a list that a call names; NULL: there is none, and the call has ended. */
json_t *thing_find(struct rpc *call, json_t *body);
/* Writes a network or a store as procedures give it. */
void thing_write(struct rpc *call, json_t *thing);
/* Answers with the names of a list's things, of which the client has room for so many. */
void thing_write_names(struct rpc *call, json_t *body, int32_t room);
/* Adds an element with a number of bytes. */
void thing_xml_count(struct buffer *text, const char *name, json_t *thing, const char *key);
