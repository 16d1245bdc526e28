/* SPDX-License-Identifier: MIT */
/*
 * The commands `vsock connect` and `vsock listen`: connect a machine channel's client with programs
 * in a guest. Run by command.c; channel/channel_vsock.c moves the bytes.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"

/* A guest that answers at all answers within this time. */
#define CONNECT_NS (5 * NS_PER_S)

/*
 * Finds the VM and reads the port that the command's arguments name. Returns NULL after writing an
 * error.
 */
static struct vm *command_vsock_vm(struct reply *reply, const struct arguments *arguments,
				   u64 *port)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char shown[40];

	if (vm == NULL)
		return NULL;
	if (!parse_u64(text_of(arguments->word[1]), port) || *port == 0 || *port >= ~0u) {
		reply_bad(reply, "the port \"%s\" is not valid; use a number from 1 to %u",
			  text_show(shown, sizeof(shown), text_of(arguments->word[1])), ~0u - 1);
		return NULL;
	}
	if (vm->config.vsock)
		return vm;
	reply_fail(reply, CODE_NOT_FOUND, "%s has no socket device; set vsock = yes",
		   vm->config.name);
	return NULL;
}

static void command_vsock_answer(struct reply *reply, struct channel_socket *socket)
{
	socket->told = true;
	reply_object_begin(reply);
	json_u64(&reply->object, "stream", socket->number);
	reply_object_end(reply);
}

/* Waits for the guest's answer to the connection, whose number is reply->left. */
static bool command_vsock_resume(struct reply *reply)
{
	struct channel_socket *socket = channel_vsock_find(reply->to->channel, reply->left);
	enum vm_vsock_state state = socket != NULL ? vm_vsock_state(&socket->end) : VM_VSOCK_RESET;

	if (state == VM_VSOCK_WAITS && clock_tsc() < reply->deadline_tsc)
		return false;
	if (state == VM_VSOCK_WAITS)
		reply_fail(reply, CODE_FAILED, "%s has not answered within %u s", reply->vm_name,
			   (u32)(CONNECT_NS / NS_PER_S));
	else if (state == VM_VSOCK_RESET)
		reply_fail(reply, CODE_NOT_FOUND, "%s refuses the connection", reply->vm_name);
	else
		command_vsock_answer(reply, socket);
	if (reply->failed && socket != NULL)
		channel_vsock_end(socket);
	return true;
}

static void command_vsock_connect(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	struct channel_socket *socket;
	struct vm *vm;
	u64 port;

	if (channel == NULL)
		return;
	vm = command_vsock_vm(reply, arguments, &port);
	if (vm == NULL)
		return;
	if (vm->vsock.area == NULL || vm->state != VM_RUNNING) {
		reply_fail(reply, CODE_BAD_STATE, "%s is %s; only a running VM can be called",
			   vm->config.name, vm_state_name(vm->state));
		return;
	}
	socket = channel_vsock_call(channel, vm, (u32)port);
	if (socket == NULL) {
		reply_fail(reply, CODE_BUSY,
			   "there are too many connections; at most %u can be open to a VM, and "
			   "%u on a channel",
			   VSOCK_SLOTS_MANAGER, CHANNEL_SOCKETS);
		return;
	}
	reply->left = socket->number;
	command_vm_wait(reply, vm, command_vsock_resume);
	reply->deadline_tsc = clock_tsc() + clock_ns_to_tsc(CONNECT_NS);
}

COMMAND(vsock_connect,
	.name = "vsock connect",
	.right = MAY_GUEST,
	.arguments = "NAME PORT",
	.summary = "connects a machine channel with a program in a guest",
	.detail = "The VM has vsock = yes, and the program listens at that port of its socket\n"
		  "device. The answer has the number of the stream.",
	.example = "vsock connect alpha 22",
	.keys = "stream",
	.run = command_vsock_connect,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);

static void command_vsock_listen(struct reply *reply, const struct arguments *arguments)
{
	struct machine_channel *channel = reply_channel(reply);
	struct channel_socket *socket;
	struct vm *vm;
	u64 port;

	if (channel == NULL)
		return;
	vm = command_vsock_vm(reply, arguments, &port);
	if (vm == NULL)
		return;
	socket = channel_vsock_listen(channel, vm, (u32)port);
	if (socket == NULL)
		reply_fail(reply, CODE_BUSY,
			   "somebody listens at that port of %s already, or at %u others",
			   vm->config.name, VSOCK_LISTEN_MAX);
	else
		command_vsock_answer(reply, socket);
}

COMMAND(vsock_listen,
	.name = "vsock listen",
	.right = MAY_GUEST,
	.arguments = "NAME PORT",
	.summary = "takes connections that a guest opens, on a machine channel",
	.detail = "The guest reaches the port at CID 2, as long as the stream of the answer is\n"
		  "open; at any other port its connections are reset.",
	.example = "vsock listen alpha 9000",
	.keys = "stream",
	.run = command_vsock_listen,
	.minimum = 2,
	.maximum = 2,
	.audited = true,
	.changes = true,
	.completion = COMPLETE_VM);
