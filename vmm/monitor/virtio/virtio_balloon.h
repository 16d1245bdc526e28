/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The memory balloon, by which a guest gives memory back to the host and reports how much it uses.
 */
#include "vmm/monitor/virtio/virtio.h"
#include "vmm/rt/query.h"

struct platform_config;

/* the size of each queue: enough for Linux, which reports 32 pieces of memory in one request */
#define VIRTIO_BALLOON_QUEUE_SIZE 64u
/* the most requests of a queue that one call of `notify` handles */
#define VIRTIO_BALLOON_REQUESTS_MAX 4u
/* the most pages taken from one request to inflate */
#define VIRTIO_BALLOON_PAGES_MAX 1024u
/* the most pages taken from one report of free memory */
#define VIRTIO_BALLOON_REPORT_MAX 32768u
/* the shortest time between two requests for statistics */
#define VIRTIO_BALLOON_STATS_NS (5 * NS_PER_S)

struct virtio_balloon_state {
	struct virtio_state virtio;
	/* the number of pages that the guest is to give up; a reset of the device keeps it */
	u32 target;
	u32 actual; /* the number of pages that the guest reports as given up */
	/*
	 * 1: the device keeps the guest's buffer for statistics (stats_head); its return asks the
	 * guest for new ones
	 */
	u32 stats_held;
	u32 stats_head;
	u64 stats_seen; /* a bit for each of `stats` that the guest has reported */
	u64 stats[BALLOON_STATS];
	u64 stats_ns; /* guest time of the last report of statistics, in ns */
	u64 asked_ns; /* guest time when the guest was last asked for statistics, in ns */
	/* the number of pages of the balloon given back to the kernel since power-on */
	u64 inflated;
	u64 reported;
	/* the number of pages that were no RAM, too many, or could not be given back */
	u64 refused;
};

/*
 * A memory balloon (virtio 1.2, 5.5), with statistics and free page reporting. Pages that the guest
 * puts in or reports as free are given back to the host; the guest takes a page again by touching
 * it.
 */
struct virtio_balloon {
	struct virtio_device virtio;
	struct virtio_balloon_state state;
	/* gives `count` pages of the guest's RAM back to the kernel */
	enum status (*discard)(u64 first, u64 count);
};

/* Attaches the balloon; does nothing where the configuration asks for none. */
enum status virtio_balloon_attach(struct platform *platform,
				  const struct platform_config *config) MUST_CHECK;

/* Sets how many pages the guest is to give up; without effect if that is more than it has. */
enum status virtio_balloon_aim(struct virtio_balloon *balloon, u64 pages) MUST_CHECK;
/*
 * Fills in the known facts about the balloon, and asks the guest for statistics if the last ones
 * are old.
 */
void virtio_balloon_look(struct virtio_balloon *balloon, struct query_balloon *answer);
