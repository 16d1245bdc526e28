/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/net.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/vm/vm.h"

/*
 * Networks: the sections [net NAME] of the configuration. Each has a switch, a process of its own,
 * to which the cards of VMs are linked, and maybe uplinks: the drivers of cards of the host, which
 * are linked to the switch likewise.
 */
#define NET_UPLINK_MAX 2u

struct net_uplink {
	u32 device;
	struct driver *card;	  /* NULL: it could not be made */
	struct driver_link *link; /* the card's, to the switch */
};

struct net {
	const struct net_config *config;
	struct driver *bridge;	    /* its switch; NULL: the section is broken */
	struct net_uplink uplink[NET_UPLINK_MAX];
	u32 uplink_count;
	char problem[DRIVER_TEXT_BYTES + 64]; /* why it has no switch, or no uplink; "": nothing */
};

/* Starts the switches, and the drivers of uplinks, of all networks that the configuration names. */
void nets_start(void);
/* The network of that number; NULL behind the last. */
const struct net *net_at(u32 number);
/* Those of that switch, and the port of the link; NULL: it is no switch. */
const struct net *net_of_bridge(const struct driver *driver);

/*
 * For a VM that is being built: a port for each of its cards, charged to its group. One that is
 * optional may be missing, which is logged. False: `problem` says why.
 */
bool net_attach_all(struct vm *vm, char *problem, size_t size);
/* Hands them to its monitor. */
void net_give_all(const struct vm *vm, struct process_build *build);
/* Ends the links, in steps: true once the switches have nothing of the VM any more. */
bool net_detach_all(struct vm *vm);
/* Pages that the links of its cards take. */
u64 net_pages(const struct vm_config *config);
/* The VM's limits have changed. */
void net_limit_all(struct vm *vm);
/* The address of the VM's card of that number: as configured, or derived from the VM's name. */
u64 net_mac(const struct vm_config *config, u32 card);

/* Why something is not as the configuration has it; the network goes on without. */
void net_refuse(struct net *net, const char *problem);
/* Starts the drivers of its uplinks; its switch is there. */
void net_start_uplinks(struct net *net);
/* The network of a card, and its place there; NULL: of none. */
const struct net *net_of_card(const struct driver *card, u32 *place);
/* What its switch last said of a port; and in a word. */
u16 net_port_shown(const struct driver_link *link);
const char *net_port_state_name(u16 shown);
/* Anything but 0, for a port's probes. */
u64 net_port_secret(void);

/* For card.c: hands the end of the uplink of that card's network to its driver. */
void net_give_uplink(struct process_build *build, u32 device);
/* The card's link, or its driver, has come or gone (driver->link_up): its switch is told. */
void net_card_changed(const struct driver *card);
extern const struct driver_class bridge_class;
