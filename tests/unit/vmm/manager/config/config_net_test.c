/* SPDX-License-Identifier: MIT */
/* Networks in configurations: sections [net NAME], and the lines of VMs that use them. */
#include "tests/unit/config_fixture.h"

static const struct net_config *find_net(const char *name)
{
	for (u32 i = 0; config_net(i) != NULL; i++)
		if (strcmp(config_net(i)->section.name, name) == 0)
			return config_net(i);
	return NULL;
}

static void everything(void **state)
{
	const struct vm_net *card = config.vm[0].net;
	const struct net_config *net;

	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\n"
			       "net = late mac=52:54:00:Ab:cd:ef vlan=4094 address=10.0.2.15\n"
			       "net = lan trunk private, lan any_source optional\n"
			       "net.packets = 100000\nnet.bytes = 0\nnet.burst = 9\n"
			       "[net lan]\nuplink = net0 00:03.0\nmtu = 9000\n"
			       "[net late]\nrestart_limit = 0\n"),
			 0);
	assert_string_equal(config_net(card[0].number - 1u)->section.name, "late");
	assert_true(card[0].mac == 0xefcdab005452);
	assert_int_equal(card[0].vlan, 4094);
	assert_int_equal(card[0].address, 0x0f02000a);
	assert_int_equal(card[0].flags, 0);
	assert_string_equal(config_net(card[1].number - 1u)->section.name, "lan");
	assert_int_equal(card[1].flags, VM_NET_TRUNK | VM_NET_PRIVATE);
	assert_int_equal(card[1].mac, 0);
	assert_int_equal(card[2].number, card[1].number); /* both cards are on one network */
	assert_int_equal(card[2].flags, VM_NET_ANY_SOURCE | VM_NET_OPTIONAL);
	assert_int_equal(card[3].number, 0);
	assert_int_equal(config.vm[0].net_packets, 100000);
	assert_int_equal(config.vm[0].net_burst, 9);
	assert_int_equal(config.vm[0].net_weight, 256);
	net = find_net("lan");
	assert_string_equal(net->uplink, "net0 00:03.0");
	assert_int_equal(net->mtu, 9000);
	assert_int_equal(net->restart_limit, 5);
	net = find_net("late");
	assert_string_equal(net->uplink, "");
	assert_int_equal(net->mtu, 1500);
	assert_int_equal(net->restart_limit, 0);
}

/* Each line, in the section of a good VM, is an error there. */
static void cards(void **state)
{
	static const char *const bad[] = {
		"",
		"-lan",
		"lan fast",
		"lan vlan=0",
		"lan vlan=4095",
		"lan vlan=",
		"lan mac=52:54:00:12:34",
		"lan mac=52:54:00:12:34:5g",
		"lan mac=52-54-00-12-34-56",
		"lan mac=53:54:00:12:34:56", /* this is a group's address */
		"lan mac=00:00:00:00:00:00",
		"lan address=10.0.2",
		"lan address=10.0.2.256",
		"lan address=10.0.2.15.1",
		"lan address=0.0.0.1",
		"lan address=224.0.0.1",
		"lan address=10..2.15",
		"a, b, c, d, e, f, g, h, i",
	};
	char text[128];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(text, sizeof(text), "[vm a]\nkernel = k\nnet = %s\n", bad[i]);
		if (parse(text) != 1 || strstr(problems[0].text, " is not valid; ") == NULL ||
		    strstr(problems[0].text, "use a network's name, then any of mac=") == NULL)
			fail_msg("net = %s: %s", bad[i],
				 problem_count != 0 ? problems[0].text : "taken");
		assert_true(config.vm[0].broken);
	}
	assert_int_equal(parse("[vm a]\nkernel = k\nnet = lan\npci = off\n"), 1);
	assert_non_null(strstr(problems[0].text, "net does not go with pci = off"));
}

/* A VM may not have the address of the network's router, name server or DHCP server. */
static void hosts(void **state)
{
	static const char *const net = "[net lan]\ndhcp = 10.7.0.0/24\ndhcp.router = 10.7.0.1\n"
				       "dhcp.dns = 10.7.0.2\n[net plain]\n";
	static const char *const whose[][2] = {
		{"10.7.0.1", "router"}, {"10.7.0.2", "name server"}, {"10.7.0.254", "DHCP server"}};
	char vm[100];
	char text[400];
	char expected[100];

	(void)state;
	for (u32 i = 0; i < 2 * ARRAY_COUNT(whose); i++) {
		bool last = i % 2 != 0;

		snprintf(vm, sizeof(vm), "[vm a]\nkernel = k\nnet = plain, lan address=%s\n",
			 whose[i / 2][0]);
		snprintf(text, sizeof(text), "%s%s", last ? net : vm, last ? vm : net);
		assert_int_equal(parse(text), 1);
		snprintf(expected, sizeof(expected),
			 "VM a: address=%s is that of the %s of net lan; use another",
			 whose[i / 2][0], whose[i / 2][1]);
		assert_string_equal(problems[0].text, expected);
		assert_int_equal(problems[0].line, last ? 6 : 1);
		assert_true(config.vm[0].broken);
		assert_false(find_net("lan")->section.broken);
	}
	snprintf(text, sizeof(text),
		 "[vm a]\nkernel = k\nnet = lan address=10.7.0.3, plain "
		 "address=10.7.0.1\n%s",
		 net);
	assert_int_equal(parse(text), 0);
}

