/* SPDX-License-Identifier: MIT */
/*
 * Derives keys from secrets: HKDF with HMAC-SHA-256 (RFC 5869). Called by the monitor's stream.c
 * and the manager's save keys; forgets each intermediate value.
 */
#include "vmm/rt/crypto/hkdf.h"

#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"

/* Extracts a key from the secret and the salt: RFC 5869, 2.2. */
static void hkdf_extract(const void *secret, size_t secret_count, const void *salt,
			 size_t salt_count, struct hmac_key *pseudorandom)
{
	u8 digest[SHA256_BYTES];
	struct hmac_key key;

	hmac_open(&key, salt, salt_count);
	hmac_digest(&key, secret, secret_count, digest);
	hmac_open(pseudorandom, digest, sizeof(digest));
	secret_forget(&key, sizeof(key));
	secret_forget(digest, sizeof(digest));
}

/*
 * Extracts a key and expands it: T(i) is the HMAC of T(i - 1), info and i; T(0) is empty (RFC 5869,
 * 2.3).
 */
void hkdf(const void *secret, size_t secret_count, const void *salt, size_t salt_count,
	  const void *info, size_t info_count, u8 *key, size_t size)
{
	u8 text[SHA256_BYTES + HKDF_INFO_MAX + 1];
	size_t skipped = SHA256_BYTES;
	struct hmac_key pseudorandom;
	u8 number = 1;

	hkdf_extract(secret, secret_count, salt, salt_count, &pseudorandom);
	memcpy(text + SHA256_BYTES, info, info_count);
	for (size_t done = 0; done < size; done += SHA256_BYTES) {
		text[SHA256_BYTES + info_count] = number++;
		hmac_digest(&pseudorandom, text + skipped, SHA256_BYTES + info_count + 1 - skipped,
			    text);
		memcpy(key + done, text, MIN(size - done, (size_t)SHA256_BYTES));
		skipped = 0;
	}
	secret_forget(text, sizeof(text));
	secret_forget(&pseudorandom, sizeof(pseudorandom));
}
