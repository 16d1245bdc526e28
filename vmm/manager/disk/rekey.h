/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/disk/store.h"

/*
 * A rekey encrypts a volume's content by another key: into a new volume of the same store, whose
 * content and key the volume gets in one commit of the store. Before that commit the volume is as
 * it was. One rekey is under way at a time. Either the volume has no other user meanwhile, or a VM
 * uses it: then snapshots of it are copied in rounds, each round only the changes since the one
 * before, and the VM's guest stands still for the last round, until the VM's next monitor has the
 * new key.
 */

/*
 * Begins to encrypt a volume by the key of that name. `link` is the link by which a VM uses it,
 * which has a list of changes (disk_changes.h); NULL: the volume has no user. Returns the rekey's
 * number, or 0, with the reason in `problem`, if it did not begin.
 */
u32 rekey_begin(struct store *store, const struct store_volume *volume, struct driver_link *link,
		const char *key, char *problem, size_t size);
/*
 * Returns whether the rekey of that number has ended; `problem` then says which key the volume has
 * and why the rekey has failed, "" if it has not.
 */
bool rekey_ended(u32 number, char *problem, size_t size);
/*
 * Gives the rekey up: the volume keeps its key. Returns false, with the reason in `problem`, if
 * none is under way or it is too late.
 */
bool rekey_cancel(char *problem, size_t size);
/* Returns whether the rekey under way uses a volume of that name. */
bool rekey_needs(const char *name);
/* Returns, once for a rekey that has ended, that volumes made for it may be left behind. */
bool rekey_left(void);
/* Returns whether that volume of the store is the one that gets another key now. */
bool rekey_is_of(const struct store *store, u64 volume);
/*
 * Returns whether that volume of the store is just being given another key or its old one back, so
 * that no user may begin to use it by either.
 */
bool rekey_takes(const struct store *store, u64 volume);

/* The progress of a rekey, for the operator. */
struct rekey_progress {
	u32 number; /* the rekey's number; 0: there was none since the host was booted */
	const char *store;
	const char *volume;
	const char *key;
	const char *state; /* "makes", "copies", "stands", "takes", "done" or "failed" */
	u32 round;	   /* number of the round under way, from 1 on */
	u64 copied_bytes;  /* bytes that this round has copied */
	u64 all_bytes;	   /* size of the volume, which the first round copies */
	const char *problem;
};
struct rekey_progress rekey_progress(void);

/* Does the next step of the rekey. Returns whether another step is due at once. */
bool rekey_step(void);
/*
 * Returns the TSC at which the next step of the rekey is due even if nothing happens before; ~0:
 * never.
 */
u64 rekey_deadline(void);

/* --- a VM that uses the volume: called by vm_rekey.c --- */

enum rekey_stage {
	REKEY_STAGE_ENDED,  /* no rekey of the volume is under way, and it has the link's key */
	REKEY_STAGE_COPIES, /* a round copies while the guest runs */
	REKEY_STAGE_STAND,  /* the guest is to stand still, and rekey_stands() to be called then */
	REKEY_STAGE_WORKS,  /* the guest has to stand still a little longer */
	/* the volume and the link have the new key: the next monitor can be made */
	REKEY_STAGE_TAKEN,
	REKEY_STAGE_LOST, /* it is unknown which key the volume has: the guest must not continue */
};
/* Returns whether the rekey under way is that of the volume that this link uses. */
bool rekey_uses(const struct driver_link *link);
enum rekey_stage rekey_stage(const struct driver_link *link);
/* Notes that the guest stands still and its monitor has nothing under way. */
void rekey_stands(void);
/* Notes that the VM's monitor works with the new key. */
void rekey_is_taken(void);
/*
 * Notes that the VM's old monitor continues, for the given reason. If the volume may have the new
 * key, it gets its old one back: the guest has to stand still until rekey_stage() says otherwise.
 */
void rekey_goes_back(const char *why);
/* Notes that the VM has ended, or that its volume was taken back to a snapshot. */
void rekey_abandon(const struct driver_link *link, const char *why);
