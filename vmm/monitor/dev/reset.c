/* SPDX-License-Identifier: MIT */
/*
 * The reset ports of a PC: 0xcf9, 0x92 and an 8042 without keyboard or mouse. Attached by
 * platform.c and pci_bus.c; owns its registers and asks for a reset by the platform's events.
 */
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

enum reset_region {
	RESET_REGION_DATA,
	RESET_REGION_COMMAND,
	RESET_REGION_CONTROL_A,
	RESET_REGION_CONTROL,
};

static void reset_request(struct reset *reset, u16 port)
{
	reset->device.events->pending |= MACHINE_RESET;
	reset->device.events->reset_port = port;
}

static void reset_update(struct reset *reset)
{
	const struct reset_state *state = &reset->state;

	irqchip_set_line(reset->device.irqchip, I8042_IRQ,
			 (state->status & I8042_STATUS_OUTPUT) &&
				 (state->config & I8042_CONFIG_IRQ));
}

static void reset_i8042_answer(struct reset *reset, u8 byte, u8 status)
{
	reset->state.output = byte;
	reset->state.status |= I8042_STATUS_OUTPUT | status;
}

static void reset_i8042_command(struct reset *reset, u8 command)
{
	struct reset_state *state = &reset->state;

	state->status = (state->status & I8042_STATUS_OUTPUT) | I8042_STATUS_COMMAND;
	state->expects = 0;
	switch (command) {
	case I8042_READ_CONFIG:
		reset_i8042_answer(reset, state->config, 0);
		break;
	case I8042_SELF_TEST:
		state->config |= I8042_CONFIG_SYSTEM;
		reset_i8042_answer(reset, I8042_SELF_TEST_PASSED, 0);
		break;
	case I8042_TEST_AUX:
	case I8042_TEST_KEYBOARD: /* no keyboard is plugged in */
		reset_i8042_answer(reset, I8042_TEST_CLOCK_LOW, 0);
		break;
	case I8042_DISABLE_AUX:
		state->config |= I8042_CONFIG_AUX_OFF;
		break;
	case I8042_ENABLE_AUX:
		state->config &= (u8)~I8042_CONFIG_AUX_OFF;
		break;
	case I8042_DISABLE_KEYBOARD:
		state->config |= I8042_CONFIG_KEYBOARD_OFF;
		break;
	case I8042_ENABLE_KEYBOARD:
		state->config &= (u8)~I8042_CONFIG_KEYBOARD_OFF;
		break;
	case I8042_READ_OUTPUT_PORT:
		reset_i8042_answer(reset, I8042_OUTPUT_RESET | I8042_OUTPUT_A20, 0);
		break;
	case I8042_WRITE_CONFIG:
	case I8042_WRITE_OUTPUT_PORT:
	case I8042_LOOP_KEYBOARD:
	case I8042_LOOP_AUX:
	case I8042_WRITE_AUX:
		state->expects = command;
		break;
	default:
		if (command >= I8042_PULSE && !(command & I8042_OUTPUT_RESET))
			reset_request(reset, I8042_COMMAND_PORT);
		break;
	}
}

static void reset_i8042_data(struct reset *reset, u8 byte)
{
	struct reset_state *state = &reset->state;
	u8 command = state->expects;

	state->status &= I8042_STATUS_OUTPUT;
	state->expects = 0;
	switch (command) {
	case I8042_WRITE_CONFIG:
		state->config = byte;
		break;
	case I8042_WRITE_OUTPUT_PORT:
		if (!(byte & I8042_OUTPUT_RESET))
			reset_request(reset, I8042_COMMAND_PORT);
		break;
	case I8042_LOOP_KEYBOARD:
		reset_i8042_answer(reset, byte, 0);
		break;
	/* nothing is plugged in to take the byte: the 8042 gives up and says "resend" */
	default:
		reset_i8042_answer(reset, I8042_RESEND, I8042_STATUS_TIMEOUT);
		break;
	}
}

