/* SPDX-License-Identifier: MIT */
#pragma once

/* Controllers of a machine, what their drivers are given, and how they are made quiet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define port_in8  real_port_in8
#define port_out8 real_port_out8
#include "lib/string.c"
#include "vmm/manager/host/port_io.h"
#undef port_in8
#undef port_out8

static unsigned char port_in8(unsigned short port);
static void port_out8(unsigned short port, unsigned char value);

#include "vmm/manager/disk/controller.c"
#include "vmm/manager/disk/controller_ahci.c"
#include "vmm/manager/disk/controller_ide.c"
#include "vmm/manager/driver/device.c"
#include "vmm/manager/driver/device_irq.c"
#include "vmm/manager/disk/controller_nvme.c"
#include "vmm/manager/disk/controller_virtio.c"
#include "vmm/manager/pci/pci_address.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"

#define DMA_AT	       0xc040u
#define AHCI_REGISTERS 0xfebf1000ull

const struct driver_class disk_class;

static struct pci_function functions[9];
static u32 function_count;
static struct driver drivers[2];
static struct start_info page;
static struct process_build build;
static char given[256]; /* what the process got, in words */
static u8 dma_command, dma_status, dma_stays;
static u32 control_writes, resets;
static bool enabled, line_taken;
static enum status quiet_status;
static u32 destroyed;
static bool irq_is_line; /* the latest interrupt */
static u64 now_tsc;
static struct disk_config disks[12];
static u32 disk_count;
static u32 ahci_registers[4];
static u32 memory_opened;
static bool decodes;

u64 clock_tsc(void)
{
	return now_tsc += 100;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

static u8 port_in8(u16 port)
{
	assert_in_range(port, DMA_AT, DMA_AT + 15);
	return port % 8 == IDE_DMA_COMMAND ? dma_command : dma_status;
}

static void port_out8(u16 port, u8 value)
{
	if (port >= DMA_AT) {
		/* the port belongs to the channel that is meant */
		assert_int_equal(port, DMA_AT + 8);
		dma_command = value;
		dma_status &= dma_stays;
		return;
	}
	assert_int_equal(port, 0x376);
	control_writes++;
	resets += (value & IDE_CONTROL_RESET) != 0;
}

u32 pci_count(void)
{
	return function_count;
}

struct pci_function *pci_get(u32 number)
{
	return &functions[number];
}

bool pci_is_bridge(const struct pci_function *function)
{
	return function->header != PCI_HEADER_FUNCTION;
}

const char *pci_claim(struct pci_function *function, const char *driver)
{
	string_copy(function->driver, sizeof(function->driver), driver);
	return NULL;
}

u16 pci_bar_ports(const struct pci_function *function, u32 bar, u32 count)
{
	return function->bar[bar].size >= count ? (u16)function->bar[bar].address : 0;
}

enum status pci_bar_memory(const struct pci_function *function, u32 bar, handle_t *memory,
			   u64 *bytes)
{
	*memory = 9;
	*bytes = function->bar[bar].size;
	return STATUS_OK;
}

void pci_enable(const struct pci_function *function)
{
	(void)function;
	enabled = true;
}

enum status pci_quiet(struct pci_function *function, const char **problem)
{
	(void)function, (void)problem;
	return quiet_status;
}

bool pci_can_reset(const struct pci_function *function)
{
	return function->capability_count != 0;
}

u32 pci_read(struct pci_address address, u32 offset, u32 size)
{
	(void)address;
	assert_int_equal(offset, PCI_COMMAND);
	assert_int_equal(size, 2);
	return decodes ? (u32)PCI_COMMAND_MEMORY : 0;
}

bool pci_memory_open(u64 hpa, u64 bytes, struct pci_memory *memory)
{
	assert_int_equal(hpa, AHCI_REGISTERS);
	assert_true(bytes > AHCI_GHC);
	memory->at = ahci_registers;
	memory_opened++;
	return true;
}

void pci_memory_close(struct pci_memory *memory)
{
	assert_ptr_equal(memory->at, ahci_registers);
	memory_opened--;
}

struct disk_config *config_disk(u32 number)
{
	return number < disk_count ? &disks[number] : NULL;
}

u64 iommu_interrupts(const struct pci_function *function)
{
	(void)function;
	return IOMMU_NOBODY;
}

enum status pci_msix_set(struct pci_function *function, u32 entry, u64 remapper, handle_t irq)
{
	(void)function, (void)remapper, (void)irq;
	assert_int_equal(entry, 0);
	return STATUS_OK;
}

enum status pci_msi_set(struct pci_function *function, u64 remapper, handle_t irq)
{
	(void)function, (void)remapper, (void)irq;
	return STATUS_NOT_FOUND;
}

struct driver *driver_next(struct driver *driver)
{
	struct driver *next = driver != NULL ? driver + 1 : drivers;

	return next < drivers + ARRAY_COUNT(drivers) && next->used ? next : NULL;
}

static void note(const char *pattern, ...)
{
	size_t length = strlen(given);
	va_list arguments;

	va_start(arguments, pattern);
	format_va(given + length, sizeof(given) - length, pattern, arguments);
	va_end(arguments);
}

void process_build_note(struct process_build *which, const char *what, enum status status)
{
	which->what = what;
	which->status = status;
}

void process_build_grant(struct process_build *which, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
	(void)which, (void)handle;
	assert_int_equal(kind, START_IRQ);
	assert_int_equal(value, irq_is_line ? DRIVER_IRQ_LINE : 0);
	assert_int_equal(rights, RIGHT_BIND | RIGHT_CONTROL);
	note("irq; ");
}

void process_build_map(struct process_build *which, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights)
{
	(void)which, (void)memory, (void)rights;
	assert_int_equal(kind, START_REGISTERS);
	note("registers %lu+%lu; ", offset, bytes);
}

void process_build_name(struct process_build *which, const char *name)
{
	(void)which;
	note("named %s; ", name);
}

void device_virtio_give(struct process_build *which, const struct pci_function *function)
{
	(void)which;
	note("structures of %x; ", function->device);
}

void process_build_ports(struct process_build *which, u16 first, u32 count, const char *name)
{
	(void)which;
	note("%s %x+%u; ", name, first, count);
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind + 1;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)handle;
	destroyed++;
	return STATUS_OK;
}

