/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

/* Returns the property Boot of a VM's computer system, as a new object. */
json_t *redfish_boot_show(json_t *vm);
