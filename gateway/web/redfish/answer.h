/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/web/redfish/redfish.h"

#define REDFISH_ROOT "/redfish/v1"

/* Answers with an object, which is taken over; NULL: without a body. */
void redfish_answer(struct redfish *redfish, unsigned status, json_t *object);
/* Answers with an action's or a change's success, which has no body. */
void redfish_done(struct redfish *redfish);
void redfish_answer_text(struct redfish *redfish, const char *type, const char *text);
void redfish_header(struct redfish *redfish, const char *name, const char *value);

/* Asks core next; `sent`, the body, is taken over and may be NULL. `path` is a format. */
void redfish_ask(struct redfish *redfish, const char *method, json_t *sent, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/* Returns an object with the annotations and the properties that every resource has. */
json_t *redfish_resource(const char *type, const char *id, const char *name, const char *path, ...)
	__attribute__((format(printf, 4, 5)));
/* Returns an object that refers to a resource. */
json_t *redfish_link(const char *path, ...) __attribute__((format(printf, 1, 2)));
/* Returns a collection without members. */
json_t *redfish_collection(const char *type, const char *name, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds the member of that name, whose path is one below the collection's. */
void redfish_member(json_t *collection, const char *name);
/* Adds a member for each of the items that REST has answered with. */
void redfish_members(json_t *collection, json_t *answer);
/* Returns a member of an object that is text, or "" if it is none. */
const char *redfish_text(json_t *object, const char *name);
