/* SPDX-License-Identifier: MIT */
/* The list of what a VM's cards may send to: read, refused in words, and shown again. */
#include "tests/unit/config_fixture.h"

#define VM	       "[vm a]\nkernel = k\nnet = lan\n"
#define IP(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

/* Reads the value and returns the VM's list. */
static const struct net_egress_list *read_list(const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text), VM "net.egress = %s\n", value);
	assert_int_equal(parse(text), 0);
	return &config.vm[0].egress;
}

static void expect_entry(const struct net_egress *entry, u32 address, u32 mask, u16 first, u16 last,
			 u8 protocol)
{
	assert_int_equal(entry->address, address);
	assert_int_equal(entry->mask, mask);
	assert_int_equal(entry->first, first);
	assert_int_equal(entry->last, last);
	assert_int_equal(entry->protocol, protocol);
}

static void each_form(void **state)
{
	const struct net_egress_list *list =
		read_list("10.0.2.5:443/tcp, 10.1.0.0/16,10.2.0.0/15:1-1023/udp, 10.0.2.2/arp, "
			  "0.0.0.0/0/icmp, 10.0.2.6/tcp, 0.0.0.0/0:53/udp, 10.0.2.7/32");

	(void)state;
	assert_true(list->listed != 0);
	assert_int_equal(list->count, 8);
	expect_entry(&list->entry[0], IP(10, 0, 2, 5), ~0u, 443, 443, 6);
	expect_entry(&list->entry[1], IP(10, 1, 0, 0), IP(255, 255, 0, 0), 0, 65535,
		     NET_EGRESS_ANY);
	expect_entry(&list->entry[2], IP(10, 2, 0, 0), IP(255, 254, 0, 0), 1, 1023, 17);
	expect_entry(&list->entry[3], IP(10, 0, 2, 2), ~0u, 0, 65535, NET_EGRESS_ARP);
	expect_entry(&list->entry[4], 0, 0, 0, 65535, 1);
	expect_entry(&list->entry[5], IP(10, 0, 2, 6), ~0u, 0, 65535, 6);
	expect_entry(&list->entry[6], 0, 0, 53, 53, 17);
	expect_entry(&list->entry[7], IP(10, 0, 2, 7), ~0u, 0, 65535, NET_EGRESS_ANY);
}

/* Without a list a card sends to anybody; with an empty one to nobody. */
static void any_and_none(void **state)
{
	(void)state;
	assert_int_equal(parse(VM), 0);
	assert_int_equal(config.vm[0].egress.listed, 0);
	assert_int_equal(read_list("any")->listed, 0);
	assert_true(read_list("none")->listed != 0);
	assert_int_equal(config.vm[0].egress.count, 0);
}

static void mistakes(void **state)
{
	static const char *const bad[] = {
		"",
		",",
		"10.0.2.5,",
		"any, 10.0.2.5",
		"10.0.2.5, none",
		"10.0.2",
		"10.0.2.256",
		"224.0.0.1",
		"0.0.0.0",
		"0.0.0.0/1",
		"10.0.0.0/0",
		"10.0.2.5/16", /* has bits behind the prefix */
		"10.0.0.0/33",
		"10.0.0.0/",
		"10.0.0.0//tcp",
		"10.0.2.5:443",
		"10.0.2.5:443/",
		"10.0.2.5:443/icmp",
		"10.0.2.5:443/arp",
		"10.0.2.5/tcp:443",
		"10.0.2.5/tcp:443/tcp",
		"10.0.2.5:/tcp",
		"10.0.2.5:0/tcp",
		"10.0.2.5:65536/tcp",
		"10.0.2.5:9-8/tcp",
		"10.0.2.5:9-/tcp",
		"10.0.2.5:-9/tcp",
		"10.0.2.5:443/sctp",
		"10.0.2.5:443/tcp/udp",
		"10.0.2.5 10.0.2.6",
		"10.0.2.5:443 /tcp",
		"example.org:443/tcp",
		"::1/tcp",
		"1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,1.0.0.9,1.0.0.10,"
		"1.0.0.11,1.0.0.12,1.0.0.13,1.0.0.14,1.0.0.15,1.0.0.16,1.0.0.17",
	};
	char text[512];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		snprintf(text, sizeof(text), VM "net.egress = %s\n", bad[i]);
		if (parse(text) != 1 ||
		    strstr(problems[0].text, " is not valid; use any, none, or up to 16 ") == NULL)
			fail_msg("net.egress = %s: %s", bad[i],
				 problem_count != 0 ? problems[0].text : "taken");
		assert_true(config.vm[0].broken);
	}
}

