/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/answer.h"
#include "gateway/link/link.h"

/*
 * Asks Skerry, beside whatever else is under way; `took` gets the request's id with the reply.
 * Without a link it is answered at once. `words` ends with NULL, or is NULL; so may `actor` be.
 */
void ask_skerry(struct request *request, const char *command, const char *const *words,
		const char *actor, link_reply *took);

/*
 * Returns the request with this id, if it still waits, and the rows of the reply. NULL: there is
 * nothing to answer any more; without rows the request has been answered with what Skerry said.
 */
struct request *ask_took(uint64_t id, json_t *reply, json_t **rows);

/* Returns a row as the API shows it, a new reference, or NULL when it is left out. */
typedef json_t *ask_item(const struct request *request, json_t *row);
/* Takes from a row the members that the API promises; `keys` ends with NULL. */
json_t *ask_pick(json_t *row, const char *const *keys);
/* Answers with {"items":[...]}, of all rows. */
void ask_took_items(uint64_t id, json_t *reply, ask_item *item);

/*
 * Returns body.NAME as the name of something, or NULL when it is none and the request was answered
 * with `problem`.
 */
const char *ask_name(struct request *request, const char *name, const char *problem);
