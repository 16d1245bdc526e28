/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/web/redfish/redfish.h"

/*
 * Answers with an error of Redfish's (DSP0266, 8.6): `message` is the message's name in the
 * registry Base, `related` the member of the body that it is about, such as "Boot/Target", or NULL.
 */
void redfish_error(struct redfish *redfish, unsigned status, const char *message,
		   const char *related, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Answers with the problem (RFC 9457) that core has answered with; NULL: it was unreadable. */
void redfish_problem(struct redfish *redfish, unsigned status, json_t *problem);

/*
 * Checks that the body has no members but those of `known`, which ends with NULL; annotations
 * (@odata.etag) pass. If not, answers and returns false.
 */
bool redfish_only(struct redfish *redfish, json_t *object, const char *const *known);
/*
 * Checks that member `name` of the object, if it is there, is one of the words, which end with
 * NULL. If not, answers and returns false; else *word is the member or NULL.
 */
bool redfish_word(struct redfish *redfish, json_t *object, const char *name,
		  const char *const *words, const char **word);
