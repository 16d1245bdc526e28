/* SPDX-License-Identifier: MIT */
/*
 * The manager's side of IOMMUs: which unit a function is behind and in whose name it makes
 * requests, regions that the firmware has reserved, and what comes of accesses that are refused.
 */
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

#define HERE	   16u
#define PAGES_MAX  64u
#define ROOT_PORT  4u /* PCI Express types */
#define UPSTREAM   5u

static struct pci_function functions[HERE];
static u8 express[HERE]; /* type + 1; 0: it is conventional */
static u32 count;
static u8 bytes[512]; /* of a table */
static u32 length;
static bool amd;

/* What the kernel was told. */
static u32 created;
static u64 attached[65536]; /* space of each requester */
static u32 spaces;
static u64 populated[PAGES_MAX];
static u32 populated_count;
static u64 physical;	/* of the last memory object */
static u16 faults[64]; /* requesters that the unit will tell of */
static u32 fault_count;
static u32 masters_off;

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

enum status pci_msi_set(struct pci_function *function, handle_t irq)
{
	(void)function, (void)irq;
	return STATUS_OK;
}

void pci_enable(const struct pci_function *function)
{
	(void)function;
}

void machine_iommus(struct iommu_table *found)
{
	*found = (struct iommu_table){.unit_count = 0};
	if (amd)
		ivrs_parse(bytes, length, found);
	else
		dmar_parse(bytes, length, found);
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

enum status sys_irq_message(handle_t irq, u64 *message)
{
	(void)irq;
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

enum status sys_iommu_create(handle_t root, u64 registers, enum iommu_kind kind, u64 *number)
{
	(void)root, (void)kind;
	if (registers == 0xfedff000)
		return STATUS_NOT_SUPPORTED;
	*number = 10 + created++;
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
	if (hpa == 0x1000) /* RAM */
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

static void which_unit(void **state)
{
	(void)state;
	put_unit(0xfed90000, 0, 8);
	put_scope(ACPI_DMAR_FUNCTION, 0, 1, (const u8[]){2, 0});
	put_unit(0xfed91000, 0, 10);
	/* by way of a bridge */
	put_scope(ACPI_DMAR_BRIDGE, 0, 2, (const u8[]){0x1d, 0, 0, 0});
	put_unit(0xfedff000, ACPI_DMAR_ALL, 0); /* the kernel does not take it */
	iommu_init();
	assert_int_equal(created, 2);
	assert_int_equal(iommu_count(), 3);
	assert_true(iommu_is_used(1) && !iommu_is_used(2));
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 0);
	assert_int_equal(functions[5].iommu, 2);
	assert_int_equal(functions[7].iommu, 2);
	functions[0].driver[0] = 'x';
	assert_string_equal(iommu_word(), "drivers are confined");
	functions[2].driver[0] = 'x';
	assert_string_equal(iommu_word(), "some drivers are trusted");
}

static void the_rest(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	put_unit(0xfed90000, 0, 8);
	put_scope(ACPI_DMAR_BRIDGE, 0, 1, (const u8[]){0x1c, 0});
	iommu_init();
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 2);
	assert_int_equal(functions[5].iommu, 1);
}

static void in_whose_name(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	iommu_init();
	assert_int_equal(functions[0].requester, 2 << 3);
	assert_int_equal(functions[2].requester, 1 << 8);
	assert_int_equal(functions[5].requester, 3 << 8);
	/* the bridge that is nearer to the root speaks */
	assert_int_equal(functions[7].requester, 3 << 8);
	express[4] = 0;
	iommu_find_units(&table);
	assert_int_equal(functions[5].requester, 2 << 8);
	express[4] = UPSTREAM + 1;
	iommu_find_units(&table);
	assert_int_equal(functions[5].requester, 3 << 8 | 1 << 3);
	assert_int_equal(functions[7].requester, 3 << 8 | 2 << 3);
}

static void amd_ranges(void **state)
{
	const u8 entries[] = {
		ACPI_IVRS_FIRST, 0x10, 0, 0,	       ACPI_IVRS_LAST, 0xff, 0x01, 0,
		ACPI_IVRS_ALIAS_ONE, 8, 3, 0,	       0, 0x01, 3, 0,
		ACPI_IVRS_LAST, 0xff, 0x04, 0, /* of nothing */
	};
	const struct acpi_ivrs_unit entry = {
		.block = {ACPI_IVRS_UNIT, 0, (u16)(sizeof(entry) + sizeof(entries)), 2},
		.registers = 0xfeb80000,
	};

	(void)state;
	amd = true;
	length = sizeof(struct acpi_ivrs);
	append(&entry, sizeof(entry));
	append(entries, sizeof(entries));
	iommu_init();
	assert_int_equal(table.left_out, 1);
	assert_string_equal(iommu_kind_name(0), "AMD-Vi");
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 1);
	assert_int_equal(functions[5].iommu, 1);
	assert_int_equal(functions[5].requester, 0x301);
	assert_int_equal(functions[7].iommu, 0);
	amd = false;
}

