/* SPDX-License-Identifier: MIT */
/*
 * Steps all machine channels, and owns the one on COM2. Called by the event loop, setup.c and
 * shutdown.c, and by other files of this folder for lines that answer no request. Moves bytes
 * through the serial port or through channel_port.c.
 */
#include "vmm/manager/channel/machine_channel.h"
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/channel/channel_transfer.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/vm/process/vm_user_data.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

#define FLUSH_NS NS_PER_S

static u32 machine_send_serial(void *context, const u8 *bytes, u32 count)
{
	(void)context;
	return serial_send(SERIAL_COM2, bytes, count);
}

static u32 machine_receive_serial(void *context, u8 *byte, u64 *lost)
{
	(void)context;
	return serial_receive(SERIAL_COM2, byte, 1, lost);
}

static struct machine_channel com2 = {
	.name = MACHINE_CHANNEL_NAME,
	.rights = RIGHTS_DEFAULT,
	.login = {.name = "machine channel", .open = true},
	.transport = {.send = machine_send_serial, .receive = machine_receive_serial},
};

struct machine_channel *channel_at(u32 number)
{
	return number == 0 ? &com2 : channel_on_port(number - 1);
}

void channel_init(struct machine_channel *channel, const struct channel_config *config)
{
	for (u32 i = 0; i < ARRAY_COUNT(channel->slot); i++)
		channel->slot[i].channel = channel;
	if (config == NULL)
		return;
	channel->name = config->section.name;
	/* A section with mistakes grants no rights, as it is unclear which were meant. */
	channel->rights = config->section.broken ? 0 : (u32)config->rights;
}

void channel_end_all(struct machine_channel *channel, const struct channel_slot *but)
{
	channel_answers_abandon(channel, but);
	channel_streams_drop(channel);
	channel_samples_set(channel, 0);
	channel_heartbeat_set(channel, 0);
	vm_user_data_drop(&channel->user_data);
}

void channel_forget_client(struct machine_channel *channel)
{
	if (login_required())
		login_lock(&channel->login);
	channel_end_all(channel, NULL);
	channel->greeted = false;
	channel->output.sent = channel->output.ready = channel->output.written;
	secret_forget(channel->input.bytes, sizeof(channel->input.bytes));
	memset(&channel->input, 0, sizeof(channel->input));
}

void machine_channel_open(void)
{
	channel_init(&com2, NULL);
	com2.is_open = true;
}

bool machine_channel_is_open(void)
{
	return com2.is_open;
}

void machine_channel_configure(bool locked)
{
	channel_transfers_init();
	channel_init(&com2, config_channel_find(com2.name));
	if (locked)
		login_lock(&com2.login);
}

bool channel_takes_line(const struct machine_channel *channel)
{
	return channel->is_open && channel->login.open && channel->holder == NULL &&
	       channel->output.written - channel->output.sent < CHANNEL_LINES_AHEAD;
}

void channel_line(struct machine_channel *channel, struct text line)
{
	channel_output_add(&channel->output, line);
	channel->output.ready = channel->output.written;
}

void channel_print(struct machine_channel *channel, const char *pattern, ...)
{
	char line[128];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(line, sizeof(line), pattern, arguments);
	va_end(arguments);
	channel_line(channel, text_of(line));
}

bool machine_channel_takes_line(void)
{
	return channel_takes_line(&com2);
}

bool machine_channel_awaits_rest(void)
{
	return com2.is_open && com2.holder == NULL && !com2.input.whole &&
	       com2.output.sent == com2.output.ready && serial_began_line(SERIAL_COM2);
}

void machine_channel_line(struct text line)
{
	channel_line(&com2, line);
}

static void machine_send(struct machine_channel *channel)
{
	channel_output_send(&channel->output, channel->transport.send, channel->transport.context);
}

static bool machine_step_channel(struct machine_channel *channel)
{
	bool more;

	if (!channel->is_open)
		return false;
	more = channel_answers_step(channel);
	more |= channel_input_step(channel);
	more |= channel_events_step(channel);
	channel_heartbeat_step(channel);
	more |= channel_samples_step(channel);
	machine_send(channel);
	return more;
}

bool machine_channels_step(void)
{
	struct machine_channel *channel;
	bool more = false;

	channel_ports_step();
	for (u32 i = 0; (channel = channel_at(i)) != NULL; i++)
		more |= machine_step_channel(channel);
	return more;
}

bool machine_channels_step_streams(void)
{
	bool moved = false;
	struct machine_channel *channel;

	for (u32 i = 0; (channel = channel_at(i)) != NULL; i++) {
		if (!channel->is_open)
			continue;
		moved |= channel_streams_step(channel);
		machine_send(channel);
	}
	return moved;
}

u64 machine_channels_deadline(void)
{
	struct machine_channel *channel;
	u64 deadline = ~0ull;

	for (u32 i = 0; (channel = channel_at(i)) != NULL; i++) {
		if (!channel->is_open)
			continue;
		deadline = MIN(deadline, channel_answers_deadline(channel));
		deadline = MIN(deadline, channel_samples_deadline(channel));
		deadline = MIN(deadline, channel_heartbeat_deadline(channel));
		deadline = MIN(deadline, channel_streams_deadline(channel));
	}
	return deadline;
}

void machine_channel_flush(void)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(FLUSH_NS);

	while (com2.output.ready != com2.output.sent && clock_tsc() < deadline)
		machine_send(&com2);
}
