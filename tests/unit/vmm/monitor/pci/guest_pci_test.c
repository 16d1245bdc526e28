/* SPDX-License-Identifier: MIT */
/* Bus 0: both ways to configuration space, BARs, MSI-X, the interrupt pin. */
#include "tests/unit/pci_fixture.h"

static void both_mechanisms(void **state)
{
	(void)state;
	assert_int_equal(config_in(0, PCI_VENDOR, 4), 0x0f001af4);
	assert_int_equal(config_in(0, PCI_INTERFACE, 1), 0);
	assert_int_equal(config_in(0, PCI_SUBCLASS, 2), 0x0600);
	assert_int_equal(config_in(RNG, PCI_VENDOR, 4), 0x10441af4);
	assert_int_equal(config_in(RNG, PCI_REVISION, 1), 1);
	assert_int_equal(config_in(RNG, PCI_HEADER_TYPE, 1), 0);
	assert_int_equal(config_in(RNG, PCI_SUBSYSTEM_VENDOR, 4), 0x00041af4);
	assert_int_equal(config_in(RNG, PCI_INTERRUPT_PIN, 1), 1);
	config_select(RNG, PCI_VENDOR);
	assert_int_equal(in(PCI_ADDRESS_PORT, 4), 0x80001000);
	assert_int_equal(in(PCI_DATA_PORT, 4), 0x10441af4);
	assert_int_equal(in(PCI_DATA_PORT + 2, 2), 0x1044);
	assert_int_equal(in(PCI_DATA_PORT + 1, 2), 0x441a);
	assert_int_equal(in(PCI_DATA_PORT + 3, 1), 0x10);
	config_select(RNG, PCI_INTERRUPT_LINE);
	out(PCI_DATA_PORT, 1, 0x0b);
	assert_int_equal(config_in(RNG, PCI_INTERRUPT_LINE, 4), 0x010b);
	/* across a dword, and across the end of the ports */
	assert_int_equal(in(PCI_DATA_PORT + 3, 2), 0xffff);
	assert_int_equal(in(PCI_ADDRESS_PORT + 3, 2), 0xffff);
	assert_int_equal(load(ecam(RNG, 2), 4), 0xffffffff);
	assert_true(load(ecam(RNG, 0), 8) == 0x0010000310441af4); /* the value of two dwords */
}

/*
 * A function that is not there reads as all ones: no second function, no other bus, no extended
 * registers.
 */
static void nothing_else_is_there(void **state)
{
	(void)state;
	for (u32 slot = 3; slot < PCI_SLOTS; slot++)
		assert_int_equal(config_in(slot, PCI_VENDOR, 4), 0xffffffff);
	assert_int_equal(load(ecam(RNG, 1 << 12), 4), 0xffffffff);
	assert_int_equal(load(ecam(0, 0x100), 4), 0xffffffff);
	out(PCI_ADDRESS_PORT, 4, 0x80010000 | RNG << 11);
	assert_int_equal(in(PCI_DATA_PORT, 4), 0xffffffff);
	out(PCI_ADDRESS_PORT, 4, RNG << 11);
	assert_int_equal(in(PCI_DATA_PORT, 4), 0xffffffff);
	out(PCI_DATA_PORT, 4, 0);
	assert_int_equal(fixture_platform.memory.unknown_count, 0);
}

/* Only a dword is the address; a byte in the middle of it is the reset control. */
static void address_register_and_reset_control(void **state)
{
	(void)state;
	out(PCI_ADDRESS_PORT, 4, 0xffffffff);
	assert_int_equal(in(PCI_ADDRESS_PORT, 4), 0x80fffffc);
	out(PCI_ADDRESS_PORT, 1, 0);
	out(PCI_ADDRESS_PORT + 3, 1, 1);
	out(PCI_ADDRESS_PORT + 2, 2, 0);
	assert_int_equal(in(PCI_ADDRESS_PORT, 4), 0x80fffffc);
	assert_int_equal(in(PCI_ADDRESS_PORT, 2), 0xffff);
	out(0xcf9, 1, 2);
	assert_int_equal(in(0xcf9, 1), 2);
	assert_int_equal(fixture_platform.events.pending & MACHINE_RESET, 0);
	out(0xcf9, 1, 6);
	assert_int_equal(fixture_platform.events.pending & MACHINE_RESET, MACHINE_RESET);
	assert_int_equal(fixture_platform.events.reset_port, 0xcf9);
}

