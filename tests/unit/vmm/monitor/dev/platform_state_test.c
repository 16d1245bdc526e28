/* SPDX-License-Identifier: MIT */
/* The list of state sections: all of a platform saved and loaded, and what is refused. */
#include "tests/unit/irqchip_fixture.h"
#include "tests/unit/state_layouts.h"

#include "vmm/monitor/bus/bus.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.c"
#include "vmm/monitor/dev/pit_channel.h"
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/dev/platform.c"
#include "vmm/monitor/platform/platform_add.h"
#include "tests/unit/platform_saved.h"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/rt/date.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/dev/watchdog.h"
#include "vmm/monitor/memory/guest_memory.h"
#include "tests/unit/pci_sources.h"

#define ALL_LAPICS 3u
#define SAVED_MAX  (32 * KIB)

static struct platform platform;
static u64 saved[SAVED_MAX / 8];
static u64 again[SAVED_MAX / 8];
static size_t used;

static int setup(void **state)
{
	struct lapic_page *page[2] = {&fixture_page[0], &fixture_page[1]};
	const struct platform_config config = {
		.cpu_count = 2,
		.ram_below_4g = 128 * MIB,
		.lapic_page = page,
		.hpet = true,
		.test_device = true,
	};

	(void)state;
	memset(&platform, 0xa5, sizeof(platform));
	platform.clock = (struct machine_clock){.tsc_khz = 1000000, .wall_ns = NS_PER_S};
	assert_int_equal(platform_init(&platform, &config), STATUS_OK);
	return 0;
}

/* Uses the devices as a guest does. */
static void use(void)
{
	bus_write(&platform.ports, 0x80, 1, 0x42);
	bus_write(&platform.ports, 0x3f8 + 7, 1, 0x17);
	bus_write(&platform.ports, 0x43, 1, 0x34);
	bus_write(&platform.ports, 0x40, 1, 0x9c);
	bus_write(&platform.ports, 0x40, 1, 0x2e);
	bus_write(&platform.memory, TEST_MEMORY + 0xff8, 8, 0x1122334455667788);
	(void)bus_read(&platform.ports, 0xcf8, 4);
	lapic_write(&platform.irqchip.lapic[1], LAPIC_SVR, 0x1ff);
	platform.irqchip.lowest_last = 1;
	platform.irqchip.kick = 2;
}

static void save(u64 lapics)
{
	assert_int_equal(platform_save(&platform, lapics, saved, sizeof(saved), &used), STATUS_OK);
}

static struct state_record *find_saved(enum state_kind kind, u32 instance)
{
	struct state_record *record = platform_find(saved, kind, instance);

	assert_non_null(record);
	return record;
}

static void all_comes_back(void **state)
{
	size_t used_again;

	use();
	save(ALL_LAPICS);
	setup(state);
	assert_int_equal(bus_read(&platform.ports, 0x80, 1), 0);
	assert_int_equal(platform_load(&platform, ALL_LAPICS, saved, used), STATUS_OK);
	assert_int_equal(bus_read(&platform.ports, 0x80, 1), 0x42);
	assert_int_equal(bus_read(&platform.ports, 0x3f8 + 7, 1), 0x17);
	assert_true(bus_read(&platform.memory, TEST_MEMORY + 0xff8, 8) == 0x1122334455667788);
	assert_int_equal(lapic_read(&platform.irqchip.lapic[1], LAPIC_SVR), 0x1ff);
	assert_int_equal(platform.ports.unknown_count, 1);
	assert_int_equal(platform.ports.unknown_last, 0xcf8);
	assert_int_equal(platform.irqchip.lowest_last, 1);
	assert_int_equal(platform.irqchip.kick & 2, 2);
	assert_int_equal(platform_deadline(&platform, 0),
			 pit_deadline(CONTAINER_OF(platform.timed[1], struct pit, device)));

	assert_int_equal(platform_save(&platform, ALL_LAPICS, again, sizeof(again), &used_again),
			 STATUS_OK);
	assert_int_equal(used, used_again);
	find_saved(STATE_LAPIC, 1);
	assert_memory_equal(saved, again, used);
}

