/* SPDX-License-Identifier: MIT */
/*
 * The host's PCI buses, with any functions on them: any registers, any bits of which can be
 * written. The scan ends, finds each function once, and leaves all registers as they were.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/pci/pci_address.c"
#include "vmm/manager/pci/pci_bar.c"
#include "vmm/manager/pci/pci_capability.c"
#include "vmm/manager/pci/pci_function.c"
#include "vmm/manager/pci/pci_names.c"
#include "vmm/manager/pci/pci_scan.c"
#include "vmm/rt/format.c"

#define FUNCTIONS_MAX 24u
/*
 * The most reads of a scan: all 256 buses are asked for 32 devices, and each function that exists
 * is read, with its lists.
 */
#define READS_MAX (PCI_BUSES * PCI_DEVICES_PER_BUS + FUNCTIONS_MAX * 1000u + 300000u)

static struct {
	struct pci_address address;
	u8 byte[PCI_CONFIG_BYTES];
	u8 writable[PCI_CONFIG_BYTES];
	u8 extended[64]; /* the registers, repeated over the rest */
} device[FUNCTIONS_MAX];

static u32 device_count;
static u32 reads;
static struct pci_function found[PCI_FUNCTIONS_MAX];

u32 pci_read(struct pci_address address, u32 offset, u32 bytes)
{
	u32 value = ~0u;

	CHECK_THAT(offset % bytes == 0 && offset + bytes <= PCI_EXPRESS_BYTES);
	CHECK_THAT(++reads < READS_MAX);
	for (u32 i = 0; i < device_count; i++) {
		if (!pci_address_equal(device[i].address, address))
			continue;
		memcpy(&value,
		       offset < PCI_CONFIG_BYTES ? device[i].byte + offset
						 : device[i].extended + offset % 64,
		       bytes);
		break;
	}
	return value & (~0u >> (32 - 8 * bytes));
}

void pci_write(struct pci_address address, u32 offset, u32 bytes, u32 value)
{
	CHECK_THAT(offset % bytes == 0 && offset + bytes <= PCI_CONFIG_BYTES);
	for (u32 i = 0; i < device_count; i++) {
		if (!pci_address_equal(device[i].address, address))
			continue;
		for (u32 byte = offset; byte < offset + bytes; byte++, value >>= 8)
			device[i].byte[byte] =
				(u8)((device[i].byte[byte] & ~device[i].writable[byte]) |
				     (value & device[i].writable[byte]));
		break;
	}
}

/* Adds a function, mostly near the first ones, so that bridges lead somewhere. */
static void draw_device(struct fuzz *input, u32 number)
{
	u8 length = fuzz_u8(input);

	device[number].address = (struct pci_address){0, (u8)(fuzz_u8(input) & 0x87), 0};
	device[number].address.function = (u8)(fuzz_u8(input) & 0x1f);
	memset(device[number].byte, 0, PCI_CONFIG_BYTES);
	memset(device[number].writable, 0, PCI_CONFIG_BYTES);
	fuzz_take(input, device[number].byte, 64);
	fuzz_take(input, device[number].byte + 64, length % 192);
	fuzz_take(input, device[number].writable + PCI_BAR, 24);
	device[number].writable[PCI_COMMAND] = fuzz_u8(input);
	fuzz_take(input, device[number].extended, 64);
}

static void check_function(const struct pci_function *function, u32 number)
{
	CHECK_THAT(function->capability_count <= PCI_CAPABILITIES_MAX);
	CHECK_THAT(function->problem == NULL || function->capability_count == 0 ||
		   function->header == PCI_HEADER_BRIDGE);
	CHECK_THAT(pci_class_name(function) != NULL);
	for (u32 i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &function->bar[i];

		CHECK_THAT((bar->kind == PCI_BAR_NONE) == (bar->size == 0));
		CHECK_THAT((bar->size & (bar->size - 1)) == 0 || bar->size == 0);
	}
	for (u32 i = 0; i < number; i++)
		CHECK_THAT(!pci_address_equal(found[i].address, function->address));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static u8 before[FUNCTIONS_MAX][PCI_CONFIG_BYTES];
	static struct pci_scan scan;
	struct fuzz input = {bytes, size};
	u8 last_bus = fuzz_u8(&input);

	reads = 0;
	memset(&scan, 0, sizeof(scan));
	scan.function = found;
	for (device_count = 0; device_count < FUNCTIONS_MAX && input.left > 0; device_count++)
		draw_device(&input, device_count);
	for (u32 i = 0; i < device_count; i++)
		memcpy(before[i], device[i].byte, PCI_CONFIG_BYTES);
	pci_scan_range(&scan, &(struct pci_range){0, 0, last_bus, 1});
	CHECK_THAT(scan.count <= device_count && scan.left_out == 0);
	for (u32 i = 0; i < scan.count; i++)
		check_function(&found[i], i);
	for (u32 i = 0; i < device_count; i++)
		CHECK_THAT(memcmp(before[i], device[i].byte, PCI_CONFIG_BYTES) == 0);
	return 0;
}
