/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/dev/platform.h"
#include "lib/string.h"

struct platform_wiring {
	struct device *device;
	u64 base;
	u64 length;
};

static void platform_add(struct platform *platform, struct device *device)
{
	platform->device[platform->device_count++] = device;
	if (device->ops->tick != NULL)
		platform->timed[platform->timed_count++] = device;
}

static bool platform_wire(struct platform *platform)
{
	const struct platform_wiring wiring[] = {
		{&platform->irqchip.pic.device, PIC_MASTER, 2},
		{&platform->irqchip.pic.device, PIC_SLAVE, 2},
		{&platform->irqchip.pic.device, PIC_ELCR_MASTER, 2},
		{&platform->pit.device, PIT_PORT, 4},
		{&platform->pit.device, PIT_GATE_PORT, 1},
		{&platform->reset.device, I8042_DATA_PORT, 1},
		{&platform->reset.device, I8042_COMMAND_PORT, 1},
		{&platform->reset.device, CONTROL_A_PORT, 1},
		{&platform->reset.device, RESET_CONTROL_PORT, 1},
		{&platform->rtc.device, RTC_INDEX_PORT, 2},
		{&platform->debug.device, DEBUG_CODE_PORT, 1},
		{&platform->debug.device, DEBUG_EXIT_PORT, DEBUG_EXIT_BYTES},
		{&platform->debug.device, DEBUG_OTHER_EXIT, DEBUG_OTHER_BYTES},
		{&platform->crtc.device, CRTC_INDEX_PORT, CRTC_PORT_COUNT},
		{&platform->serial.device, UART_COM1, UART_PORT_COUNT},
		{&platform->fw_cfg.device, FW_CFG_SELECTOR_PORT, 2},
		{&platform->acpi_pm.device, ACPI_PM_EVENT_PORT, ACPI_PM_EVENT_BYTES},
		{&platform->acpi_pm.device, ACPI_PM_CONTROL_PORT, ACPI_PM_CONTROL_BYTES},
		{&platform->acpi_pm.device, ACPI_PM_TIMER_PORT, ACPI_PM_TIMER_BYTES},
		{&platform->acpi_pm.device, ACPI_PM_GPE0_PORT, ACPI_PM_GPE0_BYTES},
	};

	for (size_t i = 0; i < ARRAY_COUNT(wiring); i++)
		if (!bus_add(&platform->ports, wiring[i].device, wiring[i].base, wiring[i].length))
			return false;
	return bus_add(&platform->memory, &platform->irqchip.ioapic.device, IOAPIC_DEFAULT_ADDRESS,
		       IOAPIC_BYTES);
}

/* These two only where they are asked for: to every other guest nothing is there. */
static bool wire_hpet(struct platform *platform)
{
	hpet_init(&platform->hpet, &platform->clock, &platform->irqchip);
	platform_add(platform, &platform->hpet.device);
	return bus_add(&platform->memory, &platform->hpet.device, HPET_DEFAULT_ADDRESS, HPET_BYTES);
}

static bool wire_test_device(struct platform *platform, void (*show)(u64 at, u64 page))
{
	struct device *device = &platform->test.device;

	test_device_init(&platform->test, &platform->irqchip, show);
	platform_add(platform, device);
	return bus_add(&platform->ports, device, TEST_IO_PORT, TEST_IO_BYTES) &&
	       bus_add(&platform->ports, device, TEST_IRQ_PORT, TEST_IRQ_LINES) &&
	       bus_add(&platform->ports, device, TEST_WINDOW_PORT,
		       TEST_WINDOWS * sizeof(u32)) &&
	       bus_add(&platform->memory, device, TEST_MEMORY, TEST_MEMORY_BYTES);
}

bool platform_init(struct platform *platform, const struct platform_config *config)
{
	const struct machine_clock *clock = &platform->clock;
	struct irqchip *irqchip = &platform->irqchip;

	platform->events = (struct machine_events){0};
	platform->ports = (struct bus){0};
	platform->memory = (struct bus){0};
	platform->device_count = 0;
	platform->timed_count = 0;

	irqchip_init(irqchip, clock, config->cpu_count, config->lapic_page);
	pit_init(&platform->pit, clock, irqchip);
	rtc_init(&platform->rtc, clock, irqchip, config->ram_below_4g, config->ram_above_4g);
	serial_init(&platform->serial, clock, irqchip, UART_COM1_IRQ, config->serial_put,
		    config->serial_context);
	acpi_pm_init(&platform->acpi_pm, clock, irqchip, &platform->events);
	reset_init(&platform->reset, irqchip, &platform->events);
	debug_init(&platform->debug, &platform->events);
	crtc_init(&platform->crtc);
	fw_cfg_init(&platform->fw_cfg, config->ram_below_4g + config->ram_above_4g,
		    config->cpu_count);

	/* The interrupt controllers come first: the others raise lines when they are reset. */
	platform_add(platform, &irqchip->ioapic.device);
	platform_add(platform, &irqchip->pic.device);
	/* before those whose lines it may have taken */
	if (config->hpet && !wire_hpet(platform))
		return false;
	platform_add(platform, &platform->pit.device);
	platform_add(platform, &platform->rtc.device);
	platform_add(platform, &platform->serial.device);
	platform_add(platform, &platform->acpi_pm.device);
	platform_add(platform, &platform->reset.device);
	platform_add(platform, &platform->debug.device);
	platform_add(platform, &platform->crtc.device);
	platform_add(platform, &platform->fw_cfg.device);
	if (config->test_device && !wire_test_device(platform, config->test_show))
		return false;
	return platform_wire(platform);
}

void platform_reset(struct platform *platform)
{
	irqchip_reset(&platform->irqchip);
	for (u32 i = 0; i < platform->device_count; i++)
		device_reset(platform->device[i]);
	platform->irqchip.kick = 0;
	platform->events = (struct machine_events){0};
}

u64 platform_memory_read(struct platform *platform, u32 cpu, u64 gpa, u32 size)
{
	struct lapic *lapic = &platform->irqchip.lapic[cpu];

	if (lapic_claims(lapic, gpa) && lapic_claims(lapic, gpa + size - 1))
		return lapic_memory_read(lapic, gpa, size);
	return bus_read(&platform->memory, gpa, size);
}

void platform_memory_write(struct platform *platform, u32 cpu, u64 gpa, u32 size, u64 value)
{
	struct lapic *lapic = &platform->irqchip.lapic[cpu];

	if (lapic_claims(lapic, gpa) && lapic_claims(lapic, gpa + size - 1))
		lapic_memory_write(lapic, gpa, size, value);
	else
		bus_write(&platform->memory, gpa, size, value);
}

void platform_tick(struct platform *platform, u32 cpu)
{
	lapic_tick(&platform->irqchip.lapic[cpu]);
	if (cpu != 0)
		return;
	for (u32 i = 0; i < platform->timed_count; i++)
		if (platform->timed[i]->deadline_ns <= platform->clock.now_ns)
			device_tick(platform->timed[i]);
}

u64 platform_deadline(const struct platform *platform, u32 cpu)
{
	u64 deadline = lapic_deadline(&platform->irqchip.lapic[cpu]);

	if (cpu != 0)
		return deadline;
	for (u32 i = 0; i < platform->timed_count; i++)
		deadline = MIN(deadline, platform->timed[i]->deadline_ns);
	return deadline;
}
