/* SPDX-License-Identifier: MIT */
/*
 * Holds the pointer to the table of routes: main() sets it, as the handlers are in folders above
 * this one. The router and the description of the API read it.
 */
#include "gateway/core/http/route.h"

struct route_table route_table;
