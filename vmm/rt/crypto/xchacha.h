/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define XCHACHA_KEY_BYTES   32u
#define XCHACHA_NONCE_BYTES 24u

/*
 * Adds the key stream of XChaCha12 to `bytes`. It is XChaCha20 of draft-irtf-cfrg-xchacha-03 with
 * 12 rounds and, as Adiantum defines it, with a block counter of 64 bits before the nonce's last
 * eight bytes.
 */
void xchacha_add(const u8 key[XCHACHA_KEY_BYTES], const u8 nonce[XCHACHA_NONCE_BYTES], void *bytes,
		 size_t count);
