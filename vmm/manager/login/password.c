/* SPDX-License-Identifier: MIT */
/*
 * Reads, writes and computes hashes of passwords. Called by login.c, config_keys.c and
 * console_secret.c. Holds no state beyond the given work; compares in constant time.
 */
#include "vmm/manager/login/password.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

#define SCHEME "pbkdf2-sha256$"

/* Removes from *rest its first part, up to the next '$' or the end, and returns it. */
static struct text password_next_part(struct text *rest)
{
	struct text part = {rest->start, 0};

	while (part.length < rest->length && part.start[part.length] != '$')
		part.length++;
	rest->start += part.length;
	rest->length -= part.length;
	if (rest->length > 0) {
		rest->start++;
		rest->length--;
	}
	return part;
}

/*
 * Decodes hexadecimal digits; returns the number of bytes that they give, or 0 if there are other
 * characters or the number is not from `minimum` to `maximum`.
 */
static u32 password_parse_hex(struct text text, u8 *bytes, u32 minimum, u32 maximum)
{
	if (text.length % 2 != 0 || text.length < 2ul * minimum || text.length > 2ul * maximum)
		return 0;
	for (size_t i = 0; i < text.length / 2; i++) {
		u32 high = char_hex_value(text.start[2 * i]);
		u32 low = char_hex_value(text.start[2 * i + 1]);

		if (high > 15 || low > 15)
			return 0;
		bytes[i] = (u8)(high << 4 | low);
	}
	return (u32)text.length / 2;
}

bool password_parse(struct text text, struct password_hash *hash)
{
	const size_t scheme = strlen(SCHEME);
	struct password_hash parsed = {0};
	struct text rest;
	struct text salt;
	u64 iterations;

	if (text.length < scheme || memcmp(text.start, SCHEME, scheme) != 0)
		return false;
	rest = (struct text){text.start + scheme, text.length - scheme};
	if (!parse_u64(password_next_part(&rest), &iterations) ||
	    iterations < PASSWORD_ITERATIONS_MIN || iterations > PASSWORD_ITERATIONS_MAX)
		return false;
	salt = password_next_part(&rest);
	parsed.iterations = (u32)iterations;
	parsed.salt_bytes = password_parse_hex(salt, parsed.salt, PASSWORD_SALT_BYTES_MIN,
					       PASSWORD_SALT_BYTES_MAX);
	if (parsed.salt_bytes == 0 ||
	    password_parse_hex(rest, parsed.hash, SHA256_BYTES, SHA256_BYTES) == 0)
		return false;
	*hash = parsed;
	return true;
}

static size_t password_add_hex(const u8 *bytes, u32 count, char *buffer, size_t size)
{
	size_t length = 0;

	for (u32 i = 0; i < count && length < size; i++)
		length += format(buffer + length, size - length, "%02x", bytes[i]);
	return length;
}

void password_text(const struct password_hash *hash, char *buffer, size_t size)
{
	size_t length = format(buffer, size, SCHEME "%u$", hash->iterations);

	length += password_add_hex(hash->salt, hash->salt_bytes, buffer + length, size - length);
	length += format(buffer + length, size - length, "$");
	password_add_hex(hash->hash, SHA256_BYTES, buffer + length, size - length);
}

void password_begin(struct password_work *work, struct text password,
		    const struct password_hash *as)
{
	u8 first[PASSWORD_SALT_BYTES_MAX + 4] = {0};

	hmac_open(&work->key, password.start, MIN(password.length, (size_t)PASSWORD_LENGTH_MAX));
	/* U_1 is the HMAC of the salt and the block's number, 1 */
	memcpy(first, as->salt, as->salt_bytes);
	first[as->salt_bytes + 3] = 1;
	hmac_digest(&work->key, first, as->salt_bytes + 4, work->last);
	memcpy(work->hash, work->last, SHA256_BYTES);
	work->left = as->iterations - 1;
}

bool password_step(struct password_work *work, u32 iterations)
{
	for (; iterations > 0 && work->left > 0; iterations--, work->left--) {
		hmac_digest(&work->key, work->last, SHA256_BYTES, work->last);
		for (u32 i = 0; i < SHA256_BYTES; i++)
			work->hash[i] ^= work->last[i];
	}
	return work->left == 0;
}

bool password_matches(struct password_work *work, const struct password_hash *hash)
{
	bool same = secret_same(work->hash, hash->hash, SHA256_BYTES);

	secret_forget(work, sizeof(*work));
	return same;
}
