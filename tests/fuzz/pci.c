/* SPDX-License-Identifier: MIT */
/*
 * A PCI bus with a virtio rng and a virtio console, by their registers: configuration space both
 * ways, BARs wherever the input puts them, MSI-X, common registers. The rings are virtqueue's.
 */
/* Counted elsewhere: vmm/monitor/virtio/virtqueue vmm/monitor/dev/reset vmm/monitor/bus */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/pci_fixture.h"

#define SLOTS 3u

static u64 masked(u64 value, u32 size)
{
	return value & (~0ull >> (64 - 8 * size));
}

static bool is_in_window(const struct bus_range *range, bool ports)
{
	if (ports)
		return range->base >= LAYOUT_PCI_PORTS && range->base + range->bytes <= 0x10000;
	return (range->base >= LAYOUT_PCI_LOW &&
		range->base + range->bytes <= LAYOUT_PCI_LOW + LAYOUT_PCI_LOW_BYTES) ||
	       (range->base >= HIGH_BASE &&
		range->base + range->bytes <= HIGH_BASE + LAYOUT_PCI_HIGH_BYTES);
}

static void check_bus(const struct bus *bus, bool ports)
{
	for (u32 i = 0; i < bus->range_count; i++) {
		const struct bus_range *range = &bus->range[i];

		CHECK_THAT(i == 0 ||
			   bus->range[i - 1].base + bus->range[i - 1].bytes <= range->base);
		if (range->device == &function_at(RNG)->device ||
		    range->device == &function_at(CONSOLE)->device)
			CHECK_THAT(is_in_window(range, ports));
	}
}

static void check_all(void)
{
	check_bus(&fixture_platform.ports, true);
	check_bus(&fixture_platform.memory, false);
	for (u32 i = 0; i < message_count && i < 16; i++)
		CHECK_THAT(message_address[i] >> 20 == 0xfee);
	for (u32 line = 0; line < 24; line++)
		if (line != PCI_LINE_FIRST + RNG && line != PCI_LINE_FIRST + CONSOLE)
			CHECK_THAT(!fixture_line[line] || line == 1);
	CHECK_THAT(fixture_line[PCI_LINE_FIRST + RNG] == pci_intx_shown(function_at(RNG)));
}

static void access_configuration(struct fuzz *fuzz, u8 what)
{
	u32 size = 1u << (what >> 4 & 3) % 3;
	u64 at = ecam(fuzz_u8(fuzz) % (SLOTS + 1), fuzz_u8(fuzz));

	if ((what & 0x80) != 0)
		store(at, size, masked(fuzz_number(fuzz), size));
	else
		CHECK_THAT(load(at, size) == masked(load(at, size), size));
}

static void access_ports(struct fuzz *fuzz, u8 what)
{
	u32 size = 1u << (what >> 4 & 3) % 3;
	u32 port = PCI_ADDRESS_PORT + fuzz_u8(fuzz) % 9;

	if ((what & 0x40) != 0) {
		port = PCI_ADDRESS_PORT;
		size = 4;
	}
	if ((what & 0x80) != 0)
		out(port, size, (u32)masked(fuzz_number(fuzz), size));
	else
		(void)in(port, size);
}

static void access_bar(struct fuzz *fuzz, u8 what)
{
	static const u32 areas[] = {AT_COMMON, AT_ISR,		AT_DEVICE, AT_DOORBELL,
				    AT_MSIX,   AT_MSIX_PENDING, AT_COMMON, AT_MSIX + 0x200};
	u32 slot = 1 + (what >> 3 & 1);
	u32 size = 1u << (what >> 4 & 3);
	u64 at = memory_of(slot) + areas[fuzz_u8(fuzz) % ARRAY_COUNT(areas)] + fuzz_u8(fuzz) % 0x48;

	if ((what & 0x80) != 0)
		store(at, size, masked(fuzz_number(fuzz), size));
	else
		(void)load(at, size);
	out((u32)ports_of(slot), 2, what & 3);
}

/* A state with a wrong byte is refused, or is one with which no access does harm. */
static void load_any(struct fuzz *fuzz, struct device *device)
{
	u64 state[1024];

	CHECK_THAT(device->state_bytes <= sizeof(state));
	memcpy(state, device->state, device->state_bytes);
	((u8 *)state)[fuzz_u16(fuzz) % device->state_bytes] = fuzz_u8(fuzz);
	if (device_load(device, state, device->state_bytes) != STATUS_OK)
		return;
	/* the lines are loaded too in a whole machine */
	for (u32 slot = 1; slot < SLOTS; slot++)
		pci_intx_update(function_at(slot));
}

static void save_and_load(struct fuzz *fuzz, u8 what)
{
	struct device *device = &function_at(what >> 4 & 3 ? 1 + (what >> 4 & 1) : 0)->device;
	u64 state[1024];
	struct bus ports;
	struct bus memory;

	if ((what & 0x80) != 0) {
		load_any(fuzz, device);
		return;
	}
	CHECK_THAT(device_save(device, state, device->state_bytes) == STATUS_OK);
	pci_bar_map_all(fixture_platform.pci);
	ports = fixture_platform.ports;
	memory = fixture_platform.memory;
	device_reset(device);
	CHECK_THAT(device_load(device, state, device->state_bytes) == STATUS_OK);
	CHECK_THAT(memcmp(state, device->state, device->state_bytes) == 0);
	CHECK_THAT(memcmp(ports.range, fixture_platform.ports.range,
			  ports.range_count * sizeof(*ports.range)) == 0);
	CHECK_THAT(memcmp(memory.range, fixture_platform.memory.range,
			  memory.range_count * sizeof(*memory.range)) == 0);
	for (u32 slot = 1; slot < SLOTS; slot++)
		pci_intx_update(function_at(slot));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	pci_setup(NULL);
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what & 7) {
		case 0:
		case 1:
			access_configuration(&fuzz, what);
			break;
		case 2:
			access_ports(&fuzz, what);
			break;
		case 3:
			save_and_load(&fuzz, what);
			break;
		case 4:
			pci_msix_raise(function_at(1 + (what >> 3 & 1)), what >> 4);
			break;
		case 5:
			pci_intx_set(function_at(1 + (what >> 3 & 1)), what >> 4 & 1);
			break;
		default:
			access_bar(&fuzz, what);
		}
		check_all();
	}
	return 0;
}
