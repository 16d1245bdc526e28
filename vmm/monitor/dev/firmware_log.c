/* SPDX-License-Identifier: MIT */
/*
 * The port to which firmware writes its messages (firmware_log.h). Attached by platform.c for VMs
 * that start by firmware; owns the unfinished line and hands complete lines to the VM's log.
 */
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/platform/platform_add.h"

/*
 * The value that a read of the port returns, by which firmware finds that its messages are taken.
 */
#define READ_BACK 0xe9u

/* The message that SeaBIOS writes to the port before it waits forever. */
#define NO_SYSTEM "No bootable device."

static void firmware_log_end_line(struct firmware_log *log)
{
	struct firmware_log_state *state = &log->state;
	char line[FIRMWARE_LOG_BYTES + 1] = {0};

	memcpy(line, state->line, state->used);
	line[state->used] = '\0';
	if (state->used != 0)
		log->say(log->context, line);
	if (memcmp(line, NO_SYSTEM, sizeof(NO_SYSTEM) - 1) == 0)
		log->device.events->pending |= MACHINE_NO_SYSTEM;
	state->used = 0;
}

static void firmware_log_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct firmware_log *log = CONTAINER_OF(device, struct firmware_log, device);
	char byte = (char)value;

	(void)region, (void)offset, (void)size;
	if (byte == '\n' || log->state.used == FIRMWARE_LOG_BYTES)
		firmware_log_end_line(log);
	if (byte >= ' ' && byte <= '~')
		log->state.line[log->state.used++] = byte;
}

static u64 firmware_log_read(struct device *device, u32 region, u64 offset, u32 size)
{
	(void)device, (void)region, (void)offset, (void)size;
	return READ_BACK;
}

static void firmware_log_reset(struct device *device)
{
	struct firmware_log_state *state = device->state;

	*state = (struct firmware_log_state){0};
}

static bool firmware_log_valid(const void *bytes)
{
	const struct firmware_log_state *state = bytes;

	return state->used <= FIRMWARE_LOG_BYTES;
}

static const struct device_region firmware_log_regions[] = {
	{DEVICE_PORTS, FIRMWARE_LOG_PORT, 1},
};

static const struct device_ops firmware_log_ops = {
	.widest = 1,
	.read = firmware_log_read,
	.write = firmware_log_write,
	.reset = firmware_log_reset,
	.valid = firmware_log_valid,
};

enum status firmware_log_attach(struct platform *platform, const struct platform_config *config)
{
	struct firmware_log *log;

	if (!config->firmware)
		return STATUS_OK;
	log = platform_take(platform, sizeof(*log));
	if (log == NULL)
		return STATUS_NO_MEMORY;
	log->say = config->firmware_say;
	log->context = config->serial_context;
	log->device = (struct device){
		.name = "firmware_log",
		.ops = &firmware_log_ops,
		.regions = firmware_log_regions,
		.region_count = ARRAY_COUNT(firmware_log_regions),
		.state = &log->state,
		.state_bytes = sizeof(log->state),
		.kind = STATE_FIRMWARE_LOG,
		.version = 1,
	};
	return platform_add(platform, &log->device);
}
