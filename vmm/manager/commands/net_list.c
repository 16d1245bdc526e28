/* SPDX-License-Identifier: MIT */
/*
 * The command `net list`: shows the configured networks, their switches and uplinks. Run by
 * command.c; only reads.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/net/net.h"
#include "vmm/rt/format.h"

#define WORDS_BYTES ((size_t)NET_UPLINK_MAX * DRIVER_NAME_BYTES)

static u32 command_net_list_count_ports(const struct net *net)
{
	u32 count = 0;

	for (u32 i = 0; net->bridge != NULL && i < DRIVER_CLIENT_MAX; i++)
		count += net->bridge->link[i].used;
	return count;
}

static const char *command_net_list_state_of(const struct net *net)
{
	if (net->config->section.broken)
		return "broken";
	return net->bridge != NULL ? driver_life_name(net->bridge->life) : "failed";
}

static const char *command_net_list_problem_of(const struct net *net)
{
	if (net->problem[0] == '\0' && net->bridge != NULL &&
	    net->bridge->life == DRIVER_LIFE_FAILED)
		return net->bridge->reason;
	return net->problem;
}

/*
 * Returns "up" or "down", the state of the card's driver if that is not ready, or "blocked" if the
 * switch has closed the port to break a loop.
 */
static const char *command_net_list_link_of(const struct net_uplink *uplink)
{
	const struct driver *card = uplink->card;

	if (card == NULL)
		return "-";
	if (card->life != DRIVER_LIFE_READY)
		return driver_life_name(card->life);
	if (!card->link_up)
		return "down";
	return net_port_shown(uplink->link) == NET_PORT_OPEN
		       ? "up"
		       : net_port_state_name(net_port_shown(uplink->link));
}

static const char *command_net_list_card_of(const struct net_uplink *uplink)
{
	return uplink->card != NULL ? uplink->card->name : "-";
}

/* Writes to the text one word of each uplink of the network, or "-" if there is none. */
static const char *
command_net_list_words_of(const struct net *net,
			  const char *(*word_of)(const struct net_uplink *uplink),
			  char text[WORDS_BYTES])
{
	size_t length = 0;

	string_copy(text, WORDS_BYTES, "-");
	for (u32 i = 0; i < net->uplink_count; i++)
		length += format(text + length, WORDS_BYTES - length, "%s%s", i != 0 ? " " : "",
				 word_of(&net->uplink[i]));
	return text;
}

static void command_net_list_show_json(struct reply *reply, const struct net *net)
{
	char words[WORDS_BYTES];

	reply_object_begin(reply);
	json_string(&reply->object, "name", net->config->section.name);
	json_string(&reply->object, "state", command_net_list_state_of(net));
	json_string(&reply->object, "problem", command_net_list_problem_of(net));
	json_string(&reply->object, "uplink",
		    command_net_list_words_of(net, command_net_list_card_of, words));
	json_string(&reply->object, "link",
		    command_net_list_words_of(net, command_net_list_link_of, words));
	json_u64(&reply->object, "mtu", net->config->mtu);
	json_u64(&reply->object, "ports", command_net_list_count_ports(net));
	reply_object_end(reply);
}

static void command_net_list_show_text(struct reply *reply, const struct net *net)
{
	char cards[WORDS_BYTES];
	char links[WORDS_BYTES];

	reply_line(reply, "%-16s %-10s %-10s %-12s %5llu %5u", net->config->section.name,
		   command_net_list_state_of(net),
		   command_net_list_words_of(net, command_net_list_card_of, cards),
		   command_net_list_words_of(net, command_net_list_link_of, links),
		   (unsigned long long)net->config->mtu, command_net_list_count_ports(net));
	if (command_net_list_problem_of(net)[0] != '\0')
		reply_line(reply, "  %s", command_net_list_problem_of(net));
}

static void command_net_list_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-10s %-10s %-12s %5s %5s", "NAME", "STATE", "UPLINK",
			   "LINK", "MTU", "PORTS");
	for (u32 i = 0; net_at(i) != NULL; i++) {
		if (!net_at(i)->config->section.declared)
			continue;
		if (reply->json)
			command_net_list_show_json(reply, net_at(i));
		else
			command_net_list_show_text(reply, net_at(i));
	}
}

COMMAND(net_list,
	.name = "net list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the networks of the configuration, their switches and uplinks",
	.example = "net list",
	.keys = "name state problem uplink link mtu ports",
	.run = command_net_list_run);
