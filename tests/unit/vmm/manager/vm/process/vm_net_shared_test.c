/* SPDX-License-Identifier: MIT */
/* What is said of guests on the network of a VM that has a machine channel. */
#include "tests/unit/config_fixture.h"
#include "vmm/manager/vm/process/vm_net_shared.c"

#define WEB_CONF                                                                                   \
	"[channel skerry]\nrights = view operate\n[channel idle]\nrights = none\n"                 \
	"[net lan]\n[vm web]\nkernel = k\nport = skerry, idle\nchannel = "

#define BESIDE "warning: net lan: alpha is on it beside web, which has the machine channel skerry"
#define APART  "; a [net] for web alone keeps guests away\n"

static struct driver bridge;
static struct net net;
static struct vm vms[3]; /* the VMs web, alpha and one more, in that order */
static char told[NOTE_BYTES + 32];
static u32 told_count;

const struct net *net_at(u32 number)
{
	assert_int_equal(number, 0);
	return &net;
}

struct vm *vm_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_COUNT(vms); i++)
		if (string_equal(vms[i].config.name, name))
			return &vms[i];
	return NULL;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)vm;
	(void)pattern;
	assert_int_equal(level, LOG_WARNING);
	assert_int_equal(category, LOG_VM);
}

void notice(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(told, sizeof(told), pattern, arguments);
	va_end(arguments);
	told_count++;
}

static struct driver_link *put(u32 place, const char *user, struct net_port port)
{
	struct driver_link *link = &bridge.link[place];

	*link = (struct driver_link){.used = true, .port = port};
	string_copy(link->user, sizeof(link->user), user);
	return link;
}

/* web with that channel, and two guests. */
static void make(const char *channel)
{
	char text[512];

	memset(&bridge, 0, sizeof(bridge));
	snprintf(text, sizeof(text), WEB_CONF "%s\n[vm alpha]\nkernel = k\n[vm net0]\nkernel = k\n",
		 channel);
	assert_int_equal(parse(text), 0);
	for (u32 i = 0; i < ARRAY_COUNT(vms); i++)
		vms[i].config = config.vm[i];
	net = (struct net){.config = config_net(0), .bridge = &bridge};
	told_count = 0;
	put(5, "net0", (struct net_port){.flags = NET_PORT_UPLINK});
	put(6, "web", (struct net_port){.flags = NET_PORT_MIRROR});
}

/* Returns how many notices there are when web, and then alpha, has come. */
static u32 said_of(struct net_port web, struct net_port alpha)
{
	told_count = 0;
	vm_net_warn_beside(&net, &vms[0], put(0, "web", web));
	assert_int_equal(told_count, 0);
	vm_net_warn_beside(&net, &vms[1], put(1, "alpha", alpha));
	bridge.link[0].used = false;
	bridge.link[1].used = false;
	return told_count;
}

static void a_guest_beside_it(void **state)
{
	(void)state;
	make("skerry");
	assert_int_equal(said_of((struct net_port){0}, (struct net_port){0}), 1);
	assert_string_equal(told,
			    BESIDE ", and can take its IPv4 address; address= prevents that" APART);
	assert_int_equal(said_of((struct net_port){.address = 1}, (struct net_port){0}), 1);
	assert_string_equal(told, BESIDE APART);
}

/* The notice names the guest, whichever has come first, and no other one. */
static void a_guest_before_it(void **state)
{
	(void)state;
	make("skerry");
	vm_net_warn_beside(&net, &vms[1], put(0, "alpha", (struct net_port){0}));
	vm_net_warn_beside(&net, &vms[2], put(1, "net0", (struct net_port){0}));
	assert_int_equal(told_count, 0);
	vm_net_warn_beside(&net, &vms[0], put(2, "web", (struct net_port){.address = 1}));
	assert_int_equal(told_count, 1);
	assert_non_null(strstr(told, "net lan: alpha is on it beside web, "));
}

/* Ports that exchange no frames share nothing. */
static void ports_apart(void **state)
{
	const struct net_port ports[] = {
		{0},
		{.vlan = 5},
		{.vlan = 6},
		{.flags = NET_PORT_PRIVATE},
		{.flags = NET_PORT_TRUNK},
		{.flags = NET_PORT_TRUNK, .vlan = 5},
	};
	static const char *const meet[] = {"100110", "010011", "001011",
					   "100010", "111111", "011011"};

	(void)state;
	make("skerry");
	for (u32 i = 0; i < ARRAY_COUNT(ports); i++) {
		for (u32 other = 0; other < ARRAY_COUNT(ports); other++) {
			if (said_of(ports[i], ports[other]) != (meet[i][other] == '1'))
				fail_msg("ports %u and %u", i, other);
		}
	}
}

static void channels_without_rights(void **state)
{
	(void)state;
	make("idle");
	assert_int_equal(said_of((struct net_port){0}, (struct net_port){0}), 0);
	make("skerry");
	string_copy(vms[1].config.channel, sizeof(vms[1].config.channel), "skerry");
	assert_int_equal(said_of((struct net_port){0}, (struct net_port){0}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_beside_it),
		cmocka_unit_test(a_guest_before_it),
		cmocka_unit_test(ports_apart),
		cmocka_unit_test(channels_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
