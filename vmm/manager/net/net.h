/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/net.h"
#include "vmm/manager/driver/driver.h"
#include "vmm/manager/vm/vm.h"

/*
 * Networks: the sections [net NAME] of the configuration. Each has a switch, a process of its own,
 * to which the cards of VMs are linked, and maybe an uplink: the driver of a card of the host,
 * which is linked to the switch likewise.
 */
struct net {
	const struct net_config *config;
	struct driver *bridge;	    /* its switch; NULL: the section is broken */
	u32 uplink_device;
	struct driver *card;	    /* of its uplink; NULL: none */
	struct driver_link *uplink; /* the card's, to the switch */
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

/* For card.c: hands the end of the uplink of that card's network to its driver. */
void net_give_uplink(struct process_build *build, u32 device);
extern const struct driver_class bridge_class;
