/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/* Serves a request that web has handed over: finds its route, asks who it is and whether they may.
 */
void router_serve(uint32_t id, const char *bytes, size_t count);

/*
 * Writes the audit's line for the action that a handler is about to do. Returns false if the line
 * cannot be written: nothing may be done, and the request has been answered.
 */
bool router_begin(struct request *request);
