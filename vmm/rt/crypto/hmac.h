/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/crypto/sha256.h"

/* A key of HMAC-SHA-256 (RFC 2104): the states of the hash after the inner and the outer pad. */
struct hmac_key {
	struct sha256_state inner;
	struct sha256_state outer;
};

/* Prepares *key from a key of any length; the caller must forget *key after use (secret_forget). */
void hmac_open(struct hmac_key *key, const void *bytes, size_t count);
/* Computes the authentication code of a contiguous text; `digest` may overlap the text. */
void hmac_digest(const struct hmac_key *key, const void *bytes, size_t count,
		 u8 digest[SHA256_BYTES]);
