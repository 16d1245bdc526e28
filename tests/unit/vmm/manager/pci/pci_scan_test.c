/* SPDX-License-Identifier: MIT */
/* The host's PCI functions: which there are, what they say of themselves. */
#include <string.h>

#include "tests/unit/vmm/manager/pci/pci_fake.h"

#include "vmm/manager/pci/pci_bar.c"
#include "vmm/manager/pci/pci_capability.c"
#include "vmm/manager/pci/pci_function.c"
#include "vmm/manager/pci/pci_scan.c"
#include "vmm/rt/format.h"

static struct pci_function found[PCI_FUNCTIONS_MAX];
static struct pci_scan scan;

static int set_up(void **state)
{
	(void)state;
	fakes_free();
	memset(&scan, 0, sizeof(scan));
	scan.function = found;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakes_free();
	return 0;
}

static void look(u16 segment, u8 first, u8 last)
{
	pci_scan_range(&scan, &(struct pci_range){segment, first, last, 0});
}

static const struct pci_function *get(struct pci_address address)
{
	const struct pci_function *result = NULL;

	for (u32 i = 0; i < scan.count; i++) {
		if (!pci_address_equal(found[i].address, address))
			continue;
		assert_null(result); /* each function is found once */
		result = &found[i];
	}
	assert_non_null(result);
	return result;
}

/* Buses behind bridges behind bridges, a second root bus whose device 0 is missing, segments. */
static void test_buses(void **state)
{
	(void)state;
	add_fake(place(0, 0, 0, 0), 0x060000);
	add_bridge(place(0, 0, 1, 0), 1, 5);
	add_bridge(place(0, 1, 0, 0), 2, 3);
	add_bridge(place(0, 1, 1, 0), 4, 4);
	add_bridge(place(0, 2, 7, 0), 3, 3);
	add_nvme(place(0, 3, 0, 0));
	add_nvme(place(0, 4, 31, 0));
	add_bridge(place(0, 64, 9, 0), 65, 70);
	add_nvme(place(0, 65, 0, 0));
	add_nvme(place(1, 0x80, 0, 0));
	look(0, 0, 255);
	assert_int_equal(scan.count, 9);
	assert_int_equal(scan.bus_count, 7);
	look(1, 0x80, 0x8f);
	assert_int_equal(scan.count, 10);
	for (u32 i = 0; i < fake_count; i++)
		assert_null(get(fakes[i]->address)->problem);
	assert_int_equal(get(place(0, 64, 9, 0))->secondary_bus, 65);
}

/* Functions beyond the first only where the first one says that there are more. */
static void test_functions(void **state)
{
	struct fake *first = add_nvme(place(0, 0, 3, 0));

	(void)state;
	add_nvme(place(0, 0, 3, 5));
	add_nvme(place(0, 0, 4, 1));
	look(0, 0, 0);
	assert_int_equal(scan.count, 1);
	set8(first, PCI_HEADER_TYPE, PCI_HEADER_MULTIFUNCTION);
	scan.count = 0;
	look(0, 0, 0);
	assert_int_equal(scan.count, 2);
	get(place(0, 0, 3, 5));
}

/* Bridges that lead back, to themselves, to each other's buses or out of the segment's range. */
static void test_loops(void **state)
{
	static const u8 wrong[][2] = {{0, 0}, {0, 255}, {1, 0}, {9, 8}, {3, 255}, {2, 2}};

	(void)state;
	add_bridge(place(0, 0, 0, 0), 1, 6);
	add_bridge(place(0, 1, 0, 0), 2, 2);
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++)
		add_bridge(place(0, 1, 1 + i, 0), wrong[i][0], wrong[i][1]);
	add_bridge(place(0, 2, 0, 0), 1, 2);
	add_bridge(place(0, 2, 1, 0), 2, 2);
	add_nvme(place(0, 3, 0, 0)); /* a function to which no bridge leads */
	look(0, 0, 255);
	assert_int_equal(scan.count, fake_count - 1);
	assert_null(get(place(0, 0, 0, 0))->problem);
	assert_null(get(place(0, 1, 0, 0))->problem);
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_non_null(get(place(0, 1, 1 + i, 0))->problem);
	assert_non_null(get(place(0, 2, 0, 0))->problem);
	assert_non_null(get(place(0, 2, 1, 0))->problem);
}

