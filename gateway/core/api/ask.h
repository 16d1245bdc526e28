/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/answer.h"
#include "gateway/link/link.h"

/*
 * Sends a command to Skerry, which may carry it out beside other commands; `took` gets the
 * request's id and the reply. Without a link the request is answered with 503 at once. `words` ends
 * with NULL; `words` and `actor` may be NULL.
 */
void ask_skerry(struct request *request, const char *command, const char *const *words,
		const char *actor, link_reply *took);

/*
 * Finds the request that waits for a reply, and the rows of the reply. Returns NULL if the client
 * has gone, or if the reply has no rows; the request is then answered with the reply's problem.
 */
struct request *ask_took(uint64_t id, json_t *reply, json_t **rows);

/*
 * Returns a row of Skerry's reply as the API shows it, a new reference, or NULL when the row is
 * left out.
 */
typedef json_t *ask_item(const struct request *request, json_t *row);
/*
 * Copies from a row of Skerry's reply the members `keys`, those that the API shows; `keys` ends
 * with NULL.
 */
json_t *ask_pick(json_t *row, const char *const *keys);
/* Answers the request with {"items":[...]}: each row of the reply as `item` makes it. */
void ask_took_items(uint64_t id, json_t *reply, ask_item *item);

/* Answers the request with {"items":[...]}: of each row of the reply the members `keys`. */
void ask_took_rows(uint64_t id, json_t *reply, const char *const *keys);

/*
 * Returns body.NAME if it is a valid name. Else answers the request with the problem `problem`, and
 * returns NULL.
 */
const char *ask_name(struct request *request, const char *name, const char *problem);
