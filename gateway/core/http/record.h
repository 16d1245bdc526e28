/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Writes the audit's line for the action that is about to be done. From then on an answer with a
 * problem is the action's result, not a denial. Returns false if the line cannot be written: the
 * action must not be done.
 */
bool record_begin(struct request *request);

/*
 * Writes to the audit that the request is denied for the reason `code`, unless its action has
 * begun.
 */
void record_deny(struct request *request, const char *code);

/* Writes the result of the request's line, if it has a line. */
void record_end(struct request *request, const char *result);