/* A bridge to buses that the segment does not have. */
static void test_beyond(void **state)
{
	(void)state;
	add_bridge(place(0, 0, 0, 0), 2, 20);
	add_bridge(place(0, 0, 1, 0), 2, 15);
	look(0, 0, 15);
	assert_non_null(get(place(0, 0, 0, 0))->problem);
	assert_null(get(place(0, 0, 1, 0))->problem);
}

/* More functions than there is room for are counted. */
static void test_room(void **state)
{
	(void)state;
	for (u32 i = 0; i < 8; i++)
		add_nvme(place(0, 0, i, 0));
	scan.count = PCI_FUNCTIONS_MAX - 3;
	look(0, 0, 255);
	assert_int_equal(scan.count, PCI_FUNCTIONS_MAX);
	assert_int_equal(scan.left_out, 5);
}

/*
 * Each kind of BAR is read; afterwards the registers are as before, and nothing was decoded in
 * between.
 */
static void test_bars(void **state)
{
	struct fake *fake = add_fake(place(0, 0, 1, 0), 0x020000);
	u8 before[PCI_EXPRESS_BYTES];
	const struct pci_function *function;

	(void)state;
	set_bar(fake, 0, 0xfe000008, 0xff000000);
	set_bar(fake, 1, 0xc041, 0xffe0);
	set_bar(fake, 2, 0x0000000c, 0x00000000);
	set_bar(fake, 3, 0x00000038, 0xfffffff8);
	set_bar(fake, 4, 0, 0);
	/* a BAR of 64 bits without a register for the upper half */
	set_bar(fake, 5, 0xfeb00004, 0xfffff000);
	set16(fake, PCI_COMMAND, 0x7);
	memcpy(before, fake->byte, sizeof(before));
	look(0, 0, 0);
	function = get(fake->address);
	assert_int_equal(function->bar[0].size, 16 * MIB);
	assert_int_equal(function->bar[0].address, 0xfe000000);
	assert_true(function->bar[0].prefetchable);
	assert_int_equal(function->bar[1].kind, PCI_BAR_PORTS);
	assert_int_equal(function->bar[1].address, 0xc040);
	assert_int_equal(function->bar[1].size, 32);
	assert_int_equal(function->bar[2].kind, PCI_BAR_64BIT);
	assert_int_equal(function->bar[2].address, 0x3800000000);
	assert_int_equal(function->bar[2].size, 32 * GIB);
	assert_int_equal(function->bar[3].kind, PCI_BAR_NONE);
	assert_int_equal(function->bar[4].kind, PCI_BAR_NONE);
	assert_int_equal(function->bar[5].kind, PCI_BAR_32BIT);
	assert_int_equal(function->bar[5].size, PAGE_SIZE);
	assert_memory_equal(before, fake->byte, sizeof(before));
	assert_false(fake->decoded_while_sizing);
}

/* A bridge's registers of what it decodes are not touched even for a moment. */
static void test_bridge_bars(void **state)
{
	struct fake *host = add_fake(place(0, 0, 0, 0), 0x060000);
	struct fake *bridge = add_bridge(place(0, 0, 1, 0), 1, 1);

	(void)state;
	set_bar(host, 0, 0xfe000000, 0xff000000);
	set_bar(bridge, 0, 0xfd000000, 0xff000000);
	set16(host, PCI_COMMAND, 0x7);
	set16(bridge, PCI_COMMAND, 0x7);
	look(0, 0, 0);
	assert_false(host->decoded_while_sizing);
	assert_false(bridge->decoded_while_sizing);
	assert_int_equal(get(host->address)->bar[0].kind, PCI_BAR_NONE);
}

