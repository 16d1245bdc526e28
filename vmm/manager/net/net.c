/* SPDX-License-Identifier: MIT */
/*
 * Keeps the list of configured networks and starts their switches. Called by main.c at the start
 * and, for the list, by the rest of this folder, vm_net_shared.c and the commands on networks. Owns
 * `nets`.
 */
#include "vmm/manager/net/net.h"

#include "lib/bits.h"
#include "vmm/manager/log/log.h"
#include "vmm/rt/format.h"

#define BRIDGE_SUFFIX ".switch"

static struct net nets[CONFIG_NET_MAX];

static void net_equip_bridge(struct process_build *build, u32 number)
{
	if (!process_build_failed(build))
		build->info->parameter[DRIVER_MTU] = nets[number].config->mtu;
}

static const struct driver_kind bridge_kind = {
	.image = "switch",
	.class = &bridge_class,
	.equip = net_equip_bridge,
};

void net_refuse(struct net *net, const char *problem)
{
	string_copy(net->problem, sizeof(net->problem), problem);
	log_message(LOG_WARNING, LOG_CONFIG, "", "net %s: %s", net->config->section.name, problem);
}

const struct net *net_at(u32 number)
{
	return number < CONFIG_NET_MAX && nets[number].config != NULL ? &nets[number] : NULL;
}

const struct net *net_of_bridge(const struct driver *driver)
{
	return driver->kind == &bridge_kind ? net_at(driver->device) : NULL;
}

static u32 net_number_of(const struct net *net)
{
	return (u32)(net - nets);
}

static void net_start(struct net *net)
{
	char problem[DRIVER_TEXT_BYTES];
	char name[DRIVER_NAME_BYTES];

	if (!net->config->section.declared || net->config->section.broken)
		return;
	format(name, sizeof(name), "%s" BRIDGE_SUFFIX, net->config->section.name);
	net->bridge = driver_create(name, &bridge_kind, net_number_of(net), NULL, 0, problem,
				    sizeof(problem));
	if (net->bridge == NULL) {
		net_refuse(net, problem);
		return;
	}
	net->bridge->restart_limit = (u32)net->config->restart_limit;
	net_start_uplinks(net);
}

void nets_start(void)
{
	for (u32 i = 0; config_net(i) != NULL; i++) {
		nets[i].config = config_net(i);
		net_start(&nets[i]);
	}
}
