/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

/* Returns the property Actions of the computer system with that name, as a new object. */
json_t *redfish_power_actions(const char *name);
