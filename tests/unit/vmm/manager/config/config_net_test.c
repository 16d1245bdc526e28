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
		cmocka_unit_test(everything),
		cmocka_unit_test(cards),
		cmocka_unit_test(sections),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
