/* SPDX-License-Identifier: MIT */
/*
 * Finds and starts the uplinks of networks, and passes on whether their links are up. Called by
 * net.c, card.c and net_vm.c. Creates the cards' drivers through vmm/manager/driver.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/net/card.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/process/random.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

u64 net_port_secret(void)
{
	u64 secret;

	random_draw(&secret, sizeof(secret));
	return secret | 1;
}

/* Returns the network that has the card; a card serves at most one. */
static const struct net *net_user_of(u32 device)
{
	const struct net *net;

	for (u32 i = 0; (net = net_at(i)) != NULL; i++) {
		for (u32 place = 0; place < net->uplink_count; place++) {
			if (net->uplink[place].device == device)
				return net;
		}
	}
	return NULL;
}

/*
 * Makes a card's link to the switch. The switch's memory group pays for it: the link exists before
 * the card's driver and outlives it.
 */
static struct driver_link *net_make_link(const struct net *net, const char *card, char *problem,
					 size_t size)
{
	struct driver_link wanted = {
		.section = net->bridge->device,
		.port = {.flags = NET_PORT_UPLINK | net_dhcp_flag(net->config),
			 .secret = net_port_secret(),
			 .limit = {.weight = 1},
			 .down = 1},
	};

	string_copy(wanted.user, sizeof(wanted.user), card);
	return driver_link_make(net->bridge, net->bridge->group, &wanted, problem, size);
}

/*
 * Starts the driver of one uplink's card. Returns false, with the reason in `problem`, if it cannot
 * be had.
 */
static bool net_start_one(struct net *net, const char *wanted, char *problem, size_t size)
{
	struct net_uplink *uplink = &net->uplink[net->uplink_count];
	const struct driver_kind *kind;
	const struct net *user;
	char name[DRIVER_NAME_BYTES];

	kind = card_find(wanted, &uplink->device, name, problem, size);
	if (kind == NULL)
		return false;
	user = net_user_of(uplink->device);
	if (user != NULL) {
		format(problem, size,
		       "uplink: %s is the uplink of %s; give each network a card of its own", name,
		       user->config->section.name);
		return false;
	}
	uplink->link = net_make_link(net, name, problem, size);
	if (uplink->link == NULL)
		return false;
	net->uplink_count++;
	uplink->card = driver_create(name, kind, uplink->device, NULL, 0, problem, size);
	if (uplink->card == NULL)
		return false;
	uplink->card->restart_limit = (u32)net->config->restart_limit;
	return true;
}

void net_start_uplinks(struct net *net)
{
	struct text rest = text_of(net->config->uplink);
	char problem[DRIVER_TEXT_BYTES];
	char wanted[CONFIG_WORD_BYTES];

	struct text part;
	bool more = rest.length != 0;

	while (more) {
		more = config_split(rest, ',', &part, &rest);
		if (net->uplink_count == NET_UPLINK_MAX) {
			format(problem, sizeof(problem),
			       "uplink: there are too many; give at most %u, with commas between "
			       "them",
			       NET_UPLINK_MAX);
			net_refuse(net, problem);
			return;
		}
		if (!text_copy(wanted, sizeof(wanted), text_trim(part)) ||
		    !net_start_one(net, wanted, problem, sizeof(problem)))
			net_refuse(net, problem);
	}
}

void net_give_uplink(struct process_build *build, u32 device)
{
	const struct net *net = net_user_of(device);
	u32 place = 0;

	if (net == NULL)
		return;
	while (net->uplink[place].device != device)
		place++;
	driver_link_give(build, net->uplink[place].link, START_NET, 0, net->config->section.name);
	if (process_build_failed(build))
		return;
	build->info->parameter[DRIVER_MTU] = net->config->mtu;
	driver_link_renew(net->uplink[place].link);
}

const struct net *net_of_card(const struct driver *card, u32 *place)
{
	const struct net *net;

	for (u32 i = 0; (net = net_at(i)) != NULL; i++) {
		for (*place = 0; *place < net->uplink_count; ++*place) {
			if (net->uplink[*place].card == card)
				return net;
		}
	}
	return NULL;
}

void net_card_changed(const struct driver *card)
{
	u32 place;
	const struct net *net = net_of_card(card, &place);

	if (net == NULL)
		return;
	net->uplink[place].link->port.down = !card->link_up;
	driver_link_fill(net->uplink[place].link);
}
