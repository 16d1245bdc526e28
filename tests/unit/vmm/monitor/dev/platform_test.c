/* SPDX-License-Identifier: MIT */
/* The devices wired together: from a port access to the vector that the processor gets. */
#include "tests/unit/irqchip_fixture.h"

#include "vmm/monitor/bus/bus.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.h"
#include "vmm/monitor/dev/pit_channel.h"
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/dev/platform.c"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/dev/platform_firmware.c"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/rt/date.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/dev/watchdog.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "tests/unit/pci_sources.h"

#define LAPIC(offset) (LAPIC_DEFAULT_ADDRESS + (offset))

static struct platform platform;
static char sent[16];
static u32 sent_count;

static void put(void *context, u8 byte)
{
	assert_ptr_equal(context, &platform);
	sent[sent_count++ % sizeof(sent)] = (char)byte;
}

static void power_on(bool hpet)
{
	struct lapic_page *page[2] = {&fixture_page[0], &fixture_page[1]};
	const struct platform_config config = {
		.cpu_count = 2,
		.ram_below_4g = 128 * MIB,
		.serial_put = put,
		.serial_context = &platform,
		.lapic_page = page,
		.hpet = hpet,
	};

	memset(&platform, 0xa5, sizeof(platform));
	platform.clock = (struct machine_clock){.tsc_khz = 1000000, .wall_ns = NS_PER_S};
	sent_count = 0;
	assert_int_equal(platform_init(&platform, &config), STATUS_OK);
}

static int setup(void **state)
{
	(void)state;
	power_on(false);
	return 0;
}

static void out(u32 port, u32 value)
{
	bus_write(&platform.ports, port, 1, value);
}

static u32 in(u32 port)
{
	return (u32)bus_read(&platform.ports, port, 1);
}

static void run_until(u64 ns)
{
	platform.clock.now_ns = ns;
	platform.clock.guest_tsc = ns;
	platform_tick(&platform, 0);
	platform_tick(&platform, 1);
}

static void pit_through_the_8259(void **state)
{
	(void)state;
	assert_int_equal(platform_deadline(&platform, 0), DEADLINE_NONE);
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0x43, 0x34);
	out(0x40, 0x9c);
	out(0x40, 0x2e); /* 11932: 10 ms */
	/* The output was high before, as firmware leaves it: no edge yet. */
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	platform.irqchip.kick = 0;
	run_until(9 * NS_PER_MS);
	assert_int_equal(platform.irqchip.kick, 0);
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	assert_in_range(platform_deadline(&platform, 0), 10 * NS_PER_MS, 10 * NS_PER_MS + 3000);
	run_until(platform_deadline(&platform, 0));
	assert_int_equal(platform.irqchip.kick, 1);
	assert_int_equal(irqchip_take_interrupt(&platform.irqchip, 0), 0x20);
	/* The other CPU has only its own APIC's deadline. */
	assert_int_equal(platform_deadline(&platform, 1), DEADLINE_NONE);
}

/* As a PC's firmware starts code in real mode: INT 8 comes 18.2 times a second. */
static void timer_of_the_firmware(void **state)
{
	(void)state;
	platform_firmware(&platform);
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	for (u32 i = 1; i <= 3; i++) {
		assert_in_range(platform_deadline(&platform, 0), i * 54925 * NS_PER_US,
				i * 54926 * NS_PER_US + NS_PER_US);
		run_until(platform_deadline(&platform, 0));
		assert_int_equal(irqchip_take_interrupt(&platform.irqchip, 0), 8);
		assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
		out(0x20, 0x20);
	}
	/* The slave's inputs have their vectors, and are let through when they are asked for. */
	irqchip_set_line(&platform.irqchip, 12, true);
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	out(0xa1, 0xef);
	assert_int_equal(irqchip_take_interrupt(&platform.irqchip, 0), 0x74);
	platform_reset(&platform);
	assert_int_equal(platform_deadline(&platform, 0), DEADLINE_NONE);
	assert_int_equal(in(0x21), 0xff);
}

static void put_hpet(u32 offset, u64 value)
{
	platform_memory_write(&platform, 0, HPET_DEFAULT_ADDRESS + offset, 8, value);
}

static bool ioapic_line(u32 pin)
{
	return platform.irqchip.ioapic.state.line >> pin & 1;
}

