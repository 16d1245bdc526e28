/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/net.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/vm/vm_types.h"

/*
 * Networks: the sections [net NAME] of the configuration. Each has a switch, a process of its own,
 * to which the cards of VMs are linked, and perhaps uplinks: drivers of the host's cards, which are
 * linked to the switch as well.
 */
#define NET_UPLINK_MAX 2u

struct net_uplink {
	u32 device;
	struct driver *card;	  /* the driver of the uplink's card; NULL: it could not be made */
	struct driver_link *link; /* the card's link to the switch */
};

struct net {
	const struct net_config *config;
	struct driver *bridge; /* the network's switch; NULL: the section is broken */
	struct net_uplink uplink[NET_UPLINK_MAX];
	u32 uplink_count;
	/* why the network has no switch, or no uplink; "": nothing is wrong */
	char problem[DRIVER_TEXT_BYTES + 64];
};

/* Starts the switches of all networks in the configuration, and the drivers of their uplinks. */
void nets_start(void);
/* Returns the network of that number, or NULL behind the last. */
const struct net *net_at(u32 number);
/* Returns the network of a switch, or NULL if the driver is no switch. */
const struct net *net_of_bridge(const struct driver *driver);

/*
 * Makes a port of a switch for each card of a VM that is being built, charged to the VM's memory
 * group. An optional card may be missing, which is logged. Returns false, with the reason in
 * `problem`, if another is missing.
 */
bool net_attach_all(struct vm *vm, char *problem, size_t size);
/* Gives the ports to which the VM's cards are linked to the VM's monitor. */
void net_give_all(const struct vm *vm, struct process_build *build);
/*
 * Ends the links of the VM's cards; to be repeated until it returns true: then the switches use
 * nothing of the VM.
 */
bool net_detach_all(struct vm *vm);
/* Returns the pages that the links of the VM's cards take. */
u64 net_pages(const struct vm_config *config);
/* Tells the switches the changed limits of the VM's cards. */
void net_limit_all(struct vm *vm);
/* Returns the MAC address of a VM's card: as configured, or derived from the VM's name. */
u64 net_mac(const struct vm_config *config, u32 card);

/*
 * Notes and logs why part of the network's configuration has no effect; the network works without
 * it.
 */
void net_refuse(struct net *net, const char *problem);
/* Starts the drivers of a network's uplinks; its switch must exist. */
void net_start_uplinks(struct net *net);
/*
 * Returns the network of a card and the card's index there, or NULL if the card belongs to no
 * network.
 */
const struct net *net_of_card(const struct driver *card, u32 *place);
/*
 * net_port_shown() returns the state that the switch last reported of a port, net_port_state_name()
 * that state's name.
 */
u16 net_port_shown(const struct driver_link *link);
const char *net_port_state_name(u16 shown);
/* Returns the flag of all ports of a network whose addresses the manager assigns; 0 for others. */
static inline u32 net_dhcp_flag(const struct net_config *config)
{
	return config->dhcp[0] != '\0' ? (u32)NET_PORT_DHCP : 0;
}

/* Returns a random number other than 0, for the probes by which a port detects loops. */
u64 net_port_secret(void);

/* Gives the driver of a card its end of the link to its network. Called by card.c. */
void net_give_uplink(struct process_build *build, u32 device);
/*
 * Tells the switch that the card's link, or its driver, has come up or gone down (driver->link_up).
 */
void net_card_changed(const struct driver *card);
extern const struct driver_class bridge_class;