static void read_only_bits_stay(void **state)
{
	u32 before[64];

	(void)state;
	for (u32 i = 0; i < 64; i++)
		before[i] = config_in(RNG, 4 * i, 4);
	for (u32 i = 0; i < 64; i++)
		config_out(RNG, 4 * i, 4, ~before[i]);
	assert_int_equal(config_in(RNG, PCI_VENDOR, 4), before[0]);
	assert_int_equal(config_in(RNG, PCI_COMMAND, 2),
			 PCI_COMMAND_BUS_MASTER | PCI_COMMAND_INTX_OFF);
	assert_int_equal(config_in(RNG, PCI_REVISION, 4), before[2]);
	assert_int_equal(config_in(RNG, PCI_CAPABILITIES, 4), before[13]);
	for (u32 at = before[13]; at != 0; at = config_in(RNG, at + 1, 1))
		assert_int_equal(config_in(RNG, at, 2), before[at / 4] & 0xffff);
	for (u32 i = 0; i < 16; i++)
		config_out(0, 4 * i, 4, ~0u);
	assert_int_equal(config_in(0, PCI_COMMAND, 4), 0);
}

/* A BAR's size is what reads back after all ones were written (PCI 3.0, 6.2.5.1). */
static void bars_are_sized(void **state)
{
	u32 ports = config_in(RNG, 0x10, 4);
	u32 low = config_in(RNG, 0x18, 4);

	(void)state;
	assert_int_equal(ports & 3, 1);
	assert_int_equal(low & 0xf, 4);
	config_out(RNG, 0x10, 4, ~0u);
	assert_int_equal(config_in(RNG, 0x10, 4), 0xfffd);
	config_out(RNG, 0x18, 4, ~0u);
	config_out(RNG, 0x1c, 4, ~0u);
	assert_int_equal(config_in(RNG, 0x18, 4), 0xffffc004);
	assert_int_equal(config_in(RNG, 0x1c, 4), 0xffffffff);
	config_out(RNG, 0x14, 4, ~0u);
	config_out(RNG, 0x20, 4, ~0u);
	assert_int_equal(config_in(RNG, 0x14, 4), 0);
	assert_int_equal(config_in(RNG, 0x20, 4), 0);
	/* in between the BAR answered nowhere */
	assert_int_equal(load(low & ~0xfu, 4), 0xffffffff);
	config_out(RNG, 0x1c, 4, 0);
	config_out(RNG, 0x18, 4, low);
	assert_int_equal(load(low & ~0xfu, 4), 0);
}

static bool answers(u64 address)
{
	return load(address + 0x12, 2) == 1; /* the rng's number of queues */
}

static void move_rng(u64 address)
{
	config_out(RNG, 0x18, 4, (u32)address);
	config_out(RNG, 0x1c, 4, address >> 32);
}

static void bars_move(void **state)
{
	static const u64 good[] = {0xc0000000, 0xdfffc000, HIGH_BASE, HIGH_BASE + 0xffffc000};
	static const u64 bad[] = {
		0,	    0x100000,	0xbfffc000,	     0xe0000000,	0xfec00000,
		0xfee00000, 0xffffc000, HIGH_BASE + 4 * GIB, 0xffffffffffffc000};
	u64 first = memory_of(RNG);

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(good); i++) {
		move_rng(good[i]);
		assert_true(answers(good[i]));
		assert_false(answers(first));
	}
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		u32 count = fixture_platform.memory.range_count;

		move_rng(bad[i]);
		assert_true(memory_of(RNG) == bad[i]);
		assert_int_equal(fixture_platform.memory.range_count, count - (i == 0));
	}
	assert_int_equal(config_in(RNG, PCI_VENDOR, 4), 0x10441af4);
	move_rng(first);
	assert_true(answers(first));
}

/*
 * Of two BARs at one place the lower slot's answers, whichever came first; the other BAR is back
 * later.
 */
static void bars_overlap(void **state)
{
	u64 console = memory_of(CONSOLE);
	u64 rng = memory_of(RNG);

	(void)state;
	move_rng(console);
	assert_int_equal(load(console + 0x12, 2), 2);
	config_out(CONSOLE, 0x18, 4, (u32)rng);
	assert_true(answers(console));
	assert_int_equal(load(rng + 0x12, 2), 2);
	move_rng(rng);
	assert_int_equal(load(rng + 0x12, 2), 2);
	set_command(CONSOLE, PCI_COMMAND_IO);
	assert_true(answers(rng));
	set_command(CONSOLE, PCI_COMMAND_MEMORY);
	assert_int_equal(load(rng + 0x12, 2), 2);
}