static void sections(void **state)
{
	(void)state;
	assert_int_equal(parse("[net lan]\nmtu = 1279\n"), 1);
	assert_string_equal(problems[0].text,
			    "mtu: \"1279\" is not valid; use a number of bytes from 1280 to 9000");
	assert_true(find_net("lan")->section.broken);
	assert_int_equal(parse("[net lan]\n[net lan]\n"), 1);
	assert_string_equal(problems[0].text,
			    "there is a second network lan; give each its own name");
	assert_int_equal(parse("[net l n]\n"), 1);
	assert_int_equal(parse("[net lan]\nspeed = 1\n"), 1);
	assert_non_null(strstr(problems[0].text, "the keys are uplink mtu restart_limit"));
	/* a disk may have a network's name */
	assert_int_equal(parse("[net lan]\n[disk lan]\ncontroller = memory\nsize = 4K\n"), 0);
}

static void expect_net_problem(const char *text, const char *problem)
{
	assert_int_equal(parse(text), 1);
	assert_string_equal(problems[0].text, problem);
}

static void dhcp(void **state)
{
	struct net_range range;

	(void)state;
	assert_int_equal(parse("[net lan]\ndhcp = 10.7.0.0/16\ndhcp.router = 10.7.0.1\n"
			       "dhcp.dns = 9.9.9.9\n[net b]\ndhcp = 10.8.0.8/29\n[net c]\n"),
			 0);
	assert_true(config_net_range(find_net("lan"), &range));
	assert_int_equal(range.first, 0x0a070000);
	assert_int_equal(range.last, 0x0a07ffff);
	assert_int_equal(net_range_server(&range), 0x0a07fffe);
	assert_int_equal(config_net_address(find_net("lan")->dhcp_router), 0x0100070a);
	assert_true(config_net_range(find_net("b"), &range));
	assert_int_equal(range.last - range.first, 7);
	assert_false(config_net_range(find_net("c"), &range));
	for (u32 i = 0; i < 10; i++) {
		static const char *const bad[] = {
			"10.7.0.0",  "10.7.0.0/",   "10.7.0.0/30",   "10.7.0.0/7", "10.7.0.0/33",
			"10.7.0/16", "224.0.0.0/8", "10.7.0.0/16/8", "/16",	   "0.0.0.0/8"};
		char text[80];

		(void)snprintf(text, sizeof(text), "[net lan]\ndhcp = %s\n", bad[i]);
		assert_int_equal(parse(text), 1);
		assert_non_null(strstr(problems[0].text, "is not valid; use addresses such as"));
	}
	expect_net_problem(
		"[net lan]\ndhcp = 10.7.0.1/16\n",
		"net lan: dhcp = 10.7.0.1/16 is the address of one host; use 10.7.0.0/16");
	expect_net_problem("[net lan]\ndhcp = 10.7.0.0/16\n[net b]\ndhcp = 10.7.128.0/24\n",
			   "net b: dhcp = 10.7.128.0/24 has addresses that are also in dhcp = "
			   "10.7.0.0/16 of net lan; use others");
	expect_net_problem("[net lan]\ndhcp.dns = 10.7.0.1\n",
			   "net lan: dhcp.dns is for a network with dhcp; set that, too");
	expect_net_problem(
		"[net lan]\ndhcp = 10.7.0.0/16\ndhcp.router = 10.8.0.1\n",
		"net lan: dhcp.router = 10.8.0.1 is none of the addresses of 10.7.0.0/16; "
		"use one of them");
	expect_net_problem(
		"[net lan]\ndhcp = 10.7.0.0/24\ndhcp.dns = 10.7.0.254\n",
		"net lan: dhcp.dns = 10.7.0.254 is the DHCP server's own address, the last "
		"one of 10.7.0.0/24; use another");
	expect_net_problem("[net lan]\ndhcp = 10.7.0.0/24\ndhcp.dns = dns\n",
			   "net lan: dhcp.dns = dns is not valid; use an address such as 10.7.0.1");
}

static void too_many(void **state)
{
	static char text[4096];
	size_t length = 0;

	(void)state;
	for (u32 i = 0; i <= CONFIG_NET_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "[net n%u]\n", i);
	assert_int_equal(parse(text), 1);
	assert_string_equal(problems[0].text,
			    "there is one network too many; there can be at most 32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything), cmocka_unit_test(cards), cmocka_unit_test(hosts),
		cmocka_unit_test(sections),   cmocka_unit_test(dhcp),  cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
