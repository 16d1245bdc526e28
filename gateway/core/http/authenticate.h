/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/* Finds out who asks. Returns false when nobody may ask so, and the request has been answered. */
bool authenticate(struct request *request);

/*
 * Returns whether the request is none that another site's page could make a browser send; if it may
 * be one, it has been answered.
 */
bool authenticate_origin(struct request *request);
