/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/live/run.h"

/* What a request is told whose size of a terminal is wrong. */
extern const char run_size_wrong[];
/*
 * Returns the run that the path names. If there is none of the asker's own, answers the request and
 * returns NULL.
 */
struct run *api_run_own(struct request *request);
