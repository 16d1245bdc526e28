/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/manager/net/net.h"

static u32 count_ports(const struct net *net)
{
	u32 count = 0;

	for (u32 i = 0; net->bridge != NULL && i < DRIVER_CLIENT_MAX; i++)
		count += net->bridge->link[i].used;
	return count;
}

static const char *state_of(const struct net *net)
{
	if (net->config->section.broken)
		return "broken";
	return net->bridge != NULL ? driver_life_name(net->bridge->life) : "failed";
}

static const char *problem_of(const struct net *net)
{
	if (net->problem[0] == '\0' && net->bridge != NULL &&
	    net->bridge->life == DRIVER_LIFE_FAILED)
		return net->bridge->reason;
	return net->problem;
}

/* "up", "down", or the state of the card's driver where that is not ready. */
static const char *link_of(const struct net *net)
{
	if (net->card == NULL)
		return "-";
	if (net->card->life != DRIVER_LIFE_READY)
		return driver_life_name(net->card->life);
	return net->card->link_up ? "up" : "down";
}

static const char *card_of(const struct net *net)
{
	return net->card != NULL ? net->card->name : "-";
}

static void show_json(struct reply *reply, const struct net *net)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", net->config->section.name);
	json_string(&reply->object, "state", state_of(net));
	json_string(&reply->object, "problem", problem_of(net));
	json_string(&reply->object, "uplink", card_of(net));
	json_string(&reply->object, "link", link_of(net));
	json_u64(&reply->object, "mtu", net->config->mtu);
	json_u64(&reply->object, "ports", count_ports(net));
	reply_object_end(reply);
}

static void show_text(struct reply *reply, const struct net *net)
{
	reply_line(reply, "%-16s %-10s %-8s %-10s %5llu %5u", net->config->section.name,
		   state_of(net), card_of(net), link_of(net),
		   (unsigned long long)net->config->mtu, count_ports(net));
	if (problem_of(net)[0] != '\0')
		reply_line(reply, "  %s", problem_of(net));
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-10s %-8s %-10s %5s %5s", "NAME", "STATE", "UPLINK",
			   "LINK", "MTU", "PORTS");
	for (u32 i = 0; net_at(i) != NULL; i++) {
		if (!net_at(i)->config->section.declared)
			continue;
		if (reply->json)
			show_json(reply, net_at(i));
		else
			show_text(reply, net_at(i));
	}
}

COMMAND(net_list,
	.name = "net list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the networks of the configuration, their switches and uplinks",
	.example = "net list",
	.keys = "name state problem uplink link mtu ports",
	.run = run);
