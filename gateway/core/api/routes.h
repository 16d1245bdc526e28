/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/route.h"

/* The table of all routes of the API. */
extern const struct route_table api_routes;
