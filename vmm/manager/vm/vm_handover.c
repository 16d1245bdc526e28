/* SPDX-License-Identifier: MIT */
/*
 * Has a monitor save its VM's state, and copies that state out of the monitor's reach. Called by
 * vm_renew.c, vm_snapshot.c and vm_backup.c, and by commands for the reasons that monitors give.
 * Owns vm->handover, whose memory is charged to the VM's group.
 */
#include "vmm/manager/vm/vm_handover.h"
#include "lib/bits.h"
#include "lib/read_once.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define STATE_MAX (16 * MIB)
/* bytes of the saved state copied in a step, so that no step takes long */
#define COPY_BYTES (256 * KIB)

bool vm_handover_may_begin(const struct vm *vm, char *problem, size_t size)
{
	if (vm_busy(vm))
		format(problem, size, "%s is still busy with the last command, try again",
		       vm->config.name);
	else if (vm->operation[OPERATION_STOP].phase != STOP_NONE)
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

static bool vm_handover_has_room(enum status status, char *problem, size_t size)
{
	if (status != STATUS_OK)
		format(problem, size, "the kernel says \"%s\" while making room for its state",
		       status_text(status));
	return status == STATUS_OK;
}

bool vm_handover_save(struct vm *vm, u64 bytes, char *problem, size_t size)
{
	struct vm_handover *handover = &vm->handover;
	handle_t theirs = HANDLE_NONE;
	enum status status;

	*handover = (struct vm_handover){.given = HANDLE_NONE, .copy = HANDLE_NONE, .bytes = bytes};
	if (bytes == 0) {
		format(problem, size, "its monitor does not say how large its state is");
		return false;
	}
	status = sys_memory_create(vm->group, bytes, 0, &handover->given);
	if (status == STATUS_OK)
		status = sys_handle_grant(vm->monitor.process, handover->given,
					  RIGHT_READ | RIGHT_WRITE, &theirs);
	if (!vm_handover_has_room(status, problem, size)) {
		vm_handover_drop(vm);
		return false;
	}
	vm->channel->state_memory = theirs;
	vm->channel->state_size = bytes;
	vm_send(vm, VM_COMMAND_SAVE);
	return true;
}

/*
 * Begins the copy of the saved state. Reads its size from the channel once, as the monitor may
 * change it.
 */
static bool vm_handover_begin_copy(struct vm *vm, char *problem, size_t size)
{
	struct vm_handover *handover = &vm->handover;

	handover->used = READ_ONCE(vm->channel->state_used);
	if (handover->used == 0)
		vm_handover_said(vm, problem, size);
	else if (handover->used > handover->bytes)
		format(problem, size, "its monitor does not say how large its state is");
	else
		return vm_handover_has_room(sys_memory_create(vm->group,
							      align_up(handover->used, PAGE_SIZE),
							      0, &handover->copy),
					    problem, size);
	return false;
}

/*
 * Copies a piece of the saved state. The monitor may still write: until the copy is complete, the
 * monitor determines its contents.
 */
static enum status vm_handover_copy_piece(struct vm_handover *handover)
{
	u64 bytes = MIN(align_up(handover->used, PAGE_SIZE) - handover->at, COPY_BYTES);
	handle_t space = start_handle(START_SPACE);
	enum status status;
	u64 from;
	u64 to;

	status = sys_space_map(space, 0, handover->given, handover->at, bytes, RIGHT_READ, &from);
	if (status != STATUS_OK)
		return status;
	status = sys_space_map(space, 0, handover->copy, handover->at, bytes,
			       RIGHT_READ | RIGHT_WRITE, &to);
	if (status == STATUS_OK) {
		memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
		sys_space_unmap(space, to, bytes);
		handover->at += bytes;
	}
	sys_space_unmap(space, from, bytes);
	return status;
}

enum vm_handover_progress vm_handover_take(struct vm *vm, handle_t *state, u64 *used, char *problem,
					   size_t size)
{
	struct vm_handover *handover = &vm->handover;

	if ((handover->copy == HANDLE_NONE && !vm_handover_begin_copy(vm, problem, size)) ||
	    !vm_handover_has_room(vm_handover_copy_piece(handover), problem, size)) {
		vm_handover_drop(vm);
		return HANDOVER_FAILED;
	}
	if (handover->at < handover->used)
		return HANDOVER_COPIES;
	*state = handover->copy;
	*used = handover->used;
	handover->copy = HANDLE_NONE;
	vm_handover_drop(vm);
	return HANDOVER_DONE;
}

void vm_handover_drop(struct vm *vm)
{
	vm_handover_end(&vm->handover.given);
	vm_handover_end(&vm->handover.copy);
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
