/* SPDX-License-Identifier: MIT */
#include "vmm/manager/net/net.h"

#include "lib/bits.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/net/card.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

#define BRIDGE_SUFFIX ".switch"

static struct net nets[CONFIG_NET_MAX];

static void equip_bridge(struct process_build *build, u32 number)
{
	if (!process_build_failed(build))
		build->info->parameter[DRIVER_MTU] = nets[number].config->mtu;
}

static const struct driver_kind bridge_kind = {
	.image = "switch",
	.class = &bridge_class,
	.equip = equip_bridge,
};

static void refuse(struct net *net, const char *problem)
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

static u32 number_of(const struct net *net)
{
	return (u32)(net - nets);
}

/* One card has one network. */
static const struct net *user_of(u32 device)
{
	for (u32 i = 0; net_at(i) != NULL; i++) {
		if (nets[i].card != NULL && nets[i].card->device == device)
			return &nets[i];
	}
	return NULL;
}

/* The switch pays for the link: it is there before the card's driver, and outlives it. */
static bool link_uplink(struct net *net, const char *card, char *problem, size_t size)
{
	struct driver_link wanted = {
		.section = number_of(net),
		.port = {.flags = NET_PORT_UPLINK, .limit = {.weight = 1}},
	};

	string_copy(wanted.user, sizeof(wanted.user), card);
	net->uplink = driver_link_make(net->bridge, net->bridge->group, &wanted, problem, size);
	return net->uplink != NULL;
}

static void start_uplink(struct net *net)
{
	const struct driver_kind *kind;
	char problem[DRIVER_TEXT_BYTES];
	char name[DRIVER_NAME_BYTES];
	u32 device;

	kind = card_find(net->config->uplink, &device, name, problem, sizeof(problem));
	if (kind == NULL) {
		refuse(net, problem);
		return;
	}
	if (user_of(device) != NULL) {
		format(problem, sizeof(problem),
		       "uplink: found %s, which is the uplink of %s, allowed: one network each",
		       name, user_of(device)->config->section.name);
		refuse(net, problem);
		return;
	}
	net->uplink_device = device;
	if (link_uplink(net, name, problem, sizeof(problem)))
		net->card = driver_create(name, kind, device, NULL, 0, problem, sizeof(problem));
	if (net->card != NULL)
		net->card->restart_limit = (u32)net->config->restart_limit;
	else
		refuse(net, problem);
}

static void start(struct net *net)
{
	char problem[DRIVER_TEXT_BYTES];
	char name[DRIVER_NAME_BYTES];

	if (!net->config->section.declared || net->config->section.broken)
		return;
	format(name, sizeof(name), "%s" BRIDGE_SUFFIX, net->config->section.name);
	net->bridge = driver_create(name, &bridge_kind, number_of(net), NULL, 0, problem,
				    sizeof(problem));
	if (net->bridge == NULL) {
		refuse(net, problem);
		return;
	}
	net->bridge->restart_limit = (u32)net->config->restart_limit;
	if (net->config->uplink[0] != '\0')
		start_uplink(net);
}

void nets_start(void)
{
	for (u32 i = 0; config_net(i) != NULL; i++) {
		nets[i].config = config_net(i);
		start(&nets[i]);
	}
}

void net_give_uplink(struct process_build *build, u32 device)
{
	for (u32 i = 0; net_at(i) != NULL; i++) {
		const struct net *net = &nets[i];

		if (net->uplink == NULL || net->uplink_device != device)
			continue;
		driver_link_give(build, net->uplink, START_NET, 0, net->config->section.name);
		if (process_build_failed(build))
			return;
		build->info->parameter[DRIVER_MTU] = net->config->mtu;
		driver_link_renew(net->uplink);
	}
}