/* In legacy replacement mode the HPET drives the PIT's line, and the PIT again afterwards. */
static void hpet_in_place_of_the_pit(void **state)
{
	(void)state;
	power_on(true);
	assert_true(ioapic_line(2)); /* the PIT's output */
	put_hpet(HPET_TIMERS, HPET_TIMER_ENABLE | HPET_TIMER_LEVEL);
	put_hpet(HPET_TIMERS + HPET_TIMER_COMPARATOR, 100);
	put_hpet(HPET_CONFIGURATION, HPET_ENABLE | HPET_LEGACY);
	assert_false(ioapic_line(2));
	out(0x43, 0x30);
	out(0x43, 0x34); /* the PIT's output goes low and high */
	assert_false(ioapic_line(2));
	assert_int_equal(platform_deadline(&platform, 0), 1000);
	run_until(1000);
	assert_true(ioapic_line(2));
	put_hpet(HPET_STATUS, 1);
	assert_false(ioapic_line(2));
	put_hpet(HPET_CONFIGURATION, HPET_ENABLE);
	out(0x43, 0x34);
	assert_true(ioapic_line(2));
}

/* A line that nothing but the HPET drives goes low when the HPET releases it. */
static void hpet_leaves_its_line_low(void **state)
{
	(void)state;
	power_on(true);
	put_hpet(HPET_TIMERS, HPET_TIMER_ENABLE | 20u << HPET_TIMER_ROUTE_SHIFT);
	put_hpet(HPET_TIMERS + HPET_TIMER_COMPARATOR, 100);
	put_hpet(HPET_CONFIGURATION, HPET_ENABLE);
	run_until(1000);
	assert_true(ioapic_line(20));
	put_hpet(HPET_TIMERS, 0);
	assert_false(ioapic_line(20));
}

static void serial_through_the_ioapic(void **state)
{
	(void)state;
	platform_memory_write(&platform, 0, LAPIC(LAPIC_SVR), 4, 0x1ff);
	platform_memory_write(&platform, 0, IOAPIC_DEFAULT_ADDRESS, 4, 0x10 + 2 * 4);
	platform_memory_write(&platform, 0, IOAPIC_DEFAULT_ADDRESS + 0x10, 4, 0x34);
	out(0x3fc, 0x0b);
	out(0x3f9, 0x02);
	assert_int_equal(irqchip_take_interrupt(&platform.irqchip, 0), 0x34);
	out(0x3f8, 'X');
	assert_int_equal(sent[0], 'X');
	/* the interrupt is in service */
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	platform_memory_write(&platform, 0, LAPIC(LAPIC_EOI), 4, 0);
	assert_int_equal(irqchip_take_interrupt(&platform.irqchip, 0), 0x34);
}

static void each_cpu_has_its_own_apic(void **state)
{
	(void)state;
	assert_int_equal(platform_memory_read(&platform, 0, LAPIC(LAPIC_ID), 4), 0);
	assert_int_equal(platform_memory_read(&platform, 1, LAPIC(LAPIC_ID), 4), 1u << 24);
	platform_memory_write(&platform, 1, LAPIC(LAPIC_SVR), 4, 0x1ff);
	platform_memory_write(&platform, 1, LAPIC(LAPIC_LVT_TIMER), 4, 0x40);
	platform_memory_write(&platform, 1, LAPIC(LAPIC_TIMER_INITIAL), 4, 500);
	assert_int_equal(platform_deadline(&platform, 1), 1000);
	assert_int_equal(platform_deadline(&platform, 0), DEADLINE_NONE);
	run_until(1000);
	assert_int_equal(platform.irqchip.kick, 2);
}

/* The devices' time is CPU 0's business, so that no two CPUs are woken up for it. */
static void devices_tick_on_cpu_0(void **state)
{
	u64 deadline;

	(void)state;
	out(0x43, 0x34);
	out(0x40, 0);
	out(0x40, 0x10);
	deadline = platform_deadline(&platform, 0);
	assert_in_range(deadline, 3 * NS_PER_MS, 4 * NS_PER_MS);
	assert_int_equal(platform_deadline(&platform, 1), DEADLINE_NONE);
	platform.clock.now_ns = deadline;
	platform_tick(&platform, 1);
	assert_int_equal(platform_deadline(&platform, 0), deadline);
	platform_tick(&platform, 0);
	assert_true(platform_deadline(&platform, 0) > deadline);
}

