/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Name and password in each request (RFC 7617), as clients of Redfish send them. A thread checks a
 * password, which takes milliseconds; a right one is kept as a hash for BASIC_KEPT_S.
 */
enum { BASIC_KEPT_S = 300 };

/*
 * Returns whether the request shows a name and password, and is one to Redfish, which alone may do
 * that.
 */
bool basic_shown(const struct request *request);

/*
 * Finds out who asks. Returns false if the request has been answered, or if request->again() will
 * be called once the password is checked.
 */
bool basic_authenticate(struct request *request);
