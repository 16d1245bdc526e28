/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/crypto/sha256.h"

/* A key of HMAC-SHA-256 (RFC 2104): the two states that its pads lead to. */
struct hmac_key {
	struct sha256_state inner;
	struct sha256_state outer;
};

/* A key may be of any length; the caller forgets the result. */
void hmac_open(struct hmac_key *key, const void *bytes, size_t count);
/* The code of a text that lies in one piece; `digest` may lie in it. */
void hmac_digest(const struct hmac_key *key, const void *bytes, size_t count,
		 u8 digest[SHA256_BYTES]);
