/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * What neither core nor web, which inherits it, ever calls: debugging, mounting, modules, clocks,
 * other name spaces. Web has a list of what it may besides. False: the filter could not be set.
 */
bool sandbox_core(void);