enum status sys_irq_create(handle_t root, u32 gsi, u32 flags, handle_t *irq)
{
	(void)root;
	if (line_taken)
		return STATUS_IN_USE;
	irq_is_line = false;
	assert_int_equal(flags, IRQ_MSI);
	note("message on CPU %u, ", gsi);
	*irq = 77;
	return STATUS_OK;
}

enum status machine_isa_irq(u32 line, u32 flags, handle_t *irq)
{
	(void)flags;
	if (line_taken)
		return STATUS_IN_USE;
	irq_is_line = true;
	note("line %u, ", line);
	*irq = 77;
	return STATUS_OK;
}

enum status sys_ports_grant(handle_t root, handle_t process, u16 first, u32 count)
{
	(void)root, (void)first, (void)count;
	assert_int_equal(process, START_SELF + 1);
	return STATUS_OK;
}

static void add(u8 bus, u8 device, u8 subclass, u8 interface)
{
	functions[function_count++] =
		(struct pci_function){.address = {.bus = bus, .function = (u8)(device << 3)},
				      .class = PCI_CLASS_STORAGE,
				      .subclass = subclass,
				      .interface = interface};
}

static UNUSED int set_up(void **state)
{
	(void)state;
	memset(functions, 0, sizeof(functions));
	memset(drivers, 0, sizeof(drivers));
	function_count = 0;
	add(0, 1, PCI_STORAGE_IDE, 0x80);
	add(0, 2, 0x06, 0x01);		   /* an AHCI controller */
	add(0, 3, PCI_STORAGE_NVME, 0x03); /* a controller of another kind */
	add(0, 4, PCI_STORAGE_NVME, 0x02);
	add(0, 5, PCI_STORAGE_IDE, 0x85); /* an IDE controller with both channels in native mode */
	add(1, 0, PCI_STORAGE_NVME, 0x02);
	add(1, 1, 0, 0); /* a SCSI controller */
	add(1, 2, 0, 0);
	functions[7].vendor = 0x1af4;
	functions[7].device = 0x1042;
	add(1, 3, 0, 0);
	functions[8].vendor = 0x1af4;
	functions[8].device = 0x1048;
	functions[0].bar[4] = functions[4].bar[4] =
		(struct pci_bar){.address = DMA_AT, .size = 16, .kind = PCI_BAR_PORTS};
	functions[4].bar[2] = (struct pci_bar){.address = 0xd000, .size = 8};
	functions[4].bar[3] = (struct pci_bar){.address = 0xd010, .size = 4};
	functions[3].bar[0] = (struct pci_bar){.size = 0x4000};
	build = (struct process_build){.info = &page};
	memset(&page, 0, sizeof(page));
	given[0] = '\0';
	dma_command = 9, dma_status = 0x61, dma_stays = 0x60;
	control_writes = resets = destroyed = 0;
	enabled = line_taken = false;
	quiet_status = STATUS_OK;
	functions[1].bar[AHCI_BAR] = (struct pci_bar){.address = AHCI_REGISTERS, .size = 0x1000};
	disk_count = memory_opened = 0;
	decodes = true;
	return 0;
}

static u32 unit; /* the disk that was found last, of its driver's */

/* Returns the name of the disk's driver; or why there is none. */
static UNUSED const char *called(const char *wanted, u32 *device)
{
	static char name[DRIVER_NAME_BYTES];
	static char problem[DRIVER_TEXT_BYTES + 64];

	if (controller_find(wanted, device, &unit, name, problem, sizeof(problem)) != NULL)
		return name;
	return problem;
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
