/* SPDX-License-Identifier: MIT */
/*
 * Encrypts a guest's disk, and checks by its header that the key is the right one. Called by
 * disk_unlock.c at the start and by virtio_blk_request.c for each request. The keys for the blocks
 * and for the check are derived from the disk's key and the salt in the header: a new header means
 * new keys, a copy of the disk keeps the old ones.
 */
#include "vmm/monitor/disk/disk_cipher.h"

#include "lib/string.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/zero.h"

_Static_assert(DISK_SECRET_CHECK_BYTES == SHA256_BYTES, "HMAC-SHA-256");

struct disk_cipher_keys {
	u8 blocks[ADIANTUM_KEY_BYTES];
	u8 check[32];
};

static void disk_cipher_derive(const u8 key[DISK_KEY_BYTES], const u8 salt[DISK_SECRET_SALT_BYTES],
			       struct disk_cipher_keys *keys)
{
	static const char purpose[] = "skerry disk blocks 1";

	hkdf(key, DISK_KEY_BYTES, salt, DISK_SECRET_SALT_BYTES, purpose, sizeof(purpose) - 1,
	     (u8 *)keys, sizeof(*keys));
}

static void disk_cipher_check(const struct disk_cipher_keys *keys,
			      const struct disk_secret_header *header, u8 check[SHA256_BYTES])
{
	struct hmac_key hmac;

	hmac_open(&hmac, keys->check, sizeof(keys->check));
	hmac_digest(&hmac, header, offsetof(struct disk_secret_header, check), check);
	secret_forget(&hmac, sizeof(hmac));
}

void disk_cipher_make_header(const u8 key[DISK_KEY_BYTES], const u8 salt[DISK_SECRET_SALT_BYTES],
			     struct disk_secret_header *header)
{
	struct disk_cipher_keys keys;

	memset(header, 0, sizeof(*header));
	memcpy(header->magic, DISK_SECRET_MAGIC, sizeof(header->magic));
	header->version = DISK_SECRET_VERSION;
	header->block_bytes = DISK_SECRET_BYTES;
	memcpy(header->salt, salt, sizeof(header->salt));
	disk_cipher_derive(key, salt, &keys);
	disk_cipher_check(&keys, header, header->check);
	secret_forget(&keys, sizeof(keys));
}

bool disk_cipher_is_header(const struct disk_secret_header *header)
{
	return memcmp(header->magic, DISK_SECRET_MAGIC, sizeof(header->magic)) == 0;
}

const char *disk_cipher_open(struct disk_cipher *cipher, const u8 key[DISK_KEY_BYTES],
			     const struct disk_secret_header *header)
{
	struct disk_cipher_keys keys;
	u8 check[SHA256_BYTES];
	bool right;

	if (header->version != DISK_SECRET_VERSION || header->block_bytes != DISK_SECRET_BYTES)
		return "it was encrypted by another version of Skerry; use that one";
	disk_cipher_derive(key, header->salt, &keys);
	disk_cipher_check(&keys, header, check);
	right = secret_same(check, header->check, sizeof(check));
	if (right)
		adiantum_open(&cipher->key, keys.blocks);
	secret_forget(&keys, sizeof(keys));
	return right ? NULL
		     : "the key is wrong; use the key that it was first used with, and the name "
		       "that it had then";
}

/*
 * Makes the cipher's tweak from the number of a block's first sector, as Linux's dm-crypt does by
 * plain64.
 */
static void disk_cipher_tweak(u64 sector, u8 tweak[ADIANTUM_TWEAK_BYTES])
{
	memset(tweak, 0, ADIANTUM_TWEAK_BYTES);
	memcpy(tweak, &sector, sizeof(sector));
}

void disk_cipher_encrypt(struct disk_cipher *cipher, u64 sector)
{
	u8 tweak[ADIANTUM_TWEAK_BYTES];

	disk_cipher_tweak(sector, tweak);
	adiantum_encrypt(&cipher->key, tweak, cipher->block, sizeof(cipher->block));
}

void disk_cipher_decrypt(struct disk_cipher *cipher, u64 sector)
{
	u8 tweak[ADIANTUM_TWEAK_BYTES];

	/*
	 * zeros: never written, since a guest's write encrypts to zeros only by a chance of one in
	 * 2^32768
	 */
	if (cipher->sparse && is_zero(cipher->block, sizeof(cipher->block)))
		return;
	disk_cipher_tweak(sector, tweak);
	adiantum_decrypt(&cipher->key, tweak, cipher->block, sizeof(cipher->block));
}
