/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Name and password in each request (RFC 7617), which clients of Redfish send. Passwords of users
 * take milliseconds to check, in a thread; one that was right is known for BASIC_KEPT_S, as a hash.
 */
enum { BASIC_KEPT_S = 300 };

/* Returns whether the request shows such a credential, and is one that may: it is of Redfish's. */
bool basic_shown(const struct request *request);

/*
 * Finds out who asks. Returns false if the request has been answered, or will be looked at again by
 * request->again() once the password is checked.
 */
bool basic_authenticate(struct request *request);
