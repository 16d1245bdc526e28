/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Returns whether a VM matches the flags of ConnectListAllDomains, which the procedures of
 * statistics have, too.
 */
bool list_shows(json_t *vm, uint32_t flags);
