/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The address at which host physical address 0 appears in the direct map, which holds all RAM and
 * the firmware's tables. The direct map leaves out device memory: see mm/kernel_space.h.
 */
extern u64 direct_map_base;

/* Returns the direct map's pointer to a physical address, of RAM or the firmware's tables. */
static inline void *hpa_to_pointer(hpa_t hpa)
{
	return (void *)(hpa.value + direct_map_base);
}

/* Returns the physical address of a pointer, which must lie in the direct map. */
static inline hpa_t pointer_to_hpa(const void *pointer)
{
	return HPA((u64)pointer - direct_map_base);
}
