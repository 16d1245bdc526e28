/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Gives up all capabilities of this process (capabilities(7)) but those of the mask, a bit for each
 * by its number. Returns false if the kernel refuses.
 */
bool capability_keep(uint32_t mask);
