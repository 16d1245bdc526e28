/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Returns whether a VM fits the flags of ConnectListAllDomains, which statistics have too. */
bool list_shows(json_t *vm, uint32_t flags);
