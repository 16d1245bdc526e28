/* SPDX-License-Identifier: MIT */
/*
 * What all switches have in common for the manager: what their ports are told and report. Called
 * through bridge_class by vmm/manager/driver, and by `net list` and `net stat`. Writes to links and
 * reports loops as events.
 */
#include "vmm/manager/log/log.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/net/net_lease.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/rt/format.h"

/*
 * Pages of a switch's quota: page tables, events and mappings of its ports, and the links of its
 * uplink and of a capture.
 */
#define PORT_PAGES 4ull
#define LINK_PAGES (FRAMES_LINK_BYTES / PAGE_SIZE + 16)

static void net_bridge_ready(struct driver *driver)
{
	log_message(LOG_INFO, LOG_DEVICE, "", "driver %s: ready", driver->name);
}

static void net_bridge_describe(const struct driver *driver, const struct driver_link *link)
{
	struct net_about *about = (struct net_about *)(void *)link->ends.at->about;
	const struct net *net = net_of_bridge(driver);

	about->lease = net_lease_of(
		net->config, (link->port.flags & NET_PORT_UPLINK) == 0 ? link->port.address : 0);
	__atomic_store_n(&about->mac, link->port.mac, __ATOMIC_RELAXED);
	__atomic_store_n(&about->mtu, (u32)net->config->mtu, __ATOMIC_RELAXED);
	__atomic_store_n(&about->flags, link->lost ? 0 : NET_LINK_UP, __ATOMIC_RELAXED);
}

static void net_bridge_fill(const struct driver_link *link, struct driver_client *client)
{
	client->port = link->port;
}

u16 net_port_shown(const struct driver_link *link)
{
	const struct driver *driver = driver_of_link(link);

	return driver->channel != NULL ? driver->channel->net.state[link - driver->link] : 0;
}

const char *net_port_state_name(u16 shown)
{
	static const char *const names[NET_PORT_STATE_COUNT] = {
		[NET_PORT_OPEN] = "open",
		[NET_PORT_LISTENS] = "listens",
		[NET_PORT_LOOPED] = "blocked",
		[NET_PORT_DOWN] = "down",
	};
	u8 state = (u8)shown;

	return state < NET_PORT_STATE_COUNT ? names[state] : "?";
}

/* Returns the user of the port with which a port is in a loop. */
static const char *net_other_end(const struct driver *driver, u16 shown)
{
	u32 with = shown >> NET_PORT_WITH_SHIFT;

	return with < NET_PORT_MAX && driver->link[with].used ? driver->link[with].user : "?";
}

static bool net_is_looped(u16 shown)
{
	return (u8)shown == NET_PORT_LOOPED;
}

/* Reports to operators and programs that a port was blocked or freed. */
static void net_say_state(const struct driver *driver, const struct driver_link *link, u16 after)
{
	char text[2 * CONFIG_NAME_BYTES + DRIVER_NAME_BYTES + 64];
	const char *name = config_net(driver->device)->section.name;
	const char *vm = (link->port.flags & NET_PORT_UPLINK) == 0 ? link->user : "";

	if (net_is_looped(after))
		format(text, sizeof(text), "net %s: port %s is blocked, it is in a loop with %s",
		       name, link->user, net_other_end(driver, after));
	else
		format(text, sizeof(text), "net %s: port %s is no longer blocked: %s", name,
		       link->user, net_port_state_name(after));
	log_message(net_is_looped(after) ? LOG_WARNING : LOG_INFO, LOG_DEVICE, vm, "%s", text);
	vm_event(vm, "", EVENT_NETWORK, text);
}

/* Looks for ports that were blocked because of a loop, or freed, since the last signal. */
static void net_bridge_signalled(struct driver *driver)
{
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		struct driver_link *link = &driver->link[i];
		u16 before = link->seen;
		u16 after = link->used ? net_port_shown(link) : 0;

		link->seen = after;
		if (net_is_looped(before) != net_is_looped(after) && link->used &&
		    driver_may_say(driver))
			net_say_state(driver, link, after);
	}
}

const struct driver_class bridge_class = {
	.link_bytes = FRAMES_LINK_BYTES,
	.client_max = NET_PORT_MAX,
	.asked = true,
	.quota_pages = NET_PORT_MAX * PORT_PAGES + 2 * LINK_PAGES,
	.ready = net_bridge_ready,
	.signalled = net_bridge_signalled,
	.describe = net_bridge_describe,
	.fill = net_bridge_fill,
};
