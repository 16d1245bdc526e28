/* SPDX-License-Identifier: MIT */
/*
 * Gives the driver of a disk at an IDE controller the ports of the disk's channel, through which it
 * also reaches the other disk of that channel, and its interrupt; stops transfers after a driver's
 * end. Called through the driver kind by vmm/manager/driver. Takes the ports itself to do that.
 */
#include "vmm/hw/ide.h"
#include "vmm/manager/disk/controller.h"
#include "vmm/manager/disk/disk.h"
#include "vmm/manager/driver/device_irq.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define RESET_PULSE_NS 5000u

static u32 controller_ide_channel_of(u32 device)
{
	return device_unit(device) / 2;
}

static bool controller_ide_is_native(const struct pci_function *function, u32 channel)
{
	return (function->interface & IDE_INTERFACE_NATIVE(channel)) != 0;
}

/* Return the first port of a channel's registers, or 0 if the channel has no such ports. */
static u16 controller_ide_command_ports(const struct pci_function *function, u32 channel)
{
	return controller_ide_is_native(function, channel)
		       ? pci_bar_ports(function, 2 * channel, IDE_COMMAND_PORTS)
		       : (u16)IDE_COMMAND_PORT(channel);
}

static u16 controller_ide_control_port(const struct pci_function *function, u32 channel)
{
	u16 block = pci_bar_ports(function, 2 * channel + 1, IDE_CONTROL_IN_BAR + 1);

	if (!controller_ide_is_native(function, channel))
		return (u16)IDE_CONTROL_PORT(channel);
	return block != 0 ? (u16)(block + IDE_CONTROL_IN_BAR) : 0;
}

static u16 controller_ide_dma_ports(const struct pci_function *function, u32 channel)
{
	u16 block = 0;

	if ((function->interface & IDE_INTERFACE_BUS_MASTER) != 0)
		block = pci_bar_ports(function, IDE_DMA_BAR, IDE_CHANNELS * IDE_DMA_PORTS);
	return block != 0 ? (u16)(block + channel * IDE_DMA_PORTS) : 0;
}

static void controller_ide_give_ports(struct process_build *build, u16 first, u32 count,
				      const char *name)
{
	if (first != 0)
		process_build_ports(build, first, count, name);
}

/*
 * Gives the driver's process its ports, interrupt and memory; DMA is enabled last. The interrupt
 * line of a native channel is described only in AML, so that driver gets none.
 */
static void controller_ide_equip(struct process_build *build, u32 device)
{
	struct pci_function *function = device_function(device);
	u32 channel = controller_ide_channel_of(device);

	device_claim(build, function, "ide");
	if (process_build_failed(build))
		return;
	build->info->parameter[DRIVER_UNIT] = device_unit(device) % 2;
	controller_ide_give_ports(build, controller_ide_command_ports(function, channel),
				  IDE_COMMAND_PORTS, DRIVER_PORTS_COMMAND);
	controller_ide_give_ports(build, controller_ide_control_port(function, channel), 1,
				  DRIVER_PORTS_CONTROL);
	controller_ide_give_ports(build, controller_ide_dma_ports(function, channel), IDE_DMA_PORTS,
				  DRIVER_PORTS_DMA);
	if (!controller_ide_is_native(function, channel))
		device_irq_line(build, IDE_LINE(channel), device);
	if (!process_build_failed(build))
		pci_enable(function);
}

/*
 * Gets I/O ports for the manager itself, if it does not have them yet. Returns false if it cannot
 * have them.
 */
static bool controller_ide_take_ports(u16 first, u32 count)
{
	return first != 0 && sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF),
					     first, count) == STATUS_OK;
}

/*
 * Stops a transfer that a driver has left under way. With bus mastering off nothing goes to memory;
 * but the transfer would continue when the next driver starts. Returns NULL once it is over, or why
 * it is not.
 */
static const char *controller_ide_stop_transfer(const struct pci_function *function, u32 channel)
{
	u16 dma = controller_ide_dma_ports(function, channel);

	if (dma == 0)
		return NULL;
	if (!controller_ide_take_ports(dma, IDE_DMA_PORTS))
		return "its ports cannot be reached";
	port_out8((u16)(dma + IDE_DMA_COMMAND), 0);
	return (port_in8((u16)(dma + IDE_DMA_COMMAND)) & IDE_DMA_START) == 0 &&
			       (port_in8((u16)(dma + IDE_DMA_STATUS)) & IDE_DMA_ACTIVE) == 0
		       ? NULL
		       : "its transfer does not end";
}

/* Resets the channel, so that its disks forget their commands. */
static void controller_ide_reset_disks(const struct pci_function *function, u32 channel)
{
	u16 control = controller_ide_control_port(function, channel);
	u64 until = clock_tsc() + clock_ns_to_tsc(RESET_PULSE_NS);

	if (!controller_ide_take_ports(control, 1))
		return;
	port_out8(control, (u8)(IDE_CONTROL_RESET | IDE_CONTROL_NO_INTERRUPT));
	while (clock_tsc() < until)
		;
	port_out8(control, (u8)IDE_CONTROL_NO_INTERRUPT);
}

static enum status controller_ide_quiet(u32 device, const char **problem)
{
	struct pci_function *function = device_function(device);
	enum status status = pci_quiet(function, problem);
	const char *why;

	if (status != STATUS_OK)
		return status;
	why = controller_ide_stop_transfer(function, controller_ide_channel_of(device));
	if (why != NULL) {
		*problem = why;
		return STATUS_BAD_STATE;
	}
	controller_ide_reset_disks(function, controller_ide_channel_of(device));
	device_irq_drop(device);
	return STATUS_OK;
}

const struct driver_kind controller_ide = {
	.image = "ide",
	.class = &disk_class,
	.dma = true,
	.equip = controller_ide_equip,
	.quiet = controller_ide_quiet,
	.quiet_deadline = device_quiet_deadline,
};
