/* SPDX-License-Identifier: MIT */
/*
 * A fake machine full of PCI functions: configuration space with bits that can be written, BARs
 * that lie in one piece of memory. Included once, by a test of vmm/manager/pci.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.c"
#include "vmm/manager/pci/pci.h"
#include "vmm/manager/pci/pci_memory.h"
#include "vmm/manager/pci/pci_scan.h"

#define FAKES_MAX   32u
#define MEMORY_AT   0xf0000000u
#define MEMORY_SIZE 0x40000u

struct fake {
	struct pci_address address;
	union {
		u8 byte[PCI_EXPRESS_BYTES];
		u32 word[PCI_EXPRESS_BYTES / 4];
	};
	u32 writable[PCI_EXPRESS_BYTES / 4];
	u32 resets;
	u32 absent_reads; /* the reads after a reset that the function does not answer */
	bool decoded_while_sizing;
};

static struct fake *fakes[FAKES_MAX];
static u32 fake_count;
static u8 device_memory[MEMORY_SIZE];
static u32 reads;
static u64 now_tsc;

static struct fake *fake_at(struct pci_address address)
{
	for (u32 i = 0; i < fake_count; i++) {
		if (pci_address_equal(fakes[i]->address, address))
			return fakes[i];
	}
	return NULL;
}

u32 pci_read(struct pci_address address, u32 offset, u32 bytes)
{
	struct fake *fake = fake_at(address);
	u32 value = ~0u;

	assert_true(offset % bytes == 0 && offset + bytes <= PCI_EXPRESS_BYTES);
	assert_true(++reads < 1000000);
	if (fake != NULL && fake->absent_reads > 0)
		fake->absent_reads--;
	else if (fake != NULL)
		memcpy(&value, fake->byte + offset, bytes);
	return value & (~0u >> (32 - 8 * bytes));
}

/* A function-level reset: all that can be written is cleared, the capabilities stay. */
static void fake_reset(struct fake *fake)
{
	fake->resets++;
	for (u32 i = 0; i < PCI_CAP_FIRST / 4; i++)
		fake->word[i] &= ~fake->writable[i];
}

void pci_write(struct pci_address address, u32 offset, u32 bytes, u32 value)
{
	struct fake *fake = fake_at(address);
	u32 shift = offset % 4 * 8;
	u32 mask;

	assert_true(offset % bytes == 0 && offset + bytes <= PCI_EXPRESS_BYTES);
	if (fake == NULL)
		return;
	if (offset >= PCI_BAR && offset < PCI_BAR + 24 && value == ~0u &&
	    (fake->byte[PCI_COMMAND] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)) != 0)
		fake->decoded_while_sizing = true;
	mask = fake->writable[offset / 4] & (~0u >> (32 - 8 * bytes)) << shift;
	fake->word[offset / 4] = (fake->word[offset / 4] & ~mask) | (value << shift & mask);
	if (offset == 0x88 && (value & PCI_EXPRESS_CONTROL_FLR) != 0)
		fake_reset(fake);
}

static void set8(struct fake *fake, u32 offset, u32 value)
{
	fake->byte[offset] = (u8)value;
}

static void set16(struct fake *fake, u32 offset, u32 value)
{
	memcpy(fake->byte + offset, &(u16){(u16)value}, 2);
}

static void set32(struct fake *fake, u32 offset, u32 value)
{
	memcpy(fake->byte + offset, &value, 4);
}

static struct pci_address place(u16 segment, u32 bus, u32 device, u32 function)
{
	return (struct pci_address){segment, (u8)bus, (u8)(device << 3 | function)};
}

static struct fake *add_fake(struct pci_address address, u32 class)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_true(fake_count < FAKES_MAX);
	fakes[fake_count++] = fake;
	fake->address = address;
	set32(fake, PCI_VENDOR, 0x56781234);
	set32(fake, PCI_REVISION, class << 8 | 1);
	fake->writable[PCI_COMMAND / 4] = 0x0407;
	fake->writable[PCI_INTERRUPT_LINE / 4] = 0xff;
	return fake;
}

static struct fake *add_bridge(struct pci_address address, u32 first, u32 last)
{
	struct fake *fake = add_fake(address, 0x060400);

	set8(fake, PCI_HEADER_TYPE, PCI_HEADER_BRIDGE);
	set8(fake, PCI_PRIMARY_BUS, address.bus);
	set8(fake, PCI_SECONDARY_BUS, first);
	set8(fake, PCI_SUBORDINATE_BUS, last);
	return fake;
}

static void set_bar(struct fake *fake, u32 number, u32 value, u32 writable)
{
	set32(fake, PCI_BAR + 4 * number, value);
	fake->writable[PCI_BAR / 4 + number] = writable;
}

/* Adds a capability in front of those there are. */
static void set_capability(struct fake *fake, u32 offset, u32 id)
{
	set16(fake, PCI_STATUS, PCI_STATUS_CAPABILITIES);
	set8(fake, offset, id);
	set8(fake, offset + 1, fake->byte[PCI_CAPABILITIES]);
	set8(fake, PCI_CAPABILITIES, offset);
}

/* Adds a function like Skerry's NVMe: registers and MSI-X in one BAR, MSI as well, FLR. */
static struct fake *add_nvme(struct pci_address address)
{
	struct fake *fake = add_fake(address, 0x010802);

	set_bar(fake, 0, MEMORY_AT | (u32)PCI_BAR_64, 0xffffc000);
	set_bar(fake, 1, 0, ~0u);
	set_capability(fake, 0x40, PCI_CAP_MSIX);
	set16(fake, 0x42, 64);
	set32(fake, 0x44, 0x2000);
	set32(fake, 0x48, 0x3000);
	fake->writable[0x40 / 4] = 0xc0000000;
	set_capability(fake, 0x50, PCI_CAP_MSI);
	set16(fake, 0x52, PCI_MSI_64);
	fake->writable[0x50 / 4] = 0x00710000;
	for (u32 i = 1; i < 4; i++)
		fake->writable[0x50 / 4 + i] = ~0u;
	set_capability(fake, 0x80, PCI_CAP_EXPRESS);
	set32(fake, 0x84, (u32)PCI_EXPRESS_FLR);
	set16(fake, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	return fake;
}

bool pci_memory_open(u64 hpa, u64 bytes, struct pci_memory *memory)
{
	if (hpa < MEMORY_AT || hpa - MEMORY_AT > MEMORY_SIZE ||
	    bytes > MEMORY_SIZE - (hpa - MEMORY_AT))
		return false;
	*memory = (struct pci_memory){device_memory + (hpa - MEMORY_AT), 0, bytes};
	return true;
}

void pci_memory_close(struct pci_memory *memory)
{
	(void)memory;
}

u64 clock_tsc(void)
{
	return now_tsc += 10000;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

static void fakes_free(void)
{
	while (fake_count > 0)
		free(fakes[--fake_count]);
	memset(device_memory, 0, sizeof(device_memory));
	reads = 0;
}
