/* SPDX-License-Identifier: MIT */
/* Which controller a name means, what a driver of it gets, and how it is made quiet. */
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
#include "vmm/manager/disk/controller_ide.c"
#include "vmm/manager/driver/device.c"
#include "vmm/manager/driver/device_irq.c"
#include "vmm/manager/disk/controller_nvme.c"
#include "vmm/manager/disk/controller_virtio.c"
#include "vmm/manager/pci/pci_address.c"
#include "vmm/manager/text/text.c"
#include "vmm/rt/format.c"

#define DMA_AT 0xc040u

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
		assert_int_equal(port, DMA_AT + 8); /* of the channel that is meant */
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
	assert_int_equal(bar, 0);
	*memory = 9;
	*bytes = function->bar[0].size;
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

enum status pci_msix_set(struct pci_function *function, u32 entry, handle_t irq)
{
	(void)function, (void)irq;
	assert_int_equal(entry, 0);
	return STATUS_OK;
}

enum status pci_msi_set(struct pci_function *function, handle_t irq)
{
	(void)function, (void)irq;
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
	irq_is_line = flags != IRQ_MSI;
	note(flags == IRQ_MSI ? "message on CPU %u, " : "line %u, ", gsi);
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

static int set_up(void **state)
{
	(void)state;
	memset(functions, 0, sizeof(functions));
	memset(drivers, 0, sizeof(drivers));
	function_count = 0;
	add(0, 1, PCI_STORAGE_IDE, 0x80);
	add(0, 2, 0x06, 0x01);		  /* AHCI */
	add(0, 3, PCI_STORAGE_NVME, 0x03); /* of another kind */
	add(0, 4, PCI_STORAGE_NVME, 0x02);
	add(0, 5, PCI_STORAGE_IDE, 0x85); /* native, both channels */
	add(1, 0, PCI_STORAGE_NVME, 0x02);
	add(1, 1, 0, 0); /* some SCSI controller */
	add(1, 2, 0, 0);
	functions[7].vendor = 0x1af4;
	functions[7].device = 0x1042;
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
	return 0;
}

/* What its driver is called; or why there is none. */
static const char *called(const char *wanted, u32 *device)
{
	static char name[DRIVER_NAME_BYTES];
	static char problem[DRIVER_TEXT_BYTES + 64];

	return controller_find(wanted, device, name, problem, sizeof(problem)) != NULL ? name
										      : problem;
}

static void test_names(void **state)
{
	static const struct {
		const char *wanted, *name;
	} cases[] = {
		{"nvme0", "nvme0"},
		{"nvme1", "nvme1"},
		{"01:00.0", "nvme1"},
		{"ide0.0", "ide0.0"},
		{"ide0.3", "ide0.3"},
		{"ide1.2", "ide1.2"},
		{"00:05.0", "ide1.0"},
		{"nvme7 ide0.1", "ide0.1"}, /* the first that is there */
		{"nvme0 ide0.1", "nvme0"},
		{"ide0.1 nvme0", "ide0.1"},
		{"virtio0", "virtio0"},
		{"01:02.0", "virtio0"},
	};
	static const char *const missing[] = {"nvme2", "ide0", "ide0.4", "ide2.0", "00:02.0",
					      "00:03.0", "03:00.0", "nvme0.0", "nvme7 ide7.0",
					      "virtio1", "01:01.0"};
	u32 device;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++)
		assert_string_equal(called(cases[i].wanted, &device), cases[i].name);
	assert_string_equal(called("ide1.2", &device), "ide1.2");
	assert_ptr_equal(device_function(device), &functions[4]);
	assert_int_equal(device_unit(device), 2);
	for (u32 i = 0; i < ARRAY_COUNT(missing); i++)
		assert_true(text_contains(text_of(called(missing[i], &device)),
					  TEXT("not a disk controller of this")));
	functions[3].problem = "its capabilities loop";
	assert_string_equal(called("nvme0", &device), "controller: nvme0: its capabilities loop");
}

/* A second disk of the controller would end with the first one's driver. */
static void test_one_disk(void **state)
{
	u32 device;

	(void)state;
	assert_string_equal(called("ide0.1", &device), "ide0.1");
	drivers[0] = (struct driver){.used = true, .kind = &controller_ide, .device = device};
	string_copy(drivers[0].name, DRIVER_NAME_BYTES, "ide0.1");
	assert_string_equal(called("ide0.1", &device), "ide0.1"); /* for a partition of it */
	assert_string_equal(called("ide0.2", &device),
			    "controller: found ide0.2 beside ide0.1, allowed: one disk of an IDE "
			    "controller");
	assert_string_equal(called("ide1.2", &device), "ide1.2");
}

static void test_equip(void **state)
{
	u32 device;

	(void)state;
	(void)called("ide0.3", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command 170+8; control 376+1; bus master c048+8; "
				   "line 15, irq; ");
	assert_int_equal(page.parameter[DRIVER_UNIT], 1);
	assert_string_equal(functions[0].driver, "ide");
	assert_true(enabled && !process_build_failed(&build));
	given[0] = '\0';
	functions[0].interface = 0; /* no bus mastering; and its line is somebody's */
	line_taken = true;
	(void)called("ide0.0", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command 1f0+8; control 3f6+1; ");
	given[0] = '\0';
	line_taken = false;
	(void)called("ide1.2", &device);
	controller_ide.equip(&build, device);
	assert_string_equal(given, "command d000+8; control d012+1; bus master c048+8; ");
	given[0] = '\0';
	(void)called("nvme0", &device);
	controller_nvme.equip(&build, device);
	assert_string_equal(given, "registers 0+16384; named 0; message on CPU 0, irq; ");
	given[0] = '\0';
	(void)called("virtio0", &device);
	controller_virtio.equip(&build, device);
	assert_string_equal(given, "structures of 1042; message on CPU 0, irq; ");
	assert_string_equal(functions[7].driver, "virtio_blk");
}

/* What was under way is over before DMA is switched on for the next driver. */
static void test_quiet(void **state)
{
	const char *problem = NULL;
	u32 device;

	(void)state;
	(void)called("ide0.2", &device);
	device_irq_drop(device);
	destroyed = 0;
	controller_ide.equip(&build, device);
	quiet_status = STATUS_AGAIN;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_AGAIN);
	assert_int_equal(dma_command, 9);
	quiet_status = STATUS_OK;
	dma_stays = 0xff;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_BAD_STATE);
	assert_string_equal(problem, "its transfer does not end");
	assert_int_equal(destroyed, 0);
	dma_stays = 0x60;
	assert_int_equal(controller_ide.quiet(device, &problem), STATUS_OK);
	assert_int_equal(dma_command, 0);
	assert_int_equal(resets, 1);
	assert_int_equal(control_writes, 2);
	assert_int_equal(destroyed, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {TEST(test_names), TEST(test_one_disk), TEST(test_equip),
					   TEST(test_quiet)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
