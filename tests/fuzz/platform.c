/* SPDX-License-Identifier: MIT */
/*
 * All that a guest sees of ports and device memory, wired as it ships: accesses of every size to
 * every address, within what the kernel promises the bus.
 */
/*
 * Counted elsewhere: vmm/monitor/irqchip/ vmm/monitor/dev/acpi_pm vmm/monitor/dev/fw_cfg
 * vmm/monitor/dev/hpet vmm/monitor/dev/pit vmm/monitor/dev/reset vmm/monitor/dev/rtc
 * vmm/monitor/dev/serial
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/irqchip_fixture.h"

#include "vmm/monitor/bus/bus.c"
#include "vmm/monitor/dev/acpi_pm.c"
#include "vmm/monitor/dev/crtc.c"
#include "vmm/monitor/dev/debug.c"
#include "vmm/monitor/dev/fw_cfg.c"
#include "vmm/monitor/dev/fw_cfg_dma.c"
#include "vmm/monitor/dev/hpet.c"
#include "vmm/monitor/dev/pit.c"
#include "vmm/monitor/dev/pit_channel.c"
#include "vmm/monitor/dev/firmware_log.c"
#include "vmm/monitor/dev/flash.c"
#include "vmm/monitor/dev/platform.c"
#include "vmm/monitor/platform/platform_add.c"
#include "tests/unit/platform_saved.h"
#include "vmm/monitor/dev/pvpanic.c"
#include "vmm/monitor/dev/reset.c"
#include "vmm/monitor/dev/rtc.c"
#include "vmm/rt/date.c"
#include "vmm/monitor/dev/serial.c"
#include "vmm/monitor/dev/test_device.c"
#include "vmm/monitor/dev/watchdog.c"
#include "vmm/monitor/memory/guest_memory.c"
#include "tests/unit/pci_sources.h"

static struct platform platform;

static void put(void *context, u8 byte)
{
	(void)context;
	(void)byte;
}

static void show(u64 at, u64 page)
{
	(void)page;
	CHECK_THAT(at >= TEST_WINDOW && at < TEST_WINDOW + TEST_WINDOWS * PAGE_SIZE);
}

static u8 ram[64 * KIB];
static struct guest_memory ram_map;

static void draw(void *bytes, size_t count)
{
	memset(bytes, 0x5a, count);
}

/* The clock of each access is stale: a device that looked at it past device_now_ns would show. */
static u64 now_ns;

static void refresh(struct machine_clock *clock, bool wall)
{
	clock->stale = wall ? 0 : clock->stale & CLOCK_WALL_STALE;
	clock->now_ns = now_ns;
	if (wall)
		clock->wall_ns = 1000000000 + now_ns;
	clock->guest_tsc = now_ns;
}

static void make_stale(void)
{
	platform.clock.stale = CLOCK_STALE;
	platform.clock.now_ns = 0;
	platform.clock.wall_ns = 0;
}

static void port_put(void *context, u32 port, u8 byte)
{
	CHECK_THAT(port < VIRTIO_CONSOLE_PORTS);
	put(context, byte);
}

static void start(u8 what)
{
	static const char ports[][CHANNEL_NAME_BYTES] = {"", "agent", "", "log"};
	static const char no_ports[VIRTIO_CONSOLE_PORTS][CHANNEL_NAME_BYTES];
	struct lapic_page *page[2] = {&fixture_page[0], &fixture_page[1]};
	const struct platform_config config = {
		.cpu_count = 2,
		.ram_below_4g = 128 * MIB,
		.serial_put = put,
		.lapic_page = page,
		.test_device = what & 1,
		.hpet = what & 2,
		.test_show = show,
		.pci = what & 4,
		.pci_high_base = 4 * GIB,
		.memory = &ram_map,
		.random_draw = draw,
		.virtio_rng = (what & 4) && (what & 8),
		.virtio_console = (what & 4) && (what & 16),
		.port_put = port_put,
		.port_name = (what & 36) == 36 ? ports : no_ports,
	};

	memset(&platform, 0, sizeof(platform));
	guest_memory_init(&ram_map, ram, sizeof(ram));
	memset(fixture_page, 0, sizeof(fixture_page));
	platform.clock = (struct machine_clock){
		.tsc_khz = 1000000, .wall_ns = 1000000000, .update = refresh};
	now_ns = 0;
	CHECK_THAT(platform_init(&platform, &config) == STATUS_OK);
}

static void pass_time(struct fuzz *fuzz)
{
	u64 ns = fuzz_number(fuzz) % (3600ull * 1000000000);

	now_ns += ns;
	refresh(&platform.clock, true);
	for (u32 cpu = 0; cpu < 2; cpu++) {
		platform_tick(&platform, cpu);
		CHECK_THAT(platform_deadline(&platform, cpu) > platform.clock.now_ns);
	}
}

static void run_cpu(u32 cpu)
{
	u32 pending = irqchip_pending(&platform.irqchip, cpu);

	if (pending & PENDING_INIT)
		irqchip_take_init(&platform.irqchip, cpu);
	else if (pending & PENDING_SIPI)
		(void)irqchip_take_sipi(&platform.irqchip, cpu);
	else if (pending & PENDING_NMI)
		irqchip_take_nmi(&platform.irqchip, cpu);
	else if (pending & PENDING_MASKABLE)
		CHECK_THAT(irqchip_take_interrupt(&platform.irqchip, cpu) >= 0);
}

