/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The volumes in which scheduled backups are kept. Their names say VM, disk and moment, such as
 * `web:pool:root@20251129191604.0`, and no operator can make such a name: a volume that has one
 * holds a whole backup that the manager has made, and may be dropped by the manager. The number at
 * the end is the backup's place in its chain, 0 for the full one.
 */
#include "vmm/manager/disk/store.h"

/* The most backups of a disk in a store that are looked at, the newest ones. */
#define BACKUP_PLACES_MAX 1024u
/* Room for STORE/VOLUME where the volume is a backup's. */
#define BACKUP_PLACE_BYTES (CONFIG_NAME_BYTES + STORE_NAME_BYTES)

struct backup_place {
	/* when the backup was begun, in UTC, as a decimal number YYYYMMDDhhmmss; later is larger */
	u64 moment;
	u64 made_s;   /* the moment as Unix time, from the store; 0: unknown */
	u64 volume;   /* id of the volume */
	u32 index;    /* the volume's index in the store's list, for store_volume_at */
	u64 bytes;    /* size of the volume */
	u32 sequence; /* the backup's place in its chain, 0 for a full one */
};

/* The volumes of a chain of backups, STORE/VOLUME each, the full one first. */
struct backup_chain {
	u32 count;
	u64 moment; /* moment of the last backup of the chain */
	char name[BACKUP_CHAIN_MAX][BACKUP_PLACE_BYTES];
};

/* Returns the moment, as in struct backup_place, that a Unix time is. */
u64 backup_moment(u64 unix_seconds);
/* Reads the 14 digits of a moment; returns false for any other text. */
bool backup_moment_parse(struct text text, u64 *moment);

/*
 * Writes the name of the volume for a backup of the VM's disk, STORE/VOLUME. A long name of a VM is
 * cut; a long one of a disk is replaced by a hash of it.
 */
void backup_place_name(const char *vm, const char *disk, u64 moment, u32 sequence,
		       char name[STORE_NAME_BYTES]);
/* Returns whether the name is one that backup_place_name makes, for any disk. */
bool backup_place_is_name(const char *name);

/*
 * Returns the backups of a disk, STORE/VOLUME, that the store has, the oldest first, and sets
 * *count. The list is valid until the next call.
 */
const struct backup_place *backup_places(const struct store *store, const char *disk, u32 *count);
/* Writes STORE/VOLUME of a backup that the store has; VOLUME is "" if it has gone meanwhile. */
void backup_place_text(const struct store *store, const struct backup_place *place,
		       char text[BACKUP_PLACE_BYTES]);
/*
 * Returns the index of the full backup with which the chain begins that ends at the index `last`;
 * last + 1 if a backup of the chain is missing.
 */
u32 backup_chain_first(const struct backup_place *places, u32 last);
/*
 * Returns how many of the oldest backups are in excess if `keep` chains are to be kept. The newest
 * chain is never in excess, as `keep` is at least 1.
 */
u32 backup_places_excess(const struct backup_place *places, u32 count, u64 keep);
/*
 * Returns in how many seconds the next backup is due; all are Unix times in seconds or an interval,
 * and `last` is 0 if there is no backup. A last backup in the future tells nothing: the next one is
 * due at once.
 */
u64 backup_wait_s(u64 now, u64 last, u64 every);

/*
 * Finds the chain, in any store, that restores a disk, STORE/VOLUME, to a moment, or, for 0, to its
 * last backup. Returns false, with the reason in `problem`, if there is none.
 */
bool backup_chain_find(const char *disk, u64 moment, struct backup_chain *chain, char *problem,
		       size_t size);
