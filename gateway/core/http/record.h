/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Writes the line of the audit for what is about to be done; from then on a problem is its result,
 * and no denial. Returns false if it cannot be written: nothing may be done.
 */
bool record_begin(struct request *request);

/* Notes that a request that is judged is denied, for that reason. */
void record_deny(struct request *request, const char *code);

/* Ends the line, if there is one, with its result. */
void record_end(struct request *request, const char *result);
