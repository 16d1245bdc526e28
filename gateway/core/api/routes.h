/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/route.h"

/* Every route that there is. */
extern const struct route_table api_routes;
