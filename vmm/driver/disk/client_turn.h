/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/client.h"
#include "vmm/driver/disk/window.h"
#include "vmm/io/share.h"

/* What client.c and client_turn.c have in common: the clients. */
struct client {
	struct driver_client given; /* a copy; number 0: nobody is there */
	struct link_end end;
	struct share share;
	struct window window;
	u32 window_told; /* the manager: which one the device may be using */
	u32 waiting;  /* with the device */
	bool leaving; /* takes no more; gone once nothing waits */
	bool changed; /* has answers that it was not shown */
	u64 limited_tsc; /* since then it is over its limit: not read before share.ready_at */
	struct block_request held; /* taken last; where has_held, the device had no room for it */
	bool has_held;
};
extern struct client clients[DISK_CLIENT_MAX];

enum client_taken {
	CLIENT_NOTHING, /* it has none */
	CLIENT_TOOK,	/* `held` says what; the device has it, or it was refused */
	CLIENT_FULL,	/* the device has no room; it is held */
};

/* Of client.c: the next request of this client. */
enum client_taken client_take_one(struct client *client);
struct disk_counts *client_counts(const struct client *client);

/* Of client_turn.c: it has come, or is about to go. */
void client_turn_come(const struct client *client);
void client_turn_leave(const struct client *client);
/* It is looked at again. */
void client_turn_wake(struct client *client, u64 now_tsc);
