/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Where host physical address 0 would appear in the direct map, which holds all RAM and the
 * firmware's tables. Device memory is not in it: see mm/kernel_space.h.
 */
extern u64 direct_map_base;

static inline void *hpa_to_pointer(hpa_t hpa)
{
	return (void *)(hpa.value + direct_map_base);
}

/* Only for addresses inside the direct map. */
static inline hpa_t pointer_to_hpa(const void *pointer)
{
	return HPA((u64)pointer - direct_map_base);
}
