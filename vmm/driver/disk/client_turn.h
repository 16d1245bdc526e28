/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/changes.h"
#include "vmm/driver/disk/client.h"
#include "vmm/driver/disk/undo.h"
#include "vmm/driver/disk/window.h"
#include "vmm/io/share.h"

/* A client, shared by client.c and client_turn.c. */
struct client {
	struct driver_client given; /* a copy; number 0: nobody is there */
	struct link_end end;
	struct share share;
	struct window window;
	struct undo undo;
	struct changes changes;
	u32 undo_put_back; /* what was kept goes back to the disk, by that order; 0: it does not */
	u32 undo_ended;	   /* the last such order */
	u64 undo_at;	   /* so many entries are back */
	u64 wanted_piece;  /* the driver shall read that one, and so many in all */
	u32 wanted_pieces; /* 0: it has begun to, or need not */
	u64 not_fetched;   /* of a view: this piece, less 1, could not be read; 0: none */
	u64 bounced[BLOCK_POOL_PAGES / 64]; /* likewise: pages that a request bounces through */
	u32 window_told;		    /* the manager: which one the device may be using */
	u32 waiting;			    /* with the device */
	bool leaving;			    /* takes no more; gone once nothing waits */
	bool changed;			    /* has answers that it was not shown */
	u64 limited_tsc; /* since then it is over its limit: not read before share.ready_at */
	struct block_request held; /* taken last; where has_held, the device had no room for it */
	bool has_held;
};
extern struct client clients[DISK_CLIENT_MAX];

static inline u8 *client_pool(const struct client *client, u64 offset)
{
	return (u8 *)client->end.memory + SLOT_POOL_OFFSET + offset;
}

enum client_taken {
	CLIENT_NOTHING, /* the client has no request */
	CLIENT_TOOK,	/* `held` was handed to the device, or refused */
	CLIENT_FULL,	/* the device has no room; `held` is kept */
	CLIENT_WAITS,	/* `held` waits for a request of the driver's own, whose end wakes it */
	CLIENT_DONE,	/* the request needs nothing of the device */
};

/* Of client.c: the next request of this client. */
enum client_taken client_take_one(struct client *client);
struct disk_counts *client_counts(const struct client *client);
/* What is kept of its disk: the manager's word, and the driver's. */
const struct disk_undo_given *client_undo_given(const struct client *client);
struct disk_undo_told *client_undo_told(const struct client *client);
/* What it changes, likewise. */
const struct disk_changes_given *client_changes_given(const struct client *client);
u32 *client_changes_told(const struct client *client);

/* Adds a client to the scheduler, and removes it (client_turn.c). */
void client_turn_come(const struct client *client);
void client_turn_leave(const struct client *client);
/* Makes the scheduler look at a waiting client again. */
void client_turn_wake(struct client *client, u64 now_tsc);
