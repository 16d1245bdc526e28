/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define CHACHA20_KEY_BYTES   32u
#define CHACHA20_NONCE_BYTES 12u
#define CHACHA20_BLOCK_BYTES 64u

/* Computes one block of key stream, by the ChaCha20 block function (RFC 8439, 2.3). */
void chacha20_block(const u8 key[CHACHA20_KEY_BYTES], u32 counter,
		    const u8 nonce[CHACHA20_NONCE_BYTES], u8 block[CHACHA20_BLOCK_BYTES]);
