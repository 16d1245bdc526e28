/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * The guest's generation ID: 16 random bytes in its RAM (LAYOUT_GENERATION) that are others when
 * the guest goes on from a moment that was before, where it may draw the same random numbers once
 * more. Machines with PCI have one. Under the machine's lock, and no vCPU is in the guest.
 */

/* From power-on; a reset keeps the id. */
void generation_begin(struct machine *machine);

/* A saved state was loaded that may be loaded once more, or goes on elsewhere too. */
void generation_change(struct machine *machine);
