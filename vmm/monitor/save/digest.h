/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/crypto/sha256.h"

/*
 * Digests of a VM's RAM and state, 32 bytes each, which are equal if a restore has reproduced the
 * saved VM.
 */

struct digest_ram {
	struct sha256_state sum;
	u64 bytes;
};

/*
 * Begin, continue and end a digest of RAM: of each page that is not zero its number and its bytes,
 * in the order in which they come, except for the page of the generation ID
 * (vmm/monitor/machine/generation.h).
 */
void digest_ram_begin(struct digest_ram *ram);
void digest_ram_page(struct digest_ram *ram, u64 number, const u8 *page);
void digest_ram_end(const struct digest_ram *ram, u8 digest[SHA256_BYTES]);

/*
 * Digests state[bytes] in the format SKST (vmm/monitor/state/record.h) without its times, so the
 * digest stays the same while a VM stands still. Returns false for another format.
 */
bool digest_state(const void *state, size_t bytes, u8 digest[SHA256_BYTES]) MUST_CHECK;