static void decode_is_switched(void **state)
{
	u32 ports = (u32)ports_of(RNG);
	u64 memory = memory_of(RNG);

	(void)state;
	assert_int_equal(in(ports, 2), 0);
	set_command(RNG, PCI_COMMAND_MEMORY);
	assert_int_equal(in(ports, 2), 0xffff);
	assert_true(answers(memory));
	set_command(RNG, PCI_COMMAND_IO);
	assert_int_equal(in(ports, 2), 0);
	assert_false(answers(memory));
	config_out(RNG, 0x10, 4, 0xff80);
	assert_int_equal(in(0xff80, 2), 0);
	assert_int_equal(in(ports, 2), 0xffff);
	config_out(RNG, 0x10, 4, 0x3f8); /* the address is not in the window */
	assert_int_equal(in(0x3f8, 2), 0xffff);
}

static void msix_table(void **state)
{
	u32 cap = capability(RNG, PCI_CAP_MSIX);
	u64 table = memory_of(RNG) + (config_in(RNG, cap + PCI_MSIX_TABLE, 4) & ~7u);
	u64 pending = memory_of(RNG) + (config_in(RNG, cap + PCI_MSIX_PENDING, 4) & ~7u);

	(void)state;
	assert_int_equal(config_in(RNG, cap + PCI_MSIX_CONTROL, 2), 1);
	assert_int_equal(config_in(RNG, cap + PCI_MSIX_TABLE, 4) & 7, 2);
	assert_int_equal(load(table + 12, 4), 1);
	store(table, 8, 0x1122334455667788);
	assert_true(load(table, 8) == 0x1122334455667788);
	store(table + 12, 4, ~0u);
	assert_int_equal(load(table + 12, 4), 1);
	/* sizes and places that are not defined */
	store(table, 1, 0xff);
	store(table, 2, 0xffff);
	store(table + 2, 4, ~0u);
	store(table + 0x20, 4, ~0u);
	store(pending, 8, ~0ull);
	assert_true(load(table, 8) == 0x1122334455667788);
	assert_int_equal(load(table + 0x20, 4), 0);
	assert_int_equal(load(table, 2), 0);
	assert_true(load(pending, 8) == 0);
	assert_int_equal(load(pending + 0x800, 4), 0);
}

static u32 pending_bits(void)
{
	return (u32)load(memory_of(RNG) + AT_MSIX_PENDING, 4);
}

