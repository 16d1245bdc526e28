/* SPDX-License-Identifier: MIT */
#pragma once

/* The manager's side of IOMMUs, with fakes of the kernel, of PCI and of the firmware's tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.c"
#include "vmm/manager/iommu/dmar.c"
#include "vmm/manager/iommu/iommu.c"
#include "vmm/manager/iommu/iommu_scope.c"
#include "vmm/manager/iommu/iommu_table.c"
#include "vmm/manager/iommu/ivrs.c"
#include "vmm/manager/pci/pci_address.c"
#include "vmm/rt/format.c"
#include "vmm/rt/status_text.c"
#include "vmm/rt/strchr.c"

#define HERE	  16u
#define PAGES_MAX 64u
#define ROOT_PORT 4u /* PCI Express types */
#define UPSTREAM  5u

static struct pci_function functions[HERE];
static u8 express[HERE]; /* the type of each function plus 1; 0: it is conventional */
static u32 count;
static u8 bytes[512]; /* the bytes of a table */
static u32 length;
static bool amd;

/* What the kernel was told: */
static u32 created;
static u64 attached[65536]; /* space of each requester */
static u32 spaces;
static u64 populated[PAGES_MAX];
static u32 populated_count;
static u64 physical;   /* the address of the last memory object */
static u16 faults[64]; /* requesters that the unit will tell of */
static u32 fault_count;
static u32 masters_off;
static struct host_lines host_lines;
static u64 remapped[HOST_IOAPICS_MAX]; /* number of the unit << 16, and requester */

u32 pci_count(void)
{
	return count;
}

struct pci_function *pci_get(u32 number)
{
	return &functions[number];
}

struct pci_function *pci_find(struct pci_address address)
{
	for (u32 i = 0; i < count; i++) {
		if (pci_address_equal(functions[i].address, address))
			return &functions[i];
	}
	return NULL;
}

bool pci_is_bridge(const struct pci_function *function)
{
	return function->header == PCI_HEADER_BRIDGE;
}

u32 pci_capability(const struct pci_function *function, enum pci_capability_id id)
{
	assert_int_equal(id, PCI_CAP_EXPRESS);
	return express[function - functions] != 0 ? 0x40 : 0;
}

u32 pci_read(struct pci_address address, u32 offset, u32 size)
{
	assert_int_equal(offset, 0x40 + PCI_EXPRESS_CAPABILITY);
	assert_int_equal(size, 2);
	return (express[pci_find(address) - functions] - 1u) << 4 | 2;
}

void pci_master_off(const struct pci_function *function)
{
	(void)function;
	masters_off++;
}

enum status pci_msi_set(struct pci_function *function, u64 remapper, handle_t irq)
{
	(void)function, (void)remapper, (void)irq;
	return STATUS_OK;
}

void pci_enable(const struct pci_function *function)
{
	(void)function;
}

const struct host_lines *machine_lines(void)
{
	return &host_lines;
}

void machine_lines_remap(u32 ioapic, u64 number, u16 requester)
{
	remapped[ioapic] = number << 16 | requester;
}

const u8 *machine_acpi_open(const char *signature, u32 *count)
{
	*count = length;
	return strcmp(signature, amd ? "IVRS" : "DMAR") == 0 ? bytes : NULL;
}

void machine_acpi_close(void)
{
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	(void)handle, (void)source, (void)number;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind + 1;
}

enum status sys_irq_create(handle_t root, u32 gsi, u32 flags, handle_t *irq)
{
	(void)root, (void)gsi, (void)flags;
	*irq = 5;
	return STATUS_OK;
}