static void put_region(u64 base, u64 last, u8 bus, u8 device)
{
	const struct acpi_dmar_reserved region = {
		.entry = {ACPI_DMAR_RESERVED, sizeof(region) + 8}, .base = base, .last = last};

	append(&region, sizeof(region));
	put_scope(ACPI_DMAR_FUNCTION, bus, 1, (const u8[]){device, 0});
}

/* Given page by page, until a driver takes the function; what is RAM is not. */
static void reserved(void **state)
{
	handle_t space;

	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	put_region(0x8b800000, 0x8b802fff, 0, 2);
	put_region(0x8c000000, 0x8c000fff, 0, 2);
	put_region(0x1000, 0x1fff, 1, 0);
	iommu_init();
	assert_int_equal(populated_count, 4);
	assert_int_equal(populated[0], 0x8b800000);
	assert_int_equal(populated[2], 0x8b802000);
	assert_int_equal(populated[3], 0x8c000000);
	assert_int_equal(attached[2 << 3], 100);
	assert_int_equal(functions[0].reaches, IOMMU_RESERVED);
	assert_int_equal(attached[1 << 8], 0);
	assert_int_equal(functions[2].reaches, IOMMU_NOTHING);
	assert_int_equal(iommu_space(&functions[0], 3, &space), STATUS_OK);
	assert_int_equal(iommu_attach(&functions[0], space), STATUS_OK);
	assert_int_equal(functions[0].reaches, IOMMU_WINDOWS);
	assert_int_equal(attached[2 << 3], space);
	assert_int_equal(iommu_attach(&functions[0], HANDLE_NONE), STATUS_OK);
	assert_int_equal(functions[0].reaches, IOMMU_NOTHING);
}

static void refuse(u16 requester, u32 times)
{
	for (fault_count = 0; fault_count < times;)
		faults[fault_count++] = requester;
	iommu_signalled(0);
}

/* 16 in a driver's life; of those that nobody knows not more than STRAY_MAX. */
static void cut_off_in_time(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	iommu_init();
	assert_int_equal(iommu_attach(&functions[2], 100), STATUS_OK);
	refuse(1 << 8, 15);
	assert_false(functions[2].cut_off);
	assert_int_equal(masters_off, 0);
	refuse(1 << 8, 3);
	assert_true(functions[2].cut_off && functions[2].lost);
	assert_int_equal(masters_off, 1);
	assert_int_equal(functions[2].faults, 16);
	for (u32 i = 0; i < 10; i++)
		refuse(0xee00, 60);
	assert_int_not_equal(fault_count, 0);
	assert_int_equal(units[0].stray, STRAY_MAX);
	/* a driver that starts finds the unit at work */
	assert_int_equal(iommu_attach(&functions[2], 100), STATUS_OK);
	assert_false(functions[2].cut_off);
	refuse(1 << 8, 1);
	assert_int_equal(fault_count, 0);
	assert_int_equal(functions[2].faults_now, 1);
	assert_int_equal(functions[2].faults, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(which_unit, set_up),
		cmocka_unit_test_setup(the_rest, set_up),
		cmocka_unit_test_setup(in_whose_name, set_up),
		cmocka_unit_test_setup(amd_ranges, set_up),
		cmocka_unit_test_setup(reserved, set_up),
		cmocka_unit_test_setup(cut_off_in_time, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
