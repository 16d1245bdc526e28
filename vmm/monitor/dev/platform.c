/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/dev/platform.h"
#include "lib/string.h"

static void platform_add(struct platform *platform, struct device *device)
{
	platform->device[platform->device_count++] = device;
	if (device->ops->tick != NULL)
		platform->timed[platform->timed_count++] = device;
}

static enum status platform_wire_device(struct platform *platform, struct device *device)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < device->region_count && status == STATUS_OK; i++) {
		const struct device_region *region = &device->regions[i];
		struct bus *bus = region->space == DEVICE_PORTS ? &platform->ports
								: &platform->memory;

		status = bus_add(bus, device, i, region->base, region->bytes);
	}
	return status;
}

static bool platform_wire(struct platform *platform)
{
	for (u32 i = 0; i < platform->device_count; i++)
		if (platform_wire_device(platform, platform->device[i]) != STATUS_OK)
			return false;
	return true;
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
	if (config->hpet) {
		hpet_init(&platform->hpet, clock, irqchip);
		platform_add(platform, &platform->hpet.device);
	}
	platform_add(platform, &platform->pit.device);
	platform_add(platform, &platform->rtc.device);
	platform_add(platform, &platform->serial.device);
	platform_add(platform, &platform->acpi_pm.device);
	platform_add(platform, &platform->reset.device);
	platform_add(platform, &platform->debug.device);
	platform_add(platform, &platform->crtc.device);
	platform_add(platform, &platform->fw_cfg.device);
	if (config->test_device) {
		test_device_init(&platform->test, irqchip, config->test_show);
		platform_add(platform, &platform->test.device);
	}
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
