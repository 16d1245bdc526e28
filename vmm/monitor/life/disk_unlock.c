/* SPDX-License-Identifier: MIT */
/*
 * Opens the VM's encrypted disks: reads each header, or makes one on an empty disk. Called by
 * machine_setup.c; reads and writes disks through save_disk.c, and wipes the manager's page of
 * keys.
 */
#include "vmm/monitor/life/disk_unlock.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/disk/disk_cipher.h"
#include "vmm/monitor/life/flash_open.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/machine/random.h"
#include "vmm/monitor/save/save_disk.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"

/*
 * The number of bytes at either end of a disk that must be zeros before a header is written: file
 * systems, partition tables and backups have their marks there.
 */
#define LOOK_BYTES (128 * KIB)

static struct disk_secret_header disk_header;

static bool disk_unlock_refuse(struct machine *machine, const struct virtio_blk *blk,
			       const char *problem)
{
	char name[VIRTIO_BLK_NAME_BYTES + 1] = "";

	memcpy(name, blk->name, VIRTIO_BLK_NAME_BYTES);
	machine_crash(machine, "disk %s: %s", name, problem);
	return false;
}

static bool disk_unlock_is_zero(const u8 *bytes, size_t count)
{
	u8 any = 0;

	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

/*
 * Sets *empty to false if the disk holds anything but zeros in the bytes from `from` to `to`.
 * Returns false if the disk cannot be read.
 */
static bool disk_unlock_look(struct save_disk *disk, u64 from, u64 to, bool *empty)
{
	static u8 piece[DISK_SECRET_BYTES] ALIGNED(8);

	for (u64 at = from; *empty && at < to; at += sizeof(piece)) {
		if (!save_disk_read(disk, at, piece, sizeof(piece)))
			return false;
		*empty = disk_unlock_is_zero(piece, sizeof(piece));
	}
	return true;
}

/*
 * Checks that the disk is empty, makes the header of an encrypted disk and writes it there. Returns
 * false if the disk cannot be used.
 */
static bool disk_unlock_make(struct machine *machine, struct virtio_blk *blk,
			     struct save_disk *disk, const u8 *key)
{
	u64 bytes = align_down(disk->bytes, DISK_SECRET_BYTES);
	u64 tail = bytes - MIN(bytes, (u64)LOOK_BYTES);
	u8 salt[DISK_SECRET_SALT_BYTES];
	bool empty = true;

	if (!disk_unlock_look(disk, 0, MIN(bytes, (u64)LOOK_BYTES), &empty) ||
	    !disk_unlock_look(disk, tail, bytes, &empty))
		return disk_unlock_refuse(machine, blk, disk->problem);
	if (!empty)
		return disk_unlock_refuse(machine, blk,
					  "it holds something that is not encrypted; use an empty "
					  "disk or volume, or do without `encrypt`");
	if ((disk_client_about(&blk->client).features & DISK_READ_ONLY) != 0)
		return disk_unlock_refuse(machine, blk,
					  "it is empty and read-only; use it writable once");
	random_draw(salt, sizeof(salt));
	disk_cipher_make_header(key, salt, &disk_header);
	if (!save_disk_write(disk, 0, &disk_header, sizeof(disk_header)) || !save_disk_flush(disk))
		return disk_unlock_refuse(machine, blk, disk->problem);
	machine_log(machine, "disk %u was empty and is encrypted from now on", blk->number);
	return true;
}

static bool disk_unlock_one(struct machine *machine, struct virtio_blk *blk, const u8 *key,
			    bool sparse)
{
	struct disk_cipher *cipher = NULL;
	struct save_disk disk;
	const char *problem;
	u64 at = 0;

	if (blk->is_drive)
		return disk_unlock_refuse(machine, blk,
					  "it is encrypted, and a CD-ROM drive cannot have such a "
					  "disk; leave out cdrom");
	save_disk_over(&disk, &blk->client, machine->queue);
	if (disk.bytes < 2ull * DISK_SECRET_BYTES)
		return disk_unlock_refuse(machine, blk, "it is too small to be encrypted");
	if (!save_disk_read(&disk, 0, &disk_header, sizeof(disk_header)))
		return disk_unlock_refuse(machine, blk, disk.problem);
	if (!disk_cipher_is_header(&disk_header) && !disk_unlock_make(machine, blk, &disk, key))
		return false;
	if (memory_map(align_up(sizeof(*cipher), PAGE_SIZE), &at) != STATUS_OK)
		return disk_unlock_refuse(machine, blk, "there is no memory for its cipher");
	cipher = (struct disk_cipher *)(uintptr_t)at;
	problem = disk_cipher_open(cipher, key, &disk_header);
	if (problem != NULL)
		return disk_unlock_refuse(machine, blk, problem);
	cipher->sparse = sparse;
	blk->cipher = cipher;
	return true;
}

static struct virtio_blk *disk_unlock_find(struct machine *machine, u32 number)
{
	for (u32 i = 0; i < machine->blk_count; i++) {
		if (machine->blk[i].number == number)
			return &machine->blk[i];
	}
	return NULL;
}

bool disk_unlock_all(struct machine *machine)
{
	const struct start_entry *entry = start_find(START_DISK_FILE);
	struct disk_keys *keys;
	bool good = true;

	if (entry == NULL)
		return true;
	keys = (struct disk_keys *)(uintptr_t)entry->offset;
	for (u32 i = 0; i < DISK_KEY_MAX && good; i++) {
		struct virtio_blk *blk = disk_unlock_find(machine, keys->disk[i].number);

		if (keys->disk[i].given != DISK_KEY_NONE && flash_is_disk(keys->disk[i].number)) {
			machine_crash(machine,
				      "disk %u is encrypted, and its firmware's variables cannot "
				      "be on such a disk; use another one",
				      keys->disk[i].number);
			good = false;
		}
		if (keys->disk[i].given != DISK_KEY_NONE && blk != NULL)
			good = disk_unlock_one(machine, blk, keys->disk[i].key,
					       keys->disk[i].given == DISK_KEY_VOLUME);
	}
	secret_forget(keys, sizeof(*keys));
	return good;
}
