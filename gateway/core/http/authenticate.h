/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Finds out who asks. If the credential is wrong or missing, answers the request and returns false.
 */
bool authenticate(struct request *request);

/*
 * Returns whether the request cannot have been sent by a browser for another site's page. If it may
 * have been, answers the request and returns false.
 */
bool authenticate_origin(struct request *request);
