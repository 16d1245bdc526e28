/* SPDX-License-Identifier: MIT */
/*
 * Builds a guest's devices and dispatches to them: accesses to device memory, ticks and resets.
 * Called by machine_setup.c, the exit handlers and vcpu.c under the machine's lock; owns the buses
 * and the interrupt controllers.
 */
#include "vmm/monitor/dev/platform.h"
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.h"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/dev/watchdog.h"
#include "vmm/monitor/dev/window.h"
#include "vmm/monitor/pci/pci_bus.h"
#include "vmm/monitor/virtio/virtio_balloon.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_console.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/monitor/virtio/virtio_rng.h"
#include "vmm/monitor/virtio/virtio_scsi.h"
#include "vmm/monitor/virtio/virtio_scsi_host.h"
#include "vmm/monitor/virtio/virtio_vsock.h"

_Static_assert(PCI_POWER_PORT == ACPI_PM_EVENT_PORT, "as in the FADT");

/*
 * The devices in the order in which they are attached, reset and loaded. The interrupt controllers
 * come before all of these, as devices raise lines when they are reset.
 */
static enum status (*const platform_attach[])(struct platform *platform,
					      const struct platform_config *config) = {
	hpet_attach, /* the HPET comes before the devices whose lines it may take */
	pit_attach,
	rtc_attach,
	serial_attach,
	acpi_pm_attach,
	reset_attach,
	debug_attach,
	crtc_attach,
	pvpanic_attach,
	watchdog_attach,
	fw_cfg_attach,
	firmware_log_attach,
	flash_attach,
	test_device_attach,
	/* the PCI bus comes before the reset control, whose port lies among the bus's ports */
	pci_bus_attach,
	virtio_console_attach,
	virtio_rng_attach,
	virtio_balloon_attach,
	virtio_vsock_attach,
	virtio_blk_attach,
	virtio_scsi_attach,
	virtio_scsi_host_attach,
	virtio_net_attach,
	window_attach,
};

static enum status platform_add_irqchip(struct platform *platform)
{
	enum status status = platform_add(platform, &platform->irqchip.ioapic.device);

	return status == STATUS_OK ? platform_add(platform, &platform->irqchip.pic.device) : status;
}

enum status platform_init(struct platform *platform, const struct platform_config *config)
{
	enum status status;

	platform->events = (struct machine_events){0};
	platform->ports = (struct bus){0};
	platform->memory = (struct bus){0};
	platform->device_count = 0;
	platform->timed_count = 0;
	platform->storage_used = 0;
	platform->pci = NULL;
	platform->virtio_console = NULL;
	platform->virtio_balloon = NULL;
	platform->virtio_vsock = NULL;
	platform->window = NULL;

	irqchip_init(&platform->irqchip, &platform->clock, config->cpu_count, config->lapic_page);
	status = platform_add_irqchip(platform);
	for (size_t i = 0; i < ARRAY_COUNT(platform_attach) && status == STATUS_OK; i++)
		status = platform_attach[i](platform, config);
	return status;
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

void platform_jumped(struct platform *platform, u64 ns)
{
	for (u32 i = 0; i < platform->device_count; i++)
		if (platform->device[i]->ops->jumped != NULL)
			platform->device[i]->ops->jumped(platform->device[i], ns);
}
