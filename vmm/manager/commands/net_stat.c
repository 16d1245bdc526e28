/* SPDX-License-Identifier: MIT */
/*
 * The command `net stat`: shows each port's traffic and drops. Run by command.c; reads the counts
 * that switches write.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/text/parse_address.h"

static const char *const drop_names[NET_DROP_COUNT] = {
	[NET_DROP_BAD] = "bad",		[NET_DROP_TOO_LONG] = "too_long",
	[NET_DROP_SPOOFED] = "spoofed", [NET_DROP_VLAN] = "vlan",
	[NET_DROP_LIMIT] = "limit",	[NET_DROP_FULL] = "full",
	[NET_DROP_NOBODY] = "nobody",	[NET_DROP_EGRESS] = "egress",
};

static void command_net_stat_show_json(struct reply *reply, const struct driver_link *link,
				       const char *net, const char *mac, const char *address,
				       const struct net_counts *counts)
{
	reply_object_begin(reply);
	json_string(&reply->object, "net", net);
	json_string(&reply->object, "port", link->user);
	json_string(&reply->object, "mac", mac);
	json_string(&reply->object, "address", address);
	json_string(&reply->object, "state", net_port_state_name(net_port_shown(link)));
	json_u64(&reply->object, "received_frames", counts->received_frames);
	json_u64(&reply->object, "received_bytes", counts->received_bytes);
	json_u64(&reply->object, "sent_frames", counts->sent_frames);
	json_u64(&reply->object, "sent_bytes", counts->sent_bytes);
	json_object_begin(&reply->object, "dropped");
	for (u32 i = 0; i < NET_DROP_COUNT; i++)
		json_u64(&reply->object, drop_names[i], counts->dropped[i]);
	json_object_end(&reply->object);
	reply_object_end(reply);
}

static void command_net_stat_show_drops(struct reply *reply, const struct net_counts *counts)
{
	for (u32 i = 0; i < NET_DROP_COUNT; i++) {
		if (counts->dropped[i] != 0)
			reply_line(reply, "  %llu dropped: %s",
				   (unsigned long long)counts->dropped[i], drop_names[i]);
	}
}

static void command_net_stat_show(struct reply *reply, const struct net *net, u32 index)
{
	const struct driver_link *link = &net->bridge->link[index];
	struct net_counts counts = net->bridge->channel->net.counts[index];
	char mac[MAC_TEXT_BYTES] = "-";
	char address[16] = "-";

	if (link->port.mac != 0)
		address_format_mac(link->port.mac, mac);
	if (link->port.address != 0)
		address_format_ipv4(link->port.address, address, sizeof(address));
	if (reply->json) {
		command_net_stat_show_json(reply, link, net->config->section.name, mac, address,
					   &counts);
		return;
	}
	reply_line(reply, "%-16s %-16s %-17s %10llu %12llu %10llu %12llu",
		   net->config->section.name, link->user, mac,
		   (unsigned long long)counts.received_frames,
		   (unsigned long long)counts.received_bytes,
		   (unsigned long long)counts.sent_frames, (unsigned long long)counts.sent_bytes);
	if (link->port.address != 0)
		reply_line(reply, "  address %s", address);
	if (net_port_shown(link) != NET_PORT_OPEN)
		reply_line(reply, "  %s", net_port_state_name(net_port_shown(link)));
	command_net_stat_show_drops(reply, &counts);
}

static void command_net_stat_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-16s %-17s %10s %12s %10s %12s", "NET", "PORT", "MAC",
			   "FRAMES IN", "BYTES IN", "OUT", "BYTES OUT");
	for (u32 i = 0; net_at(i) != NULL; i++) {
		const struct driver *bridge = net_at(i)->bridge;

		for (u32 port = 0; bridge != NULL && port < DRIVER_CLIENT_MAX; port++) {
			if (bridge->link[port].used && bridge->channel != NULL)
				command_net_stat_show(reply, net_at(i), port);
		}
	}
}

COMMAND(net_stat,
	.name = "net stat",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "what each port of each network has sent and received, and what was dropped",
	.detail = "IN is from the port into the network. Counted since the switch or the port's\n"
		  "owner was started. A port is open, blocked (it is in a loop with another one),\n"
		  "listens (an uplink, whether it is), or down (an uplink without a link).",
	.example = "net stat",
	.keys = "net port mac address state received_frames received_bytes sent_frames "
		"sent_bytes dropped",
	.run = command_net_stat_run);