/* A card that sends for others is not held to a list of its own address. */
static void not_for_routers(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\nnet = lan, lan trunk\nnet.egress = none\n"), 1);
	assert_string_equal(problems[0].text,
			    "VM a: net.egress does not go with a card that is trunk; leave that "
			    "out, or set net.egress = any");
	assert_int_equal(parse("[vm a]\nkernel = k\nnet = lan any_source\nnet.egress = any\n"), 0);
	assert_int_equal(parse("[vm a]\nkernel = k\nnet = lan any_source\n"
			       "net.egress = 10.0.2.5\n"),
			 1);
	assert_non_null(strstr(problems[0].text, "a card that is any_source;"));
}

/* Lists that are within another one, and lists that name more than it. */
static void within(void **state)
{
	static const char outer[] = "10.0.2.5:443/tcp, 10.1.0.0/16, 10.2.0.0/16:1000-2000/udp, "
				    "10.0.2.9/tcp, 10.0.2.2/arp";
	static const char *const good[] = {
		"none",
		outer,
		"10.1.0.0/16",
		"10.1.0.0/17",
		"10.1.255.255:1/udp, 10.0.2.5:443/tcp",
		"10.2.3.4:1000-2000/udp",
		"10.2.3.0/24:1500/udp",
		"10.0.2.9:1-65535/tcp",
		"10.0.2.2/arp",
		"10.1.2.3/arp",
		"10.0.2.9/arp",
		"10.0.2.5/arp",
		"10.2.3.4/arp",
	};
	static const char *const bad[] = {
		"any",
		"10.0.2.5",
		"10.0.2.5/tcp",
		"10.0.2.5:443/udp",
		"10.0.2.5:444/tcp",
		"10.0.2.4/31:443/tcp",
		"10.0.0.0/15",
		"0.0.0.0/0",
		"10.2.3.4:999-2000/udp",
		"10.2.3.4:1000-2001/udp",
		"10.0.2.9",
		"10.0.2.2/tcp",
		"10.1.0.0/16, 10.3.0.0/16",
		"10.2.0.0/15:1500/udp",
		"10.0.2.4/31/arp",
	};
	struct net_egress_list whole = *read_list(outer);
	struct net_egress_list any = *read_list("any");

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(good); i++) {
		if (!config_egress_within(read_list(good[i]), &whole))
			fail_msg("%s is not within", good[i]);
		assert_true(config_egress_within(read_list(good[i]), &any));
	}
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		if (config_egress_within(read_list(bad[i]), &whole))
			fail_msg("%s is within", bad[i]);
	}
	whole = *read_list("none");
	assert_true(config_egress_within(read_list("none"), &whole));
	assert_false(config_egress_within(read_list("10.0.2.5"), &whole));
	assert_true(config_egress_within(&any, &any));
}

static void shown_as_written(void **state)
{
	static const char *const values[] = {
		"any",
		"none",
		"10.0.2.5:443/tcp, 10.1.0.0/16, 10.2.0.0/15:1-1023/udp, 10.0.2.2/arp, "
		"0.0.0.0/0/icmp",
		"128.0.0.0/1, 0.0.0.0/0, 10.0.2.6/tcp, 10.0.2.7:1-65535/udp",
	};
	const struct config_key *key = config_key_find(config_vm_keys, text_of("net.egress"));
	char value[CONFIG_CMDLINE_BYTES];
	char longest[CONFIG_CMDLINE_BYTES] = "";

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(values); i++) {
		read_list(values[i]);
		config_value_text(key, &config.vm[0], value, sizeof(value));
		assert_string_equal(value, values[i]);
	}
	for (u32 i = 0; i < CONFIG_EGRESS_MAX; i++)
		format(longest + strlen(longest), sizeof(longest) - strlen(longest),
		       "%s100.100.100.1%02u/32:10000-20000/udp", i > 0 ? ", " : "", i);
	assert_int_equal(read_list(longest)->count, CONFIG_EGRESS_MAX);
	config_value_text(key, &config.vm[0], value, sizeof(value));
	assert_non_null(strstr(value, "100.100.100.115:10000-20000/udp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form),	    cmocka_unit_test(any_and_none),
		cmocka_unit_test(mistakes),	    cmocka_unit_test(not_for_routers),
		cmocka_unit_test(shown_as_written), cmocka_unit_test(within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
