/* SPDX-License-Identifier: MIT */
/* What switches have in common, as the manager sees them. */
#include "vmm/manager/log/log.h"
#include "vmm/manager/net/net.h"

/* Page tables, events and mappings of its ports, the links of its uplink and of a capture. */
#define PORT_PAGES 4ull
#define LINK_PAGES (FRAMES_LINK_BYTES / PAGE_SIZE + 16)

static void bridge_ready(struct driver *driver)
{
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: ready", driver->name);
}

static void bridge_describe(const struct driver *driver, const struct driver_link *link)
{
	struct net_about *about = (struct net_about *)(void *)link->at->about;
	const struct net *net = net_of_bridge(driver);

	__atomic_store_n(&about->mac, link->port.mac, __ATOMIC_RELAXED);
	__atomic_store_n(&about->mtu, (u32)net->config->mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&about->flags, link->lost ? 0 : NET_LINK_UP, __ATOMIC_RELAXED);
}

static void bridge_fill(const struct driver_link *link, struct driver_client *client)
{
	client->port = link->port;
}

const struct driver_class bridge_class = {
	.link_bytes = FRAMES_LINK_BYTES,
	.client_max = NET_PORT_MAX,
	.asked = true,
	.quota_pages = NET_PORT_MAX * PORT_PAGES + 2 * LINK_PAGES,
	.ready = bridge_ready,
	.describe = bridge_describe,
	.fill = bridge_fill,
};
