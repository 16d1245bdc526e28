/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Types and state shared by the two halves of a rekey: rekey.c, and rekey_round.c for a volume that
 * a VM uses.
 */
#include "vmm/manager/disk/content.h"
#include "vmm/manager/disk/rekey.h"
#include "vmm/manager/disk/store_work.h"

enum rekey_phase {
	REKEY_NONE,
	REKEY_MAKING, /* the store's driver makes the new volume */
	/* the disk's driver begins the list of the blocks that the VM changes anew */
	REKEY_POINTING,
	REKEY_KEEPING, /* the store's driver takes a snapshot of the volume */
	REKEY_COPYING, /* a process copies the content to the new volume */
	/* the round's snapshot is dropped, once the process's links are detached */
	REKEY_CLEARING,
	REKEY_STANDING, /* the guest is to stand still for the last round */
	/* the store's driver gives the new volume's content and key to the old one */
	REKEY_TAKING,
	REKEY_TAKEN, /* the VM's new monitor begins with the new key */
	/* the store's driver gives the old content and key back, as the new monitor has failed */
	REKEY_RETURNING,
	REKEY_DROPPING,
};

/* The most that is copied while a guest stands still. */
#define REKEY_HELD_BYTES    (1024ul * KIB)
#define REKEY_PROBLEM_BYTES 224u
/* The number of ended rekeys whose outcome is kept for their askers. */
#define REKEY_ENDED_MAX 8u

struct rekey_state {
	enum rekey_phase phase;
	u32 number; /* number of the last rekey, from 1 on; 0: there was none */
	struct store *store;
	struct store_volume volume;
	struct store_item made; /* the new volume, and the key for the old one's name */
	struct store_work work; /* the present phase's command to the store's driver */
	u32 content;		/* number of the movement (content.c) that copies */
	/* why the last rekeys have failed, by their numbers; "": they have not */
	char problem[REKEY_ENDED_MAX][REKEY_PROBLEM_BYTES];
	bool left; /* new volumes may be left behind, and rekey_left has not reported that yet */

	/* The fields from here on are used only if a VM uses the volume: */
	bool live;
	struct driver_link *link;    /* the VM's; NULL: the VM has ended or gone back meanwhile */
	char kept[STORE_NAME_BYTES]; /* name of the snapshot that the present round copies */
	u32 round;		     /* number of the present round, from 1 on */
	u64 moved;		     /* bytes that the last round has copied */
	/* the last round has copied nothing: its blocks are copied in the next one */
	bool merge;
	bool held;		       /* the guest stands still */
	bool back;		       /* the new monitor has failed while the volume was taken */
	char why[REKEY_PROBLEM_BYTES]; /* why the new monitor has failed */
	bool lost; /* it is unknown which key the volume has, and its VM must not continue */
};

extern struct rekey_state rekey;

/* Enters a phase, which may take 60 seconds if it has a limit. */
void rekey_enter(enum rekey_phase phase);
/* Returns whether the present phase's time limit is over. */
bool rekey_is_late(void);
/* Has the store's driver carry out the present phase's command, as store_work_step does. */
bool rekey_ask(enum store_operation operation, const struct store_item *items, u32 count,
	       char *problem, size_t size);
/*
 * Has the store's driver give the rekey's volume the content of the store's volume `name`, and the
 * key, in one commit. Returns as rekey_ask does, and waits while the driver loads the store.
 */
bool rekey_exchange(const char *name, const struct store_key *key, char *problem, size_t size);
/* Begins to copy to the new volume, as soon as the store has no command under way. */
void rekey_copy(void);
/*
 * Ends the rekey with the volume's own key as it was, or with its new one if `problem` is "", and
 * drops the volumes made for it.
 */
void rekey_finish(const char *problem);
/*
 * Ends the rekey after an error of the store's disk, since it is unknown which key the volume has.
 */
void rekey_lose(const char *problem);
/*
 * Returns whether the volumes made for the rekey have no users any more and can be dropped; enters
 * the existing ones in `items`, 2 at most. Without `all`, the snapshot alone counts.
 */
bool rekey_unused(bool all, struct store_item *items, u32 *count);

/* --- rekey_round.c --- */

/* Begins the next round of a volume that a VM uses. */
void rekey_round_begin(void);
/* Does the next step of a phase that only a rekey of such a volume has. */
void rekey_round_step(void);
/* Handles the end of the process that copied, for a volume that a VM uses. */
void rekey_round_copied(const struct content *content);
/* Handles that the store has given the volume its new key. */
void rekey_round_taken(void);
