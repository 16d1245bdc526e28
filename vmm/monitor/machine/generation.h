/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * The guest's generation ID: 16 random bytes in its RAM (LAYOUT_GENERATION). They change when the
 * guest continues from an earlier moment, where it might draw the same random numbers once more.
 * VMs with PCI have one. All calls are made under the machine's lock, with no vCPU in the guest.
 */

/* Makes the first generation ID, at power-on; a reset keeps it. */
void generation_begin(struct machine *machine);

/*
 * Changes the generation ID after a saved state was loaded: the state may be loaded once more, or
 * also go on in another VM.
 */
void generation_change(struct machine *machine);