enum status sys_irq_message(handle_t irq, u64 number, u32 requester, u64 *message)
{
	(void)irq, (void)requester;
	assert_int_equal(number, IOMMU_NOBODY); /* a unit's own message does not pass the unit */
	*message = 0xfee0000000000071;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_iommu_create(handle_t root, u64 registers, enum iommu_kind kind, bool remap,
			     u64 *number)
{
	(void)root, (void)kind;
	if (registers == 0xfedff000)
		return STATUS_NOT_SUPPORTED;
	*number = (10 + created++) | (remap ? IOMMU_REMAPS : 0);
	return STATUS_OK;
}

enum status sys_iommu_space(handle_t root, handle_t group, u64 number, handle_t *space)
{
	(void)root, (void)group;
	assert_true(number >= 10 && number < 10 + created);
	*space = 100 + spaces++;
	return STATUS_OK;
}

enum status sys_iommu_attach(handle_t root, u64 number, u32 requester, handle_t space)
{
	(void)root, (void)number;
	attached[requester] = space;
	return STATUS_OK;
}

enum status iommu_log_open(struct iommu_log *log, enum iommu_kind kind, u64 registers, u64 message)
{
	(void)registers;
	assert_int_equal(message, 0xfee0000000000071);
	*log = (struct iommu_log){.kind = kind, .open = true};
	return STATUS_OK;
}

bool iommu_log_take(const struct iommu_log *log, struct iommu_fault *fault)
{
	if (!log->open || fault_count == 0)
		return false;
	*fault = (struct iommu_fault){.requester = faults[--fault_count]};
	return true;
}

enum status sys_memory_physical(handle_t root, u64 hpa, u64 size, u32 flags, handle_t *memory)
{
	(void)root, (void)flags;
	assert_true(size <= 16 * MIB);
	if (hpa == 0x1000) /* the address is RAM */
		return STATUS_BAD_ADDRESS;
	physical = hpa;
	*memory = 50;
	return STATUS_OK;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 size, u32 rights,
			  u64 *address)
{
	(void)space, (void)memory, (void)size;
	assert_int_equal(at, physical);
	assert_int_equal(offset, 0);
	assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE);
	*address = at;
	return STATUS_OK;
}

enum status sys_space_populate(handle_t space, u64 at, u32 access, u64 *bytes)
{
	(void)space, (void)access;
	*bytes = PAGE_SIZE;
	assert_true(populated_count < PAGES_MAX);
	populated[populated_count++] = at;
	return STATUS_OK;
}

/* --- a machine --- */

static struct pci_function *add(u8 bus, u8 device, u32 type)
{
	struct pci_function *function = &functions[count];

	express[count++] = (u8)type;
	*function = (struct pci_function){.address = {0, bus, (u8)(device << 3)}};
	return function;
}

static struct pci_function *add_bridge(u8 bus, u8 device, u32 type, u8 first, u8 last)
{
	struct pci_function *bridge = add(bus, device, type);

	bridge->header = PCI_HEADER_BRIDGE;
	bridge->secondary_bus = first;
	bridge->subordinate_bus = last;
	return bridge;
}

static void append(const void *from, u32 size)
{
	assert_true(length + size <= sizeof(bytes));
	memcpy(bytes + length, from, size);
	length += size;
}

/*
 * 0: 00:02.0  1: 00:1c.0, a root port to bus 1  2: 01:00.0  3: 00:1d.0, a root port to buses 2 to 5
 * 4: 02:00.0, a bridge to conventional PCI, buses 3 and 4  5: 03:01.0  6: 03:02.0, a conventional
 * bridge to bus 4  7: 04:03.0
 */
static int set_up(void **state)
{
	(void)state;
	count = created = spaces = populated_count = fault_count = masters_off = 0;
	length = amd ? sizeof(struct acpi_ivrs) : sizeof(struct acpi_dmar);
	amd = false;
	unit_count = 0;
	memset(bytes, 0, sizeof(bytes));
	memset(attached, 0, sizeof(attached));
	memset(remapped, 0, sizeof(remapped));
	host_lines = (struct host_lines){.ioapic_count = 1, .ioapic = {{.id = 8}}};
	add(0, 2, 0);
	add_bridge(0, 0x1c, ROOT_PORT + 1, 1, 1);
	add(1, 0, 1);
	add_bridge(0, 0x1d, ROOT_PORT + 1, 2, 5);
	add_bridge(2, 0, PCI_EXPRESS_TO_PCI + 1, 3, 4);
	add(3, 1, 0);
	add_bridge(3, 2, 0, 4, 4);
	add(4, 3, 0);
	length = sizeof(struct acpi_dmar);
	return 0;
}

static void put_unit(u64 registers, u8 flags, u32 scope_bytes)
{
	const struct acpi_dmar_unit unit = {
		.entry = {ACPI_DMAR_UNIT, (u16)(sizeof(unit) + scope_bytes)},
		.flags = flags,
		.registers = registers,
	};

	append(&unit, sizeof(unit));
}

static void put_scope(u8 type, u8 bus, u32 hops, const u8 *path)
{
	const struct acpi_dmar_scope scope = {
		.type = type, .length = (u8)(sizeof(scope) + 2 * hops), .bus = bus};

	append(&scope, sizeof(scope));
	append(path, 2 * hops);
}