/* No two sections have one name, and each has a version. */
static void sections_have_names(void **state)
{
	struct platform_part part = {&platform, ALL_LAPICS};
	struct state_section section;
	struct state_section other;

	(void)state;
	for (u32 i = 0; platform_section(&part, i, &section); i++) {
		assert_true(section.kind != 0 && section.name != NULL);
		assert_int_equal(section.version, state_layouts[section.kind].version);
		for (u32 k = 0; k < i; k++) {
			assert_true(platform_section(&part, k, &other));
			assert_false(section.kind == other.kind &&
				     section.instance == other.instance);
		}
	}
}

static void local_apics_can_be_left_out(void **state)
{
	size_t all;

	use();
	save(ALL_LAPICS);
	all = used;
	save(1);
	assert_true(used < all);
	assert_int_equal(platform_load(&platform, ALL_LAPICS, saved, used), STATUS_BAD_FORMAT);
	assert_int_equal(platform_problem.fault, STATE_MISSING);
	setup(state);
	assert_int_equal(platform_load(&platform, 1, saved, used), STATUS_OK);
	assert_int_not_equal(lapic_read(&platform.irqchip.lapic[1], LAPIC_SVR), 0x1ff);
	assert_int_equal(bus_read(&platform.ports, 0x80, 1), 0x42);
}

static void refused(enum state_fault fault, enum state_kind kind)
{
	bus_write(&platform.ports, 0x80, 1, 0x99);
	assert_int_equal(platform_load(&platform, ALL_LAPICS, saved, used), STATUS_BAD_FORMAT);
	assert_int_equal(platform_problem.fault, fault);
	assert_int_equal(platform_problem.type, kind);
	assert_int_equal(bus_read(&platform.ports, 0x80, 1), 0x99);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	use();
	save(ALL_LAPICS);
	assert_int_equal(platform_save(&platform, ALL_LAPICS, again, used - 1, &used),
			 STATUS_TOO_BIG);
	save(ALL_LAPICS);
	find_saved(STATE_HPET, 0)->version++;
	refused(STATE_OTHER_VERSION, STATE_HPET);
	save(ALL_LAPICS);
	find_saved(STATE_RTC, 0)->type = 999;
	refused(STATE_SURPLUS, 999);
	save(ALL_LAPICS);
	find_saved(STATE_RTC, 0)->type = 999 | STATE_SKIPPABLE;
	refused(STATE_MISSING, STATE_RTC);
	save(ALL_LAPICS);
	find_saved(STATE_SERIAL, 0)->instance = 1;
	refused(STATE_SURPLUS, STATE_SERIAL);
	save(ALL_LAPICS);
	/* two sections are of the same kind and instance */
	find_saved(STATE_LAPIC, 1)->instance = 0;
	refused(STATE_SURPLUS, STATE_LAPIC);
	assert_int_equal(platform_problem.record, 1);
	save(ALL_LAPICS);
	find_saved(STATE_LAPIC, 1)->length -= 8;
	assert_int_equal(platform_load(&platform, ALL_LAPICS, saved, used), STATUS_BAD_FORMAT);
	save(ALL_LAPICS);
	((struct state_header *)saved)->vendor = STATE_VENDOR_SVM;
	refused(STATE_OTHER_VENDOR, 0);
}

/* Contents that no guest can bring about, late in the list: what comes before it is not loaded. */
static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	use();
	save(ALL_LAPICS);
	((struct debug_state *)(find_saved(STATE_DEBUG, 0) + 1))->code = 0x100;
	refused(STATE_INVALID, STATE_DEBUG);
	save(ALL_LAPICS);
	((struct irqchip_saved *)(find_saved(STATE_IRQCHIP, 0) + 1))->lowest_last = 2;
	refused(STATE_INVALID, STATE_IRQCHIP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_comes_back, setup),
		cmocka_unit_test_setup(sections_have_names, setup),
		cmocka_unit_test_setup(local_apics_can_be_left_out, setup),
		cmocka_unit_test_setup(what_does_not_fit_is_refused, setup),
		cmocka_unit_test_setup(what_cannot_be_is_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
