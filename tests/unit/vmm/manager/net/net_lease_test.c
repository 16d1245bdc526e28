/* SPDX-License-Identifier: MIT */
/* Which addresses the manager assigns to the cards of VMs on networks with `dhcp`. */
#include "tests/unit/config_fixture.h"
#undef ADDRESS_TEXT /* of config_net.c */
#include "vmm/manager/net/net_lease.c"

#define LAN "[net lan]\ndhcp = 10.7.0.0/28\ndhcp.router = 10.7.0.1\ndhcp.dns = 10.7.0.2\n"
/* of the 14 addresses for hosts those of the router, the name server and the DHCP server */
#define FREE	   11u
#define HOST(last) __builtin_bswap32(0x0a070000u + (last))

static struct vm vms[16];
static u32 last_id;
static char problem[200];

struct config *boot_config(void)
{
	return &config;
}

static struct vm *make(u32 place, const char *name, u32 address)
{
	struct vm *vm = &vms[place];

	memset(vm, 0, sizeof(*vm));
	vm->id = ++last_id;
	snprintf(vm->config.name, sizeof(vm->config.name), "%s", name);
	vm->config.net[0] = (struct vm_net){.number = 1, .address = address};
	return vm;
}

static u32 assign(struct vm *vm)
{
	u32 address = 0;

	problem[0] = '\0';
	return net_lease_assign(vm, 0, &address, problem, sizeof(problem)) ? address : 0;
}

static u32 make_named(u32 place)
{
	char name[8];

	snprintf(name, sizeof(name), "g%u", place);
	return assign(make(place, name, 0));
}

static int setup(void **state)
{
	(void)state;
	memset(vms, 0, sizeof(vms));
	memset(holders, 0, sizeof(holders));
	assert_int_equal(parse(LAN), 0);
	return 0;
}

/* Each card has an address of its own, and no host of the network's; then none is left. */
static void gives_each_its_own(void **state)
{
	u32 seen = BIT(1) | BIT(2) | BIT(14);

	(void)state;
	for (u32 i = 0; i < FREE; i++) {
		u32 host = __builtin_bswap32(make_named(i)) & 15;

		assert_true(host > 0 && host < 15 && (seen & BIT(host)) == 0);
		seen |= BIT(host);
		/* again, as at each boot */
		assert_int_equal(assign(&vms[i]), HOST(host));
	}
	assert_int_equal(make_named(FREE), 0);
	assert_non_null(strstr(problem, "none of the addresses of dhcp = 10.7.0.0/28 is free"));
	/* the address of a VM that was destroyed is free, also when another VM has its slot */
	vms[3].id = 0;
	assert_int_not_equal(make_named(FREE), 0);
	vms[FREE].id = 0;
	assert_int_not_equal(make_named(3), 0);
	assert_int_equal(make_named(FREE), 0);
}

/* VMs that come and go, and refused ones, use up neither addresses nor the list. */
static void storms(void **state)
{
	(void)state;
	for (u32 i = 0; i < FREE - 1; i++)
		assert_int_not_equal(make_named(i), 0);
	for (u32 i = 0; i < 4 * VM_MAX; i++) {
		u32 address = make_named(14);

		assert_int_not_equal(address, 0);
		assert_int_equal(make_named(15), 0);
		vms[14].id = 0;
		vms[15].id = 0;
	}
}

/* An address that a line names is no other card's, whether or not its VM is there yet. */
static void leaves_named_ones(void **state)
{
	(void)state;
	assert_int_equal(parse(LAN "[vm late]\nkernel = k\nnet = lan address=10.7.0.5\n"
				   "[vm later]\nkernel = k\nnet = lan address=10.7.0.6\n"),
			 0);
	/* created at the console, and off */
	assert_int_equal(assign(make(14, "off", HOST(7))), HOST(7));
	vms[14].lease[0] = 0;
	for (u32 i = 0; i < FREE - 3; i++) {
		u32 address = make_named(i);

		assert_int_not_equal(address, 0);
		assert_true(address != HOST(5) && address != HOST(6) && address != HOST(7));
	}
	assert_int_equal(make_named(FREE - 3), 0);
	assert_int_equal(assign(make(12, "late", HOST(5))), HOST(5));
	assert_int_equal(assign(&vms[14]), HOST(7));
	assert_int_equal(assign(make(13, "thief", HOST(5))), 0);
	assert_non_null(strstr(problem, "is that of late"));
	for (u32 i = 0; i < 4; i++) {
		static const u32 wrong[] = {HOST(1), HOST(2), HOST(14), HOST(16)};

		assert_int_equal(assign(make(13, "thief", wrong[i])), 0);
	}
}

/* A clone has an address of its own, also when it boots anew by itself. */
static void gives_a_clone_its_own(void **state)
{
	struct vm *clone;
	u32 address;

	(void)state;
	assert_int_equal(assign(make(0, "alpha", HOST(5))), HOST(5));
	clone = make(1, "beta", HOST(5));
	clone->clone_of = vms[0].id;
	address = assign(clone);
	assert_true(address != 0 && address != HOST(5));
	clone->clone_of = 0;
	assert_int_equal(assign(clone), address);
	assert_int_equal(assign(&vms[0]), HOST(5));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_each_its_own),
		TEST(storms),
		TEST(leaves_named_ones),
		TEST(gives_a_clone_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
