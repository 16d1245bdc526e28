/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/rt/crypto/sha256.h"

#define HKDF_INFO_MAX 128u
#define HKDF_SIZE_MAX (255u * SHA256_BYTES)

/*
 * Makes key[size] from a secret of any length by HKDF with SHA-256 (RFC 5869). The same secret
 * gives unrelated keys for another salt or another `info`, the key's purpose in words. info_count
 * <= HKDF_INFO_MAX, size <= HKDF_SIZE_MAX.
 */
void hkdf(const void *secret, size_t secret_count, const void *salt, size_t salt_count,
	  const void *info, size_t info_count, u8 *key, size_t size);
