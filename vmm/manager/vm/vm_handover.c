/* SPDX-License-Identifier: MIT */
#include "vmm/manager/vm/vm_handover.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define STATE_MAX (16 * MIB)

bool vm_handover_may_begin(const struct vm *vm, char *problem, size_t size)
{
	if (vm_busy(vm))
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
	else if (vm->stop_deadline_tsc != 0)
		format(problem, size, "it is being stopped");
	else
		return true;
	return false;
}

u64 vm_handover_state_bytes(const struct vm *vm)
{
	u64 bytes = READ_ONCE(vm->channel->state_bytes);

	return bytes <= STATE_MAX ? align_up(bytes, PAGE_SIZE) : 0;
}

bool vm_handover_save(struct vm *vm, u64 bytes, handle_t *state, char *problem, size_t size)
{
	handle_t theirs = HANDLE_NONE;
	enum status status;

	*state = HANDLE_NONE;
	if (bytes == 0) {
		format(problem, size, "its monitor does not say how large its state is");
		return false;
	}
	status = sys_memory_create(vm->group, bytes, 0, state);
	if (status == STATUS_OK)
		status = sys_handle_grant(vm->monitor.process, *state, RIGHT_READ | RIGHT_WRITE,
					  &theirs);
	if (status != STATUS_OK) {
		vm_handover_end(state);
		format(problem, size, "the kernel says \"%s\" while making room for its state",
		       status_text(status));
		return false;
	}
	vm->channel->state_memory = theirs;
	vm->channel->state_size = bytes;
	vm_send(vm, VM_COMMAND_SAVE);
	return true;
}

void vm_handover_said(const struct vm *vm, char *text, size_t size)
{
	char raw[sizeof(vm->channel->handover_problem)];

	memcpy(raw, vm->channel->handover_problem, sizeof(raw));
	text_show(text, size, (struct text){raw, strnlen(raw, sizeof(raw))});
	if (text[0] == '\0')
		format(text, size, "its monitor gave no reason");
}

u64 vm_handover_held_ns(const struct vm *vm)
{
	u64 from;
	u64 to;

	if (vm->channel == NULL)
		return 0;
	from = READ_ONCE(vm->channel->held_tsc);
	to = READ_ONCE(vm->channel->continued_tsc);
	return to > from ? clock_tsc_to_ns(to - from) : 0;
}

void vm_handover_end(handle_t *handle)
{
	if (*handle != HANDLE_NONE)
		sys_object_destroy(*handle);
	*handle = HANDLE_NONE;
}
