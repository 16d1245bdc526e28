/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * The vector and x87 registers of guests. The kernel and ring 3 use none: CR0.TS is set except
 * inside these functions. XCR0 holds the value of the guest whose registers are loaded.
 */

/* Returns the size of one vCPU's save area, which must be 64-byte aligned. */
size_t fpu_area_bytes(void);

/* Makes a save area hold the FPU's state after RESET. */
void fpu_area_init(void *area);

/*
 * Fills a save area from an unchecked XSAVE image of at most a page, so that any image can be
 * loaded afterwards. No guest's FPU registers may be loaded during the call.
 */
void fpu_area_take(void *area, const void *image);

/* Returns true if XSETBV accepts this value (SDM vol. 2, XSETBV) and features.xcr0 covers it. */
bool fpu_xcr0_valid(u64 xcr0);

/* Loads the registers from a save area and sets XCR0 to the guest's value, which must be valid. */
void fpu_load(const void *area, u64 xcr0);
/*
 * Saves the registers to a save area and leaves nothing in them: CR0.TS does not hide them from
 * ring 3 on all CPUs (LazyFP).
 */
void fpu_save(void *area);
/*
 * Returns the loaded guest's XCR0, which the guest may have set itself if the CPU does not
 * intercept XSETBV.
 */
u64 fpu_xcr0_get(void);
/* Sets the loaded guest's XCR0 to a valid value. */
void fpu_xcr0_set(u64 xcr0);
