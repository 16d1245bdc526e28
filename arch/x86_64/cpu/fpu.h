/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Vector and x87 registers of guests. The kernel and ring 3 have none: CR0.TS is set whenever these
 * functions have returned. XCR0 is the loaded guest's.
 */

/* Size of one guest's save area. */
size_t fpu_area_bytes(void);

/* Makes an area hold the state after RESET. */
void fpu_area_init(void *area);

/*
 * Makes an area hold an image, of a page at most, that nobody has checked: whatever it says, the
 * area can be loaded. No guest's registers are loaded meanwhile.
 */
void fpu_area_take(void *area, const void *image);

/* Whether XSETBV would take this value (SDM vol. 2, XSETBV) and this machine offers all of it. */
bool fpu_xcr0_valid(u64 xcr0);

void fpu_load(const void *area, u64 xcr0);
void fpu_save(void *area);
/* The loaded guest's XCR0: what it has set itself where the CPU lets XSETBV through. */
u64 fpu_xcr0_get(void);
/* The loaded guest changes its XCR0 to a valid value. */
void fpu_xcr0_set(u64 xcr0);
