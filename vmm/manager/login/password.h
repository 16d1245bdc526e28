/* SPDX-License-Identifier: MIT */
#pragma once

/* Hashes of passwords: reading, writing and computing them. */
#include "vmm/manager/text/text.h"
#include "vmm/rt/crypto/hmac.h"

#define PASSWORD_LENGTH_MIN	8u /* the least length of a new password */
#define PASSWORD_LENGTH_MAX	64u
#define PASSWORD_SALT_BYTES	16u /* the salt's size in a new password's hash */
#define PASSWORD_SALT_BYTES_MIN 8u
#define PASSWORD_SALT_BYTES_MAX 32u
#define PASSWORD_ITERATIONS	100000u /* the iterations for a new password */
#define PASSWORD_ITERATIONS_MIN 1000u
#define PASSWORD_ITERATIONS_MAX 1000000u
#define PASSWORD_HASH_ALLOWED                                                                      \
	"pbkdf2-sha256$ITERATIONS$SALT$HASH with 1000 to 1000000 iterations, a salt of 8 to 32 "   \
	"bytes and a hash of 32 bytes in hex; the command `password` makes it"
#define PASSWORD_TEXT_BYTES (14 + 8 + 2 * PASSWORD_SALT_BYTES_MAX + 1 + 2 * SHA256_BYTES + 1)

/* The stored form of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2), one block long. */
struct password_hash {
	u32 iterations; /* the iterations of the hash; 0: there is no password */
	u32 salt_bytes;
	u8 salt[PASSWORD_SALT_BYTES_MAX];
	u8 hash[SHA256_BYTES];
};

/*
 * Reads pbkdf2-sha256$ITERATIONS$SALT$HASH, salt and hash in hex; returns false for anything else.
 */
bool password_parse(struct text text, struct password_hash *hash);
/* Writes a hash in the form that password_parse reads, into PASSWORD_TEXT_BYTES bytes. */
void password_text(const struct password_hash *hash, char *buffer, size_t size);

/* The computation of a password's hash, which takes long on purpose and is done in steps. */
struct password_work {
	struct hmac_key key;   /* the key of HMAC, made from the password */
	u8 last[SHA256_BYTES]; /* U_i of RFC 8018, the result of the last iteration */
	u8 hash[SHA256_BYTES]; /* the hash, as far as it is computed */
	u32 left;	       /* the iterations left */
};

/* Begins to hash `password` with the iterations and the salt of `as`. */
void password_begin(struct password_work *work, struct text password,
		    const struct password_hash *as);
/* Does at most `iterations` iterations of the hash; returns whether the hash is complete. */
bool password_step(struct password_work *work, u32 iterations);
/*
 * Returns whether the computed hash equals the given one, in a time that does not depend on where
 * they differ. Erases the work.
 */
bool password_matches(struct password_work *work, const struct password_hash *hash);