static void test_capabilities(void **state)
{
	struct fake *fake = add_nvme(place(0, 0, 1, 0));
	const struct pci_function *function;

	(void)state;
	set32(fake, 0x100, 0x15010001);
	set32(fake, 0x150, 0x00010003);
	look(0, 0, 0);
	function = get(fake->address);
	assert_null(function->problem);
	assert_int_equal(function->capability_count, 5);
	assert_int_equal(pci_capability(function, PCI_CAP_MSIX), 0x40);
	assert_int_equal(pci_capability(function, PCI_CAP_EXPRESS), 0x80);
	/* 0x101 is a capability of another kind */
	assert_int_equal(pci_capability(function, PCI_CAP_POWER), 0);
	assert_int_equal(function->capability[4].offset, 0x150);
	assert_int_equal(function->capability[4].id, 3);
}

/* Without the status bit the pointer means nothing. */
static void test_no_capabilities(void **state)
{
	struct fake *fake = add_nvme(place(0, 0, 1, 0));

	(void)state;
	set16(fake, PCI_STATUS, 0);
	look(0, 0, 0);
	assert_null(get(fake->address)->problem);
	assert_int_equal(get(fake->address)->capability_count, 0);
}

/* Lists that loop, lead into the header or nowhere, or are cut off: none of it is believed. */
static void test_bad_lists(void **state)
{
	static const struct {
		u32 at;
		u32 value;
		const char *says;
	} cases[] = {
		{0x40, 0x00006011, "nothing"}, {0x40, 0x00005011, "loop"},
		{0x40, 0x00004011, "loop"},    {0x40, 0x00000411, "header"},
		{0x40, 0x0000f805, "cut off"}, {0x100, 0x10010001, "loop"},
		{0x100, 0x0fc10001, "256"},    {0x100, 0xffc10001, "nothing"},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		struct fake *fake = add_nvme(place(0, 0, 1, 0));
		const struct pci_function *function;

		set32(fake, 0x60, ~0u);
		set32(fake, 0xffc, ~0u);
		set32(fake, 0xf8, 0x00000005);
		set32(fake, cases[i].at, cases[i].value);
		look(0, 0, 0);
		function = get(fake->address);
		assert_non_null(function->problem);
		assert_non_null(strstr(function->problem, cases[i].says));
		assert_int_equal(function->capability_count, 0);
		set_up(NULL);
	}
}

/*
 * A list has as many capabilities as there can be: those without room are left out, and the scan
 * ends.
 */
static void test_long_list(void **state)
{
	struct fake *fake = add_fake(place(0, 0, 1, 0), 0x020000);

	(void)state;
	for (u32 offset = PCI_CAP_FIRST; offset < PCI_CONFIG_BYTES; offset += 4)
		set_capability(fake, offset, 0x09);
	look(0, 0, 0);
	assert_null(get(fake->address)->problem);
	assert_int_equal(get(fake->address)->capability_count, PCI_CAPABILITIES_MAX);
}

static void test_addresses(void **state)
{
	static const char *const wrong[] = {"",		 "1",		"0:0",	   "00:00",
					    "00:20.0",	 "00:00.8",	"100:0.0", "00:1f.2x",
					    "0:0:0:0.0", "10000:0:0.0", "00:1f,2"};
	struct pci_address address;
	char text[PCI_ADDRESS_BYTES];

	(void)state;
	assert_true(pci_address_parse("00:1f.2", &address));
	assert_true(pci_address_equal(address, place(0, 0, 0x1f, 2)));
	assert_true(pci_address_parse("abcd:e0:1.7", &address));
	assert_true(pci_address_equal(address, place(0xabcd, 0xe0, 1, 7)));
	pci_address_text(address, text);
	assert_string_equal(text, "abcd:e0:01.7");
	pci_address_text(place(0, 3, 0x1f, 2), text);
	assert_string_equal(text, "03:1f.2");
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(pci_address_parse(wrong[i], &address));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_buses),	 TEST(test_functions),
		TEST(test_loops),	 TEST(test_room),
		TEST(test_bars),	 TEST(test_bridge_bars),
		TEST(test_capabilities), TEST(test_no_capabilities),
		TEST(test_bad_lists),	 TEST(test_long_list),
		TEST(test_addresses),	 TEST(test_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
