/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/disk_keys.h"
#include "vmm/rt/crypto/adiantum.h"

/*
 * The cipher of a VM's encrypted disk: data that go into the link to the disk's driver are
 * encrypted, and data that come out of it are decrypted, in blocks of DISK_SECRET_BYTES. Neither
 * key nor plain text is ever in the link.
 */
struct disk_cipher {
	struct adiantum key;
	/* a block of zeros on the disk was never written: it reads as zeros and is not decrypted */
	bool sparse;
	/* the block to be encrypted or decrypted, in place */
	u8 block[DISK_SECRET_BYTES] ALIGNED(8);
};

/* Makes the header of a new disk from its key and a salt that no other disk has. */
void disk_cipher_make_header(const u8 key[DISK_KEY_BYTES], const u8 salt[DISK_SECRET_SALT_BYTES],
			     struct disk_secret_header *header);
/*
 * Opens the cipher with a disk's header, which may hold anything, and the disk's key. Returns NULL,
 * or words about the header's problem that follow the disk's name.
 */
const char *disk_cipher_open(struct disk_cipher *cipher, const u8 key[DISK_KEY_BYTES],
			     const struct disk_secret_header *header) MUST_CHECK;
/* Returns whether the bytes are an encrypted disk's header, of any version and key. */
bool disk_cipher_is_header(const struct disk_secret_header *header);
/* Encrypts, in place, cipher->block, the block that begins at `sector` of the guest's disk. */
void disk_cipher_encrypt(struct disk_cipher *cipher, u64 sector);
/*
 * Decrypts, in place, cipher->block, the block that begins at `sector`, unless it was never
 * written.
 */
void disk_cipher_decrypt(struct disk_cipher *cipher, u64 sector);
