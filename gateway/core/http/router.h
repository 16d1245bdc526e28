/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Serves a request that web has handed over: finds its route and the asker, and calls the handler
 * if the asker may do this.
 */
void router_serve(uint32_t id, const char *bytes, size_t count);

/*
 * Writes the audit's line for the action that a handler is about to do. If that fails, answers the
 * request and returns false: the action must not be done.
 */
bool router_begin(struct request *request);
