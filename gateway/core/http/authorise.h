/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Decides whether the asker may do what the request asks for; no other code decides that. Returns
 * false if the request has been answered.
 */
bool authorise(struct request *request);
