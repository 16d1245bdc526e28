/* SPDX-License-Identifier: MIT */
/*
 * Where the table of routes is: main() sets it, as the handlers are in folders above this one. The
 * router and the description of the API read it.
 */
#include "gateway/core/http/route.h"

struct route_table route_table;
