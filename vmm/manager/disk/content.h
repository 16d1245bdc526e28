/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Moves the content of volumes between stores and machine channels or disks, or digests it, each
 * time by a process of its own.
 */
#include "vmm/io/content_page.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/transfer/transfer.h"

struct store;
struct store_volume;

#define CONTENT_MAX 4u /* the most processes that move volumes' content at a time */

enum content_phase {
	CONTENT_NONE,
	CONTENT_MOVING,
	CONTENT_HOLDING, /* a rekey is done: the volumes are held until content_let_go */
	CONTENT_ENDING,	 /* the driver detaches the links; the stream is closed after that */
};

/*
 * A movement of a volume's content to or from a machine channel, or into a digest: moved by a
 * process that has a link to the volume, a transfer and a page. The volume has one writer, or
 * readers only, as with VMs.
 */
struct content {
	enum content_phase phase;
	/* the movement's number, which no other movement has; 0: this entry was never used */
	u32 number;
	enum content_operation operation;
	u8 digest[sizeof(((struct content_page *)NULL)->digest)];
	char problem[224]; /* why the last movement failed; "": it did not fail */
	u64 moved;	   /* the process's progress when the manager last looked, in bytes */
	bool too_much;	   /* a rekey's round failed as more has changed than wish.most */
	/* valid while the movement is under way */
	struct transfer transfer;
	handle_t group;
	handle_t process;
	handle_t bell;
	handle_t doorbell;
	/* page shared with the process, which writes it at any time: read each field once */
	struct content_page *page;
	struct driver_link *link;
	/* for a rekey, an export or an import: the link by which the process writes; else NULL */
	struct driver_link *link_to;
	u64 until_tsc; /* the TSC by which the process must have made progress */
};

/*
 * An operator's request: `bytes` bytes of a volume from `from` on, a multiple of
 * CONTENT_STEP_BYTES.
 */
struct content_wish {
	enum content_operation operation;
	struct store *store;
	const struct store_volume *volume;
	/* the channel of the client that sends or gets the content; NULL: there is no client */
	struct machine_channel *channel;
	const char *disk; /* the disk of an export or an import; NULL: this is neither */
	const struct store_volume *to; /* the volume that a rekey fills; NULL: this is no rekey */
	/*
	 * for a later round of a rekey: the link whose list of changes names the blocks to copy, of
	 * which there are `most` bytes at most (0: any number); NULL: all of the volume is copied
	 */
	const struct driver_link *changed;
	u64 most;
	u64 from;
	u64 bytes;
};

/*
 * Begins to move content. Returns NULL, with the reason in `problem`, if nothing was begun;
 * `transfer.number` is the stream's number otherwise.
 */
const struct content *content_begin(const struct content_wish *wish, char *problem, size_t size);
/*
 * Returns the movement of that number, if it is under way or was the last one in its entry, or
 * NULL.
 */
const struct content *content_find(u32 number);
/* Returns the number of bytes moved so far, as the movement's process reports it. */
u64 content_moved(const struct content *content);

/*
 * Ends the movement of that number, which has no client, so that its volumes can be used again.
 */
void content_let_go(u32 number);

/* Notes that the process of the movement of that number has ended. */
void content_ended(u32 number);
/* Does one step of each movement of content; returns whether another step is due at once. */
bool content_step(void);
u64 content_deadline(void);