/*
 * Saves one device and loads it again. Nothing is lost: interrupt lines are part of the
 * controllers' state.
 */
static void save_and_load(u8 which)
{
	struct device *device = platform.device[which % platform.device_count];
	u64 saved[1024];

	CHECK_THAT(device->state_bytes <= sizeof(saved));
	device_tick(device);
	CHECK_THAT(device_save(device, saved, device->state_bytes) == STATUS_OK);
	CHECK_THAT(device_load(device, saved, device->state_bytes) == STATUS_OK);
	CHECK_THAT(memcmp(saved, device->state, device->state_bytes) == 0);
}

/*
 * Saves all sections and loads them again. With a byte changed the sections are refused, or do no
 * harm.
 */
static void save_and_load_all(struct fuzz *fuzz)
{
	static u64 saved[4096];
	static u64 again[4096];
	size_t used;
	size_t used_again;

	for (u32 cpu = 0; cpu < 2; cpu++)
		lapic_tick(&platform.irqchip.lapic[cpu]);
	for (u32 i = 0; i < platform.timed_count; i++)
		device_tick(platform.timed[i]);
	platform.irqchip.kick = 0;
	CHECK_THAT(platform_save(&platform, 3, saved, sizeof(saved), &used) == STATUS_OK);
	CHECK_THAT(platform_load(&platform, 3, saved, used) == STATUS_OK);
	platform.irqchip.kick = 0;
	CHECK_THAT(platform_save(&platform, 3, again, sizeof(again), &used_again) == STATUS_OK);
	CHECK_THAT(used == used_again && memcmp(saved, again, used) == 0);
	((u8 *)saved)[fuzz_number(fuzz) % used] = fuzz_u8(fuzz);
	(void)!platform_load(&platform, 3, saved, used);
}

static u64 devices_deadline(void)
{
	u64 deadline = DEADLINE_NONE;

	for (u32 i = 0; i < platform.timed_count; i++)
		deadline = MIN(deadline, platform.timed[i]->deadline_ns);
	return deadline;
}

/* An access that has moved the earliest deadline has said so. */
static void check_deadline(u64 before)
{
	CHECK_THAT(devices_deadline() == before || platform.events.pending & MACHINE_DEADLINE);
	platform.events.pending &= ~(u32)(MACHINE_DEADLINE | MACHINE_ROOM);
}

static void access_port(u8 what, struct fuzz *fuzz)
{
	u32 size = 1u << (what >> 3 & 3);
	u16 port = fuzz_u16(fuzz);
	u64 deadline = devices_deadline();

	if (size == 8)
		size = 4;
	if (port > 0x10000 - size)
		port = (u16)(0x10000 - size);
	make_stale();
	if (what & 0x20)
		bus_write(&platform.ports, port, size,
			  fuzz_number(fuzz) & (~0ull >> (64 - 8 * size)));
	else
		CHECK_THAT(bus_read(&platform.ports, port, size) >> (8 * size) == 0);
	refresh(&platform.clock, true);
	check_deadline(deadline);
}

static void access_memory(u8 what, struct fuzz *fuzz)
{
	static const u64 bases[] = {IOAPIC_DEFAULT_ADDRESS, LAPIC_DEFAULT_ADDRESS, TEST_MEMORY,
				    HPET_DEFAULT_ADDRESS};
	static const u64 pci[] = {LAYOUT_ECAM, LAYOUT_ECAM + 0x8000, 0xc1000000, 0xc2000000};
	u32 size = 1u << (what >> 3 & 3);
	u64 address = bases[what >> 6] + fuzz_u16(fuzz) % (PAGE_SIZE + 16) - 8;

	if ((what & 0x20) != 0 && (what & 0xc0) != 0xc0)
		address += pci[what >> 6] - bases[what >> 6];
	if ((what & 0xe0) == 0xe0)
		address = fuzz_u64(fuzz) & ((1ull << 46) - 1);
	if (fuzz_u8(fuzz) & 1)
		platform_memory_write(&platform, what >> 2 & 1, address, size,
				      fuzz_number(fuzz) & (~0ull >> (64 - 8 * size)));
	else
		(void)platform_memory_read(&platform, what >> 2 & 1, address, size);
}

static void be_used(struct fuzz *fuzz)
{
	while (fuzz->left > 0) {
		u8 what = fuzz_u8(fuzz);

		switch (what & 3) {
		case 0:
			pass_time(fuzz);
			break;
		case 1:
			access_port(what, fuzz);
			break;
		case 2:
			access_memory(what, fuzz);
			break;
		default:
			run_cpu(what >> 2 & 1);
			if (what & 0x80)
				acpi_pm_power_button(platform.acpi_pm);
			if (what & 0x40)
				(void)serial_input(platform.serial, what);
			if (what & 0x20 && platform.events.pending != 0)
				platform_reset(&platform);
			if (what & 0x10)
				save_and_load(fuzz_u8(fuzz));
			if (what & 0x08)
				save_and_load_all(fuzz);
		}
	}
}

#ifndef PLATFORM_ALONE
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start(fuzz_u8(&fuzz));
	be_used(&fuzz);
	return 0;
}
#endif
