/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/* The one place where it is decided who may do what. Returns false if it has been answered. */
bool authorise(struct request *request);
