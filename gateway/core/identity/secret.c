/* SPDX-License-Identifier: MIT */
/*
 * Makes secrets, and their hashes, which are all that is kept of them. Tokens, logins and tickets
 * call it; it uses nothing but GnuTLS.
 */

#include "gateway/core/identity/secret.h"

#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"

void secret_hash(const char *text, uint8_t *hash)
{
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) < 0)
		memset(hash, 0, SECRET_BYTES);
}

bool secret_make(const char *prefix, char *text, uint8_t *hash)
{
	uint8_t random[SECRET_BYTES];
	size_t length = strlen(prefix);

	if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random)) < 0)
		return false;
	memcpy(text, prefix, length);
	hex_write(text + length, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
	secret_hash(text, hash);
	return true;
}
