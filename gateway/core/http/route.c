/* SPDX-License-Identifier: MIT */
/*
 * Where the table of routes is: handlers are above this folder, so that core's main says which
 * table is served. The router and the description of the API read it.
 */
#include "gateway/core/http/route.h"

struct route_table route_table;
