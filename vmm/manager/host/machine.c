/* SPDX-License-Identifier: MIT */
/*
 * The host as a whole: the kernel's page, ACPI tables, interrupt lines, the clock and power. Called
 * by most of the manager; set up by main.c. Owns the window into physical memory and the facts that
 * were read at the start.
 */
#include "lib/bits.h"
#include "lib/checked.h"
#include "lib/string.h"
#include "vmm/hw/acpi_fixed.h"
#include "vmm/manager/host/host_rtc.h"
#include "vmm/manager/host/host_smbios.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/manager/host/serial.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define CMOS_INDEX     0x70u
#define CMOS_DATA      0x71u
#define RTC_TRIES      10000u
#define ECAM_MAX       16u
#define ACPI_ENABLE_NS (300 * NS_PER_MS)
#define POWER_OFF_NS   (5 * NS_PER_S)

enum rtc_register { /* MC146818, figure 9 */
		    RTC_SECOND = 0x00,
		    RTC_MINUTE = 0x02,
		    RTC_HOUR = 0x04,
		    RTC_DAY = 0x07,
		    RTC_MONTH = 0x08,
		    RTC_YEAR = 0x09,
		    RTC_STATUS_A = 0x0a,
		    RTC_STATUS_B = 0x0b,
};
#define RTC_UPDATING 0x80u

static const struct kernel_page *page;
static struct host_power power;
static struct host_ecam ecam[ECAM_MAX];
static u32 ecam_count;
static struct host_lines lines;
/* For each I/O APIC: the IOMMU through which it raises its lines, and its requester id there. */
static struct {
	u64 unit;
	u16 requester;
} line_units[HOST_IOAPICS_MAX];
/* the last irq object that was made for each ISA line; the object may have been destroyed since */
static handle_t line_irqs[HOST_ISA_LINES];
static u64 wall_seconds; /* Unix time at wall_tsc; 0: the time is not known */
static u64 wall_tsc;

/* The part of physical memory that is mapped for the parser of ACPI tables. */
static struct {
	u64 hpa;
	u64 bytes;
	u64 address;
} window;

const struct kernel_page *machine_page(void)
{
	return page;
}

static bool machine_map_kernel_page(void)
{
	const struct start_entry *entry = start_find(START_KERNEL_PAGE);
	u64 bytes = entry != NULL ? align_up(entry->offset + entry->value, PAGE_SIZE) : 0;
	u64 address;

	if (entry == NULL || sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0, bytes,
					   RIGHT_READ, &address) != STATUS_OK)
		return false;
	page = (const struct kernel_page *)(address + entry->offset);
	return true;
}

static void machine_window_close(void)
{
	if (window.bytes != 0)
		sys_space_unmap(start_handle(START_SPACE), window.address, window.bytes);
	window.bytes = 0;
}

static const u8 *machine_read_physical(void *context, u64 hpa, u64 bytes)
{
	u64 first = align_down(hpa, PAGE_SIZE);
	u64 size = align_up(hpa - first + bytes, PAGE_SIZE);
	handle_t memory;
	enum status status;

	(void)context;
	if (hpa >= window.hpa && range_within(hpa - window.hpa, bytes, window.bytes))
		return (const u8 *)window.address + (hpa - window.hpa);
	machine_window_close();
	if (hpa + bytes < hpa ||
	    sys_memory_physical(start_handle(START_ROOT), first, size, 0, &memory) != STATUS_OK)
		return NULL;
	status = sys_space_map(start_handle(START_SPACE), 0, memory, 0, size, RIGHT_READ,
			       &window.address);
	sys_handle_close(memory);
	if (status != STATUS_OK)
		return NULL;
	window.hpa = first;
	window.bytes = size;
	return (const u8 *)window.address + (hpa - first);
}

static u8 machine_cmos_read(u8 index)
{
	port_out8(CMOS_INDEX, index);
	return port_in8(CMOS_DATA);
}

static void machine_rtc_read_once(struct host_rtc *rtc)
{
	*rtc = (struct host_rtc){
		.second = machine_cmos_read(RTC_SECOND),
		.minute = machine_cmos_read(RTC_MINUTE),
		.hour = machine_cmos_read(RTC_HOUR),
		.day = machine_cmos_read(RTC_DAY),
		.month = machine_cmos_read(RTC_MONTH),
		.year = machine_cmos_read(RTC_YEAR),
		.century = power.century != 0 && power.century < 0x80
				   ? machine_cmos_read(power.century)
				   : 0,
		.status_b = machine_cmos_read(RTC_STATUS_B),
	};
}

/* Reads the CMOS clock until two readings agree with no update between them. */
static void machine_rtc_read(void)
{
	struct host_rtc first = {.second = 0xff};
	struct host_rtc second;

	if (sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF), CMOS_INDEX, 2) !=
	    STATUS_OK)
		return;
	for (u32 i = 0; i < RTC_TRIES; i++) {
		if ((machine_cmos_read(RTC_STATUS_A) & RTC_UPDATING) != 0)
			continue;
		machine_rtc_read_once(&second);
		if (memcmp(&first, &second, sizeof(first)) == 0)
			break;
		first = second;
	}
	wall_tsc = clock_tsc();
	if (!host_rtc_to_unix(&first, &wall_seconds))
		wall_seconds = 0;
}

u32 machine_ecam(const struct host_ecam **found)
{
	*found = ecam;
	return ecam_count;
}

const struct host_lines *machine_lines(void)
{
	return &lines;
}