/* The cursor's registers take writes as words and read back; others read as all ones. */
static void crtc_keeps_the_cursor(void **state)
{
	(void)state;
	out(0x3d4, 0x0e);
	assert_int_equal(in(0x3d5), 0);
	bus_write(&platform.ports, 0x3d4, 2, 0x070e);
	bus_write(&platform.ports, 0x3d4, 2, 0x800f);
	assert_int_equal(in(0x3d4), 0x0f);
	assert_int_equal(in(0x3d5), 0x80);
	out(0x3d4, 0x0e);
	assert_int_equal(in(0x3d5), 0x07);
	out(0x3d4, 0x19); /* there is no such register */
	out(0x3d5, 0x55);
	assert_int_equal(in(0x3d5), 0xff);
	assert_int_equal(platform.ports.unknown_count, 0);
}

static void nobody_there(void **state)
{
	(void)state;
	assert_int_equal(in(0x94), 0xff);
	assert_int_equal(bus_read(&platform.ports, 0xcf8, 4), 0xffffffff);
	assert_int_equal(platform.ports.unknown_count, 2);
	assert_int_equal(platform.ports.unknown_last, 0xcf8);
	assert_int_equal(platform_memory_read(&platform, 0, 0xfed00000, 4), 0xffffffff);
	assert_int_equal(platform_memory_read(&platform, 0, LAPIC(0xffe), 4), 0xffffffff);
	assert_int_equal(platform.memory.unknown_count, 2);
	/* A disabled APIC's address is unclaimed. */
	assert_true(lapic_msr_write(&platform.irqchip.lapic[0], MSR_APIC_BASE, 0xfee00100, 40));
	assert_int_equal(platform_memory_read(&platform, 0, LAPIC(LAPIC_VERSION), 4), 0xffffffff);
	platform_memory_write(&platform, 0, LAPIC(LAPIC_TPR), 4, 0);
	assert_int_equal(platform.memory.unknown_count, 4);
}

static void events_and_reset(void **state)
{
	(void)state;
	bus_write(&platform.ports, 0x604, 2, 5u << 10 | 1u << 13);
	assert_int_equal(platform.events.pending, MACHINE_POWER_OFF);
	bus_write(&platform.ports, 0x501, 2, 41);
	assert_int_equal(platform.events.exit_code, 41);
	bus_write(&platform.ports, 0xf4, 4, 3);
	out(0x64, 0xfe);
	assert_int_equal(platform.events.pending, MACHINE_POWER_OFF | MACHINE_EXIT | MACHINE_RESET);
	assert_int_equal(platform.events.exit_code, 3);
	out(0x43, 0x34);
	out(0x40, 0x9c);
	out(0x40, 0x2e);
	acpi_pm_power_button(platform.acpi_pm);
	bus_write(&platform.ports, 0x602, 2, ACPI_PM1_PWRBTN);
	assert_true(platform.irqchip.ioapic.state.line & 1u << 9);
	platform_memory_write(&platform, 0, LAPIC(LAPIC_TPR), 4, 0x50);
	/* Changes something in each device. */
	out(0x21, 0x12);
	out(0x3ff, 0x77);
	out(0x80, 0x77);
	out(0x70, RTC_B);
	out(0x71, RTC_B_24H | RTC_B_PIE);
	bus_write(&platform.ports, 0x510, 2, FW_CFG_CPU_COUNT);
	platform_memory_write(&platform, 0, IOAPIC_DEFAULT_ADDRESS, 4, 0x10);
	platform_memory_write(&platform, 0, IOAPIC_DEFAULT_ADDRESS + 0x10, 4, 0x34);
	out(0xcf9, 0x06);

	platform_reset(&platform);
	assert_int_equal(in(0x21), 0xff);
	assert_int_equal(in(0x3ff), 0);
	assert_int_equal(in(0x80), 0);
	out(0x70, RTC_B);
	assert_int_equal(in(0x71), RTC_B_24H);
	assert_int_equal(in(0x511), 'Q');
	assert_int_equal(in(0xcf9), 0);
	assert_int_equal(bus_read(&platform.ports, 0x600, 4), 0);
	platform_memory_write(&platform, 0, IOAPIC_DEFAULT_ADDRESS, 4, 0x10);
	assert_int_equal(platform_memory_read(&platform, 0, IOAPIC_DEFAULT_ADDRESS + 0x10, 4),
			 IOAPIC_ENTRY_MASKED);
	assert_int_equal(platform.irqchip.kick, 0);
	assert_int_equal(platform.events.pending, 0);
	assert_int_equal(platform.irqchip.ioapic.state.line, 1u << 2); /* the PIT's output */
	assert_int_equal(platform_deadline(&platform, 0), DEADLINE_NONE);
	assert_int_equal(platform_memory_read(&platform, 0, LAPIC(LAPIC_TPR), 4), 0);
	assert_int_equal(irqchip_pending(&platform.irqchip, 0), 0);
	assert_int_equal(irqchip_pending(&platform.irqchip, 1), PENDING_WAIT);
}

