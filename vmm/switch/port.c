/* SPDX-License-Identifier: MIT */
/*
 * Ports of the switch: attaches and detaches them as the manager commands, and publishes to their
 * clients what was written and read. Called by main.c and turn.c. Owns the table and sets of ports
 * and the switch's end of each link.
 */
#include "vmm/switch/port.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"
#include "vmm/switch/limit.h"
#include "vmm/switch/loop.h"
#include "vmm/switch/mac_table.h"

struct port ports[NET_PORT_MAX];
struct port_sets port_sets;

static struct driver_channel *channel;
static handle_t queue;
static u64 first_key;

void port_init(struct driver_channel *shared, handle_t signals, u64 first)
{
	channel = shared;
	queue = signals;
	first_key = first;
}

/* Takes over the rules of a port that the manager sets. */
static void port_set_rules(struct port *port, const struct net_port *given)
{
	port->flags = given->flags;
	port->vlan = given->vlan;
	port->carries_all = (given->flags & (NET_PORT_TRUNK | NET_PORT_UPLINK)) != 0;
	port->address = given->address;
	port->ruled = given->address != 0 || (given->flags & NET_PORT_DHCP) != 0;
	port->listed = given->egress.listed != 0;
	port->egress = given->egress;
	port->egress.count = MIN(port->egress.count, NET_EGRESS_MAX);
	port->only_mac = PORT_NO_MAC;
	if ((given->flags & (NET_PORT_UPLINK | NET_PORT_MIRROR)) != 0)
		return;
	if (given->mac == 0)
		return;
	port->only_mac = given->mac;
	if (port->carries_all)
		port_sets.trunks |= BIT(port->index);
	mac_table_add(port->index, mac_table_key(given->mac, port->carries_all ? MAC_TABLE_ANY_VLAN
									       : given->vlan));
}

static void port_come(struct port *port, const struct driver_client *given)
{
	u64 bit = BIT(port->index);

	port->given = *given;
	port_set_rules(port, &given->port);
	limit_open(port, &given->port.limit);
	frames_open(&port->end, (struct link_memory *)(uintptr_t)given->link, LINK_SERVER);
	if (sys_object_bind(given->doorbell, queue, first_key + port->index) != STATUS_OK)
		switch_give_up("no signal of port %u can be received", port->index);
	/*
	 * the link's new generation is taken over now, as other ports may send to this one before
	 * its first turn
	 */
	port_renew(port);
	port->counts = &channel->net.counts[port->index];
	port->shown = &channel->net.state[port->index];
	memset(port->counts, 0, sizeof(*port->counts));
	port_sets.there |= bit;
	port_sets.active |= bit;
	if (port->address != 0)
		port_sets.addressed |= bit;
	if ((port->flags & NET_PORT_MIRROR) != 0)
		port_sets.mirrors |= bit;
	else if ((port->flags & (NET_PORT_UPLINK | NET_PORT_ANY_SOURCE)) != 0)
		port_sets.holders |= bit;
	loop_come(port);
	__atomic_store_n(&channel->served[port->index], given->number, __ATOMIC_RELEASE);
	switch_tell_manager();
}

static void port_leave(struct port *port)
{
	u64 others = ~BIT(port->index);

	mac_table_forget(port->index);
	port_sets.there &= others;
	port_sets.active &= others;
	port_sets.throttled &= others;
	port_sets.changed &= others;
	port_sets.trunks &= others;
	port_sets.mirrors &= others;
	port_sets.addressed &= others;
	port_sets.holders &= others;
	port_sets.announce &= others;
	loop_leave(port);
	__atomic_store_n(port->shown, 0, __ATOMIC_RELAXED);
	sys_handle_close(port->given.doorbell);
	sys_handle_close(port->given.bell);
	*port = (struct port){0};
}

void port_take_commands(void)
{
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		u32 number = __atomic_load_n(&channel->client[i].number, __ATOMIC_ACQUIRE);
		struct driver_client given = channel->client[i];

		given.number = number;
		if (number != 0 && number == ports[i].given.number) {
			limit_change(&ports[i], &given.port.limit);
			loop_set_down(&ports[i], given.port.down != 0);
			continue;
		}
		if (ports[i].given.number != 0) {
			port_leave(&ports[i]);
			__atomic_store_n(&channel->served[i], 0, __ATOMIC_RELEASE);
			switch_tell_manager();
		}
		ports[i].index = i;
		if (number != 0)
			port_come(&ports[i], &given);
	}
	channel->net.addresses = mac_table_count();
	__atomic_store_n(&channel->answered, __atomic_load_n(&channel->asked, __ATOMIC_RELAXED),
			 __ATOMIC_RELEASE);
}

void port_publish(void)
{
	while (port_sets.changed != 0) {
		struct port *port = &ports[bit_lowest(port_sets.changed)];

		port_sets.changed &= port_sets.changed - 1;
		if (link_publish(&port->end))
			(void)sys_event_signal(port->given.bell);
	}
}

void port_renew(struct port *port)
{
	if (link_renewed(&port->end))
		(void)sys_event_signal(port->given.bell);
}

void port_look(void)
{
	u64 idle = port_sets.there & ~port_sets.active & ~port_sets.throttled;

	for (; idle != 0; idle &= idle - 1) {
		const struct port *port = &ports[bit_lowest(idle)];
		const struct link_line *line = &port->end.memory->line[LINK_CLIENT];

		/*
		 * the index, which the peer writes, may be wrong: whoever reads from the port
		 * checks it properly
		 */
		if (__atomic_load_n(&line->written, __ATOMIC_RELAXED) != port->end.read &&
		    !port->end.broken)
			port_sets.active |= idle & -idle;
	}
}
