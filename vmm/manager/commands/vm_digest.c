/* SPDX-License-Identifier: MIT */
/*
 * The command `vm digest`: shows SHA-256 digests of a VM's RAM and state. Run by command.c;
 * vm_save.c has a second process of the VM compute them.
 */
#include "lib/string.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/manager/vm/operation/save/vm_save.h"
#include "vmm/rt/crypto/sha256.h"

static void command_vm_digest_answer(struct reply *reply, const struct vm *vm)
{
	char ram[2 * SHA256_BYTES + 1];
	char state[2 * SHA256_BYTES + 1];
	u8 digest[SHA256_BYTES];

	memcpy(digest, vm->channel->ram_digest, sizeof(digest));
	text_hex(ram, digest, sizeof(digest));
	memcpy(digest, vm->channel->state_digest, sizeof(digest));
	text_hex(state, digest, sizeof(digest));
	if (!reply->json) {
		reply_line(reply, "%s: RAM   %s", vm->config.name, ram);
		reply_line(reply, "%s: state %s", vm->config.name, state);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "ram", ram);
	json_string(&reply->object, "state", state);
	reply_object_end(reply);
}

static bool command_vm_digest_resume(struct reply *reply)
{
	const struct vm *vm = command_vm_kept(reply);

	if (vm == NULL)
		return true;
	if (vm->operation[OPERATION_RENEW].phase != RENEW_NONE)
		/* not ended yet: the phases of a save have limits, the command needs none */
		return false;
	if (vm->operation[OPERATION_RENEW].problem[0] != '\0' || vm->channel == NULL)
		reply_error(reply, "%s: not digested: %s", vm->config.name,
			    vm->operation[OPERATION_RENEW].problem);
	else
		command_vm_digest_answer(reply, vm);
	return true;
}

static void command_vm_digest(struct reply *reply, const struct arguments *arguments)
{
	struct vm *vm = command_vm(reply, arguments->word[0]);
	char problem[256];

	if (vm == NULL)
		return;
	if (!vm_save_digest(vm, problem, sizeof(problem))) {
		command_vm_not_done(reply, vm, "digested", problem);
		return;
	}
	command_vm_wait(reply, vm, command_vm_digest_resume);
}

COMMAND(vm_digest,
	.name = "vm digest",
	.right = MAY_OPERATE,
	.arguments = "NAME",
	.summary = "SHA-256 of a VM's RAM, and of its state",
	.detail = "Of a running or paused VM, which stands still meanwhile. RAM is digested page\n"
		  "by page behind the page's number, those of zeros left out: what is saved and\n"
		  "restored has the digest that it had. The state has the time in it: it is the\n"
		  "same as long as the VM is paused.",
	.example = "vm digest alpha",
	.keys = "name ram state",
	.run = command_vm_digest,
	.minimum = 1,
	.maximum = 1,
	.audited = true,
	.completion = COMPLETE_VM);