static void words_at_byte_ports(void **state)
{
	(void)state;
	/* A word at the CMOS ports is index and data. */
	bus_write(&platform.ports, 0x70, 2, 0x5a7f);
	assert_int_equal(bus_read(&platform.ports, 0x70, 2), 0x5aff);
	bus_write(&platform.ports, 0x510, 2, FW_CFG_CPU_COUNT);
	assert_int_equal(in(0x511), 2);
}

static void no_reset(struct device *device)
{
	(void)device;
}

/* Devices that do not fit are refused, and the platform still serves the others. */
static void too_many_devices(void **state)
{
	static struct device others[PLATFORM_DEVICE_MAX];
	static const struct device_ops no_ops = {.reset = no_reset};
	static const struct device_region twice_regions[] = {
		{DEVICE_PORTS, 0x9000, 4}, {DEVICE_MEMORY, 0x9000, 4}, {DEVICE_PORTS, 0x3ff, 1}};
	static struct device twice = {.ops = &no_ops, .regions = twice_regions, .region_count = 3};
	static const struct platform_config config = {0};
	u32 count = platform.device_count;
	void *memory = NULL;

	(void)state;
	assert_int_equal(platform_add(&platform, &twice), STATUS_IN_USE);
	assert_int_equal(platform.device_count, count);
	assert_int_equal(bus_read(&platform.ports, 0x9000, 1), 0xff);
	assert_int_equal(bus_read(&platform.ports, 0x3fd, 1), 0x60);
	for (u32 i = platform.device_count; i < PLATFORM_DEVICE_MAX; i++) {
		others[i].ops = &no_ops;
		assert_int_equal(platform_add(&platform, &others[i]), STATUS_OK);
	}
	assert_int_equal(platform_add(&platform, &others[0]), STATUS_NO_MEMORY);
	assert_int_equal(platform.device_count, PLATFORM_DEVICE_MAX);

	assert_null(platform_take(&platform, PLATFORM_STORAGE_BYTES));
	for (u8 *next; (next = platform_take(&platform, 24)) != NULL; memory = next) {
		assert_int_equal((uintptr_t)next % 16, 0);
		assert_true(next >= platform.storage &&
			    next + 24 <= platform.storage + sizeof(platform.storage));
		for (u32 i = 0; i < 24; i++)
			assert_int_equal(next[i], 0);
	}
	assert_non_null(memory);
	assert_int_equal(crtc_attach(&platform, &config), STATUS_NO_MEMORY);
	platform_reset(&platform);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pit_through_the_8259, setup),
		cmocka_unit_test_setup(timer_of_the_firmware, setup),
		cmocka_unit_test(hpet_in_place_of_the_pit),
		cmocka_unit_test(hpet_leaves_its_line_low),
		cmocka_unit_test_setup(serial_through_the_ioapic, setup),
		cmocka_unit_test_setup(each_cpu_has_its_own_apic, setup),
		cmocka_unit_test_setup(devices_tick_on_cpu_0, setup),
		cmocka_unit_test_setup(crtc_keeps_the_cursor, setup),
		cmocka_unit_test_setup(nobody_there, setup),
		cmocka_unit_test_setup(events_and_reset, setup),
		cmocka_unit_test_setup(words_at_byte_ports, setup),
		cmocka_unit_test_setup(too_many_devices, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
