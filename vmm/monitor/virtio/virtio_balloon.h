/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio.h"
#include "vmm/rt/query.h"

struct platform_config;

#define VIRTIO_BALLOON_QUEUE_SIZE   64u		   /* Linux reports 32 pieces in a request */
#define VIRTIO_BALLOON_REQUESTS_MAX 4u		   /* looked at in one go */
#define VIRTIO_BALLOON_PAGES_MAX    1024u	   /* taken from one request to inflate */
#define VIRTIO_BALLOON_REPORT_MAX   32768u	   /* pages taken from one report */
#define VIRTIO_BALLOON_STATS_NS	    (5 * NS_PER_S) /* the guest is asked no more often */

struct virtio_balloon_state {
	struct virtio_state virtio;
	u32 target;	/* pages that the guest is to give up; outlives resets */
	u32 actual;	/* pages that it says it has */
	u32 stats_held; /* 1: the guest waits to be asked, by the return of stats_head */
	u32 stats_head;
	u64 stats_seen; /* a bit for each of `stats` that the guest has given */
	u64 stats[BALLOON_STATS];
	u64 stats_ns; /* guest time when it did */
	u64 asked_ns; /* and when it was asked */
	u64 inflated; /* pages that were given back since power-on */
	u64 reported;
	u64 refused; /* pages that were no RAM, too many, or could not be given back */
};

/*
 * A memory balloon (virtio 1.2, 5.5), with statistics and free page reporting. What the guest puts
 * in, and what it reports as free, is given back to the machine; it takes a page again by touching
 * it.
 */
struct virtio_balloon {
	struct virtio_device virtio;
	struct virtio_balloon_state state;
	enum status (*discard)(u64 first, u64 count); /* pages of the guest's RAM */
};

/* Only where it is asked for. */
enum status virtio_balloon_attach(struct platform *platform,
				  const struct platform_config *config) MUST_CHECK;

/* Pages that the guest is to give up: without effect if that is more than it has. */
enum status virtio_balloon_aim(struct virtio_balloon *balloon, u64 pages) MUST_CHECK;
/* What there is to be known, and asks the guest for news if it has been a while. */
void virtio_balloon_look(struct virtio_balloon *balloon, struct query_balloon *answer);
