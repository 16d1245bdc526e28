/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Forbids the system calls that neither core nor web, which inherits the filter, ever makes:
 * debugging, mounting, modules, clocks, other name spaces. web has a list of its own besides.
 * Returns false if the filter could not be set.
 */
bool sandbox_core(void);