static void reset_control(struct reset *reset, u8 value)
{
	bool rises = (value & RESET_CONTROL_CPU) && !(reset->state.control & RESET_CONTROL_CPU);

	reset->state.control =
		value & (RESET_CONTROL_SYSTEM | RESET_CONTROL_CPU | RESET_CONTROL_FULL);
	if (rises)
		reset_request(reset, RESET_CONTROL_PORT);
}

static void reset_control_a(struct reset *reset, u8 value)
{
	bool rises = (value & CONTROL_A_RESET) && !(reset->state.control_a & CONTROL_A_RESET);

	reset->state.control_a = value;
	if (rises)
		reset_request(reset, CONTROL_A_PORT);
}

static void reset_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct reset *reset = CONTAINER_OF(device, struct reset, device);

	(void)offset, (void)size;
	if (region == RESET_REGION_CONTROL)
		reset_control(reset, (u8)value);
	else if (region == RESET_REGION_CONTROL_A)
		reset_control_a(reset, (u8)value);
	else if (region == RESET_REGION_COMMAND)
		reset_i8042_command(reset, (u8)value);
	else
		reset_i8042_data(reset, (u8)value);
	reset_update(reset);
}

static u64 reset_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct reset *reset = CONTAINER_OF(device, struct reset, device);
	struct reset_state *state = &reset->state;

	(void)offset, (void)size;
	if (region == RESET_REGION_CONTROL)
		return state->control;
	if (region == RESET_REGION_CONTROL_A)
		return state->control_a | CONTROL_A_A20;
	if (region == RESET_REGION_COMMAND)
		return state->status | I8042_STATUS_UNLOCKED |
		       (state->config & I8042_CONFIG_SYSTEM ? I8042_STATUS_SYSTEM : 0u);
	state->status &= (u8) ~(I8042_STATUS_OUTPUT | I8042_STATUS_TIMEOUT);
	reset_update(reset);
	return state->output;
}

static void reset_reset(struct device *device)
{
	struct reset *reset = CONTAINER_OF(device, struct reset, device);

	reset->state = (struct reset_state){
		.config = I8042_CONFIG_SYSTEM | I8042_CONFIG_KEYBOARD_OFF | I8042_CONFIG_AUX_OFF,
	};
	reset_update(reset);
}

static bool reset_valid(const void *bytes)
{
	const struct reset_state *state = bytes;

	return !(state->status &
		 ~(I8042_STATUS_OUTPUT | I8042_STATUS_COMMAND | I8042_STATUS_TIMEOUT));
}

static const struct device_region reset_regions[] = {
	[RESET_REGION_DATA] = {DEVICE_PORTS, I8042_DATA_PORT, 1},
	[RESET_REGION_COMMAND] = {DEVICE_PORTS, I8042_COMMAND_PORT, 1},
	[RESET_REGION_CONTROL_A] = {DEVICE_PORTS, CONTROL_A_PORT, 1},
	[RESET_REGION_CONTROL] = {DEVICE_PORTS, RESET_CONTROL_PORT, 1},
};

static const struct device_ops reset_ops = {
	.widest = 1,
	.read = reset_read,
	.write = reset_write,
	.reset = reset_reset,
	.valid = reset_valid,
};

enum status reset_attach(struct platform *platform, const struct platform_config *config)
{
	struct reset *reset = platform_take(platform, sizeof(*reset));

	(void)config;
	if (reset == NULL)
		return STATUS_NO_MEMORY;
	reset->device = (struct device){
		.name = "reset",
		.ops = &reset_ops,
		.regions = reset_regions,
		.region_count = ARRAY_COUNT(reset_regions),
		.state = &reset->state,
		.state_bytes = sizeof(reset->state),
		.kind = STATE_RESET,
		.version = 1,
	};
	return platform_add(platform, &reset->device);
}
