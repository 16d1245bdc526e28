/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Decides, at the only place where this is decided, who may do what. Returns false if the request
 * has been answered.
 */
bool authorise(struct request *request);