static void machine_route_line(u32 line)
{
	u32 n = lines.ioapic_count;
	u64 ignored;

	while (n > 0 && lines.ioapic[n - 1].gsi_base > lines.isa[line].gsi)
		n--;
	if (n > 0 && line_irqs[line] != HANDLE_NONE && line_units[n - 1].unit != IOMMU_NOBODY)
		(void)!sys_irq_message(line_irqs[line], line_units[n - 1].unit,
				       line_units[n - 1].requester, &ignored);
}

enum status machine_isa_irq(u32 line, u32 flags, handle_t *irq)
{
	const struct host_isa *isa = &lines.isa[line % HOST_ISA_LINES];
	enum status status =
		sys_irq_create(start_handle(START_ROOT), isa->gsi, isa->flags | flags, irq);

	if (status != STATUS_OK)
		return status;
	line_irqs[line % HOST_ISA_LINES] = *irq;
	machine_route_line(line % HOST_ISA_LINES);
	return STATUS_OK;
}

void machine_lines_remap(u32 ioapic, u64 unit, u16 requester)
{
	line_units[ioapic].unit = unit;
	line_units[ioapic].requester = requester;
	for (u32 line = 0; line < HOST_ISA_LINES; line++)
		machine_route_line(line);
}

const u8 *machine_acpi_open(const char *signature, u32 *bytes)
{
	return host_acpi_find(start_info->rsdp, machine_read_physical, NULL, signature, bytes);
}

void machine_acpi_close(void)
{
	machine_window_close();
}

bool machine_uuid(u8 id[16])
{
	bool found = host_smbios_uuid(machine_read_physical, NULL, id);

	machine_window_close();
	return found;
}

enum status machine_init(void)
{
	const u8 *madt;
	u32 bytes = 0;

	if (!machine_map_kernel_page())
		return STATUS_NOT_FOUND;
	host_acpi_parse(start_info->rsdp, machine_read_physical, NULL, &power);
	madt = host_acpi_find(start_info->rsdp, machine_read_physical, NULL, "APIC", &bytes);
	host_lines_parse(madt, bytes, &lines);
	for (u32 i = 0; i < HOST_IOAPICS_MAX; i++)
		line_units[i].unit = IOMMU_NOBODY;
	ecam_count = host_acpi_ecam(start_info->rsdp, machine_read_physical, NULL, ecam, ECAM_MAX);
	machine_window_close();
	machine_rtc_read();
	return STATUS_OK;
}

u64 machine_time_ns(void)
{
	return clock_tsc_to_ns(clock_tsc() - page->boot_tsc);
}

u64 machine_wall_seconds(u64 tsc)
{
	if (wall_seconds == 0)
		return 0;
	return wall_seconds + clock_tsc_to_ns(tsc - wall_tsc) / NS_PER_S;
}

void machine_wall_base(u64 *seconds, u64 *tsc)
{
	*seconds = wall_seconds;
	*tsc = wall_tsc;
}

u64 machine_start_unix_ns(void)
{
	if (wall_seconds == 0)
		return 0;
	return wall_seconds * NS_PER_S - clock_tsc_to_ns(wall_tsc - page->boot_tsc);
}

static void machine_flush_consoles(void)
{
	serial_flush(SERIAL_COM1);
	serial_flush(SERIAL_COM2);
}

/*
 * Turns ACPI mode on (ACPI 4.8.2.5): outside it the firmware owns the power-management registers.
 */
static void machine_enable_acpi_mode(void)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(ACPI_ENABLE_NS);

	if ((port_in16(power.pm1a_control) & ACPI_PM1_SCI_EN) != 0 || power.smi_command == 0 ||
	    power.acpi_enable == 0 ||
	    sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF), power.smi_command,
			    1) != STATUS_OK)
		return;
	port_out8(power.smi_command, power.acpi_enable);
	while ((port_in16(power.pm1a_control) & ACPI_PM1_SCI_EN) == 0 && clock_tsc() < deadline)
		;
}

static u16 machine_sleep_value(u16 control, u8 type)
{
	u32 kept = control & ~(u32)(ACPI_PM1_SLP_TYP | ACPI_PM1_SLP_EN);
	u32 sleep = ((u32)type << ACPI_PM1_SLP_TYP_SHIFT & ACPI_PM1_SLP_TYP) | ACPI_PM1_SLP_EN;

	return (u16)(kept | sleep);
}

const char *machine_power_problem(void)
{
	return power.problem;
}

const char *machine_power_off(void)
{
	handle_t root = start_handle(START_ROOT);
	handle_t self = start_handle(START_SELF);

	if (power.problem != NULL)
		return power.problem;
	if (sys_ports_grant(root, self, power.pm1a_control, 2) != STATUS_OK)
		return "the PM1a control port is not available";
	machine_flush_consoles();
	machine_enable_acpi_mode();
	/*
	 * ACPI 7.4.2: each of the two control registers (PM1a, PM1b) gets its type of sleep; the
	 * last write takes effect.
	 */
	if (power.pm1b_control != 0 &&
	    sys_ports_grant(root, self, power.pm1b_control, 2) == STATUS_OK)
		port_out16(power.pm1b_control,
			   machine_sleep_value(port_in16(power.pm1b_control), power.sleep_type_b));
	port_out16(power.pm1a_control,
		   machine_sleep_value(port_in16(power.pm1a_control), power.sleep_type_a));
	for (u64 end = clock_tsc() + clock_ns_to_tsc(POWER_OFF_NS); clock_tsc() < end;)
		;
	return "it does not obey its power register";
}

const char *machine_reboot(void)
{
	machine_flush_consoles();
	sys_machine_reset(start_handle(START_ROOT), power.reset_port, power.reset_value);
	return "the kernel refused";
}
