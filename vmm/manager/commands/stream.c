/* SPDX-License-Identifier: MIT */
/*
 * The commands `stream open` and `stream close`: give a machine channel's client a guest's console
 * or port. Run by command.c; channel/channel_stream.c moves the bytes.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/vm/vm_output.h"

/* The port at which QEMU's guest agent listens, which stock images have. */
#define AGENT_PORT "org.qemu.guest_agent.0"

/* The options behind the VM's name. */
struct options {
	bool writes;
	bool takes;
	bool has_from;
	bool from_end;
	u64 from;
	u32 port;
};

static bool command_stream_take_port(struct reply *reply, const struct vm *vm, const char *name,
				     u32 *port)
{
	/*
	 * The right to a console is not enough for the agent's port, as the agent runs programs in
	 * the guest.
	 */
	if (!reply_may(reply, string_equal(name, AGENT_PORT) ? MAY_GUEST : MAY_CONSOLE))
		return false;
	*port = vm_port_find(vm, name);
	if (*port != 0 && !channel_port_is(vm, *port))
		return true;
	if (*port != 0) {
		reply_fail(reply, CODE_BUSY, "that port of %s is a machine channel",
			   vm->config.name);
		return false;
	}
	reply_fail(reply, CODE_NOT_FOUND, "%s has no port of that name", vm->config.name);
	return false;
}

static bool command_stream_take_option(struct reply *reply, const struct vm *vm, const char *word,
				       struct options *options)
{
	char shown[40];

	if (strncmp(word, "port=", 5) == 0)
		return command_stream_take_port(reply, vm, word + 5, &options->port);
	if (string_equal(word, "mode=read") || string_equal(word, "mode=write")) {
		options->writes = word[5] == 'w';
		return true;
	}
	if (string_equal(word, "take=yes") || string_equal(word, "take=no")) {
		options->takes = word[5] == 'y';
		return true;
	}
	options->has_from = true;
	options->from_end = string_equal(word, "from=end");
	if (options->from_end ||
	    (strncmp(word, "from=", 5) == 0 && parse_u64(text_of(word + 5), &options->from)))
		return true;
	reply_bad(reply,
		  "\"%s\" is not valid; use mode=read, mode=write, from=OFFSET, from=end, "
		  "port=NAME or take=yes",
		  text_show(shown, sizeof(shown), text_of(word)));
	return false;
}

/*
 * Makes way for a new stream that writes to the VM's console or port, as only one stream may:
 * closes the present one, or reports it as an error.
 */
static bool command_stream_close_other(struct reply *reply, const struct vm *vm,
				       const struct options *options)
{
	struct channel_stream_state *writer = channel_stream_writer(vm, options->port);

	if (!options->writes || writer == NULL)
		return true;
	if (!options->takes) {
		reply_fail(reply, CODE_BUSY,
			   "somebody writes to the input of %s already; use mode=read, or take=yes",
			   vm->config.name);
		return false;
	}
	writer->closed = "taken";
	return true;
}

static void command_stream_start(struct channel_stream_state *stream, struct vm *vm, u64 from,
				 const struct options *options)
{
	stream->vm_id = vm->id;
	stream->port = options->port;
	if (options->port != 0)
		string_copy(stream->port_name, sizeof(stream->port_name),
			    vm->config.port[options->port - 1]);
	stream->at = from;
	stream->writes = options->writes;
	stream->returned = options->writes ? CHANNEL_INPUT_BYTES : 0;
}

static void command_stream_run_open(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	struct vm *vm = channel != NULL ? command_vm(reply, arguments->word[0]) : NULL;
	struct channel_stream_state *stream;
	struct options options = {0};
	u64 oldest;
	u64 end;
	u64 from;

	for (u32 i = 1; vm != NULL && i < arguments->count; i++) {
		if (!command_stream_take_option(reply, vm, arguments->word[i], &options))
			return;
	}
	if (vm == NULL || (options.port == 0 && !reply_may(reply, MAY_CONSOLE)))
		return;
	oldest = vm_output_oldest(vm, options.port);
	end = vm_output_end(vm, options.port);
	if (options.from > end) {
		reply_bad(reply, "from=%llu lies beyond the end; use at most %llu",
			  (unsigned long long)options.from, (unsigned long long)end);
		return;
	}
	from = options.from_end ? end : MAX(options.from, oldest);
	if (!command_stream_close_other(reply, vm, &options))
		return;
	stream = channel_stream_new(channel);
	if (stream == NULL) {
		reply_fail(reply, CODE_BUSY,
			   "there is one stream too many; there can be at most %u",
			   CHANNEL_STREAMS);
		return;
	}
	command_stream_start(stream, vm, from, &options);
	if (options.writes)
		vm_event(vm->config.name, vm->uuid, EVENT_CONSOLE_ATTACHED, reply->to->name);
	reply_object_begin(reply);
	json_u64(&reply->object, "stream", stream->number);
	json_u64(&reply->object, "from", from);
	json_u64(&reply->object, "oldest", oldest);
	json_u64(&reply->object, "next", end);
	json_u64(&reply->object, "lost",
		 options.has_from && !options.from_end ? from - options.from : 0);
	reply_object_end(reply);
}

COMMAND(stream_open,
	.name = "stream open",
	.right = MAY_CONSOLE | MAY_GUEST,
	.arguments = "NAME [mode=read|write] [from=OFFSET|end] [port=PORT] [take=yes]",
	.summary = "what a guest prints, and its input, on a machine channel",
	.detail = "Offsets count the bytes it has printed since it was created; the last 64 KiB\n"
		  "are kept. Without from= it begins with the oldest. One may write; another\n"
		  "one is refused, or takes its place with take=yes.",
	.example = "stream open alpha mode=write",
	.keys = "stream from oldest next lost",
	.run = command_stream_run_open,
	.minimum = 1,
	.maximum = 5,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);

static void command_stream_run_close(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	struct channel_stream_state *stream = NULL;
	struct channel_socket *socket = NULL;
	u64 number;

	if (channel == NULL)
		return;
	if (parse_u64(text_of(arguments->word[0]), &number)) {
		stream = channel_stream_find(channel, number);
		socket = channel_vsock_find(channel, number);
	}
	if (socket != NULL)
		channel_vsock_end(socket);
	else if (stream != NULL)
		channel_stream_end(stream);
	else
		reply_fail(reply, CODE_NOT_FOUND, "no stream of that number is open");
}

COMMAND(stream_close,
	.name = "stream close",
	.right = MAY_CONSOLE | MAY_GUEST,
	.arguments = "NUMBER",
	.summary = "ends a stream of the machine channel",
	.example = "stream close 1",
	.run = command_stream_run_close,
	.minimum = 1,
	.maximum = 1,
	.changes = true);