static void msix_messages(void **state)
{
	struct pci_function *rng = function_at(RNG);

	(void)state;
	set_command(RNG, COMMAND_ALL);
	msix_entry(RNG, 1, 0xfee01000, 0x4041, 0);
	pci_msix_raise(rng, 1);
	assert_int_equal(message_count, 0); /* the entry is not enabled */
	msix_enable(RNG, 0);
	pci_msix_raise(rng, 1);
	assert_int_equal(message_count, 1);
	assert_true(message_address[0] == 0xfee01000 && message_data[0] == 0x4041);
	pci_msix_raise(rng, 2);
	pci_msix_raise(rng, VIRTIO_NO_VECTOR);
	pci_msix_raise(rng, 0); /* masked since power-on */
	assert_int_equal(message_count, 1);
	assert_int_equal(pending_bits(), 1);
	msix_entry(RNG, 0, 0xfee02000, 0x42, 0);
	assert_int_equal(message_count, 2);
	assert_int_equal(pending_bits(), 0);

	msix_enable(RNG, PCI_MSIX_MASKED);
	pci_msix_raise(rng, 0);
	pci_msix_raise(rng, 1);
	pci_msix_raise(rng, 1);
	assert_int_equal(pending_bits(), 3);
	msix_enable(RNG, 0);
	assert_int_equal(message_count, 4);
	/* without bus mastering the function cannot write, not even a message */
	set_command(RNG, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	pci_msix_raise(rng, 1);
	assert_int_equal(message_count, 4);
	set_command(RNG, COMMAND_ALL);
	assert_int_equal(message_count, 5);
	/* a message to an address that is no local APIC's is dropped and counted */
	msix_entry(RNG, 1, 0x1000, 0x42, 0);
	pci_msix_raise(rng, 1);
	msix_entry(RNG, 1, 0x1fee00000, 0x42, 0);
	pci_msix_raise(rng, 1);
	assert_int_equal(message_count, 5);
	assert_int_equal(rng->state->message_refused_count, 2);
}

/* Slots 2 and 10 have one line: it is high as long as one of them asks. */
static void pin(void **state)
{
	struct pci_function *rng = function_at(RNG);
	struct pci_function_state second_state = {0};
	struct pci_function second = *rng;

	(void)state;
	second.state = &second_state;
	second.slot = RNG + PCI_LINES;
	fixture_platform.pci->function[second.slot] = &second;
	pci_intx_set(rng, true);
	assert_true(fixture_line[18]);
	assert_int_equal(config_in(RNG, PCI_STATUS, 2) & PCI_STATUS_INTX, PCI_STATUS_INTX);
	pci_intx_set(&second, true);
	pci_intx_set(rng, false);
	assert_true(fixture_line[18]);
	assert_int_equal(config_in(RNG, PCI_STATUS, 2) & PCI_STATUS_INTX, 0);
	pci_intx_set(&second, false);
	assert_false(fixture_line[18]);
	assert_int_equal(fixture_edges[18], 1);

	pci_intx_set(rng, true);
	set_command(RNG, COMMAND_ALL | PCI_COMMAND_INTX_OFF);
	assert_false(fixture_line[18]);
	assert_int_equal(config_in(RNG, PCI_STATUS, 2) & PCI_STATUS_INTX, PCI_STATUS_INTX);
	set_command(RNG, COMMAND_ALL);
	assert_true(fixture_line[18]);
	msix_enable(RNG, 0);
	assert_false(fixture_line[18]);
	config_out(RNG, capability(RNG, PCI_CAP_MSIX) + PCI_MSIX_CONTROL, 2, 0);
	assert_true(fixture_line[18]);
	device_reset(&rng->device);
	assert_false(fixture_line[18]);
}

/* A state that is loaded puts the BARs where they were. */
static void states(void **state)
{
	struct device *rng = &function_at(RNG)->device;
	u64 first = memory_of(RNG);
	u64 saved[sizeof(struct virtio_state) / 8];

	(void)state;
	move_rng(0xc8000000);
	assert_round_trip(rng);
	assert_true(answers(0xc8000000));
	assert_false(answers(first));
	assert_int_equal(device_save(rng, saved, rng->state_bytes), STATUS_OK);
	device_reset(rng);
	assert_true(answers(first));
	assert_int_equal(device_load(rng, saved, rng->state_bytes), STATUS_OK);
	assert_true(answers(0xc8000000));
	config_select(RNG, 0);
	assert_round_trip(&function_at(0)->device);
	assert_int_equal(in(PCI_ADDRESS_PORT, 4), 0x80001000);
	assert_load_refused(&function_at(0)->device, offsetof(struct pci_bus_state, address), 1);
	assert_load_refused(rng, offsetof(struct pci_function_state, intx), 2);
	assert_load_refused(rng, offsetof(struct pci_function_state, msix[3].control), 2);
}

/* A slot is taken once; windows have an end. */
static void full(void **state)
{
	static struct pci_function_state second_state;
	struct pci_function second = {.device.state = &second_state, .state = &second_state};

	(void)state;
	pci_function_begin(&second, &(struct pci_identity){.vendor = 1});
	assert_int_equal(pci_function_add(&fixture_platform, &second, RNG), STATUS_IN_USE);
	pci_function_bar(&second, 0, PCI_BAR_MEMORY, 1 * GIB);
	assert_int_equal(pci_function_add(&fixture_platform, &second, 5), STATUS_NO_MEMORY);
	assert_null(function_at(5));
	fixture_platform.pci = NULL;
	assert_int_equal(pci_function_add(&fixture_platform, &second, 5), STATUS_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_mechanisms, pci_setup),
		cmocka_unit_test_setup(nothing_else_is_there, pci_setup),
		cmocka_unit_test_setup(address_register_and_reset_control, pci_setup),
		cmocka_unit_test_setup(read_only_bits_stay, pci_setup),
		cmocka_unit_test_setup(bars_are_sized, pci_setup),
		cmocka_unit_test_setup(bars_move, pci_setup),
		cmocka_unit_test_setup(bars_overlap, pci_setup),
		cmocka_unit_test_setup(decode_is_switched, pci_setup),
		cmocka_unit_test_setup(msix_table, pci_setup),
		cmocka_unit_test_setup(msix_messages, pci_setup),
		cmocka_unit_test_setup(pin, pci_setup),
		cmocka_unit_test_setup(states, pci_setup),
		cmocka_unit_test_setup(full, pci_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
