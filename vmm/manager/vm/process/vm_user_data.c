/* SPDX-License-Identifier: MIT */
/*
 * Keeps the user-data that comes over a machine channel: in pieces on the channel, then with the VM
 * that `vm create` makes of it, until its guest has used it. Called by the commands `user-data` and
 * `vm create`, by vm_create.c, vm_build.c and vm_firmware.c. The text is a secret: it is
 * overwritten before its memory is freed, and nothing here writes any of it to a log or an answer.
 */
#include "vmm/manager/vm/process/vm_user_data.h"

#include "vmm/manager/config/file_types.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/manager/vm/process/vm_firmware.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/status_text.h"

static bool vm_user_data_begin(struct vm_user_data *text, char *problem, size_t size)
{
	enum status status;
	u64 at = 0;

	vm_user_data_drop(text);
	text->size = 0;
	status = memory_take(VM_USER_DATA_MAX, 0, &text->memory, &at);
	if (status == STATUS_OK)
		text->bytes = (u8 *)(uintptr_t)at;
	else
		format(problem, size, "the kernel says \"%s\" while making room for the text",
		       status_text(status));
	return status == STATUS_OK;
}

bool vm_user_data_add(struct vm_user_data *text, u64 at, const u8 *bytes, u64 count, char *problem,
		      size_t size)
{
	if (at == 0 && !vm_user_data_begin(text, problem, size))
		return false;
	if (text->bytes == NULL || at != text->size) {
		format(problem, size,
		       "a piece came for byte %llu, but %u bytes have come; begin again at 0",
		       (unsigned long long)at, text->bytes != NULL ? text->size : 0);
	} else if (count > VM_USER_DATA_MAX - text->size) {
		format(problem, size, "the text is too long; user-data has at most 32 KiB here");
	} else {
		memcpy(text->bytes + at, bytes, count);
		text->size += (u32)count;
		return true;
	}
	vm_user_data_drop(text);
	return false;
}

bool vm_user_data_check(const struct vm_user_data *text, char *problem, size_t size)
{
	size_t length;

	if (text->size == 0) {
		format(problem, size, "the text is empty; user-data says what cloud-init is to do");
		return false;
	}
	for (u32 i = 0; i < text->size; i += (u32)length) {
		length = utf8_length(text->bytes + i, text->size - i);
		if (length != 0 && text->bytes[i] != '\0')
			continue;
		format(problem, size,
		       length == 0 ? "byte %u of the text is not UTF-8, as cloud-init reads it"
				   : "byte %u of the text is a 0; user-data is text without one",
		       i);
		return false;
	}
	return true;
}

void vm_user_data_drop(struct vm_user_data *text)
{
	if (text->bytes == NULL)
		return;
	secret_forget(text->bytes, VM_USER_DATA_MAX);
	memory_give_back(text->memory, (u64)(uintptr_t)text->bytes, VM_USER_DATA_MAX);
	text->bytes = NULL;
	text->memory = HANDLE_NONE;
}

bool vm_user_data_is_given(const struct vm_config *config)
{
	return string_equal(config->seed, VM_SEED_GIVEN);
}

void vm_user_data_settle(struct vm *vm)
{
	if (!vm_user_data_is_given(&vm->config) || vm_firmware_seed_is_gone(vm))
		vm_user_data_drop(&vm->user_data);
}

bool vm_user_data_clone(struct vm *clone, const struct vm *from, char *problem, size_t size)
{
	if (!vm_user_data_is_given(&from->config))
		return true;
	clone->user_data.size = from->user_data.size;
	if (from->user_data.bytes != NULL)
		return vm_user_data_add(&clone->user_data, 0, from->user_data.bytes,
					from->user_data.size, problem, size);
	string_copy(clone->seed_used, sizeof(clone->seed_used), VM_SEED_GIVEN);
	return true;
}

struct file vm_user_data_file(const struct vm *vm)
{
	return (struct file){
		.memory = vm->user_data.memory,
		.size = vm->user_data.size,
		.bytes = vm->user_data.bytes,
	};
}

u64 vm_user_data_pages(const struct vm *vm)
{
	return vm->user_data.bytes != NULL ? VM_USER_DATA_MAX / PAGE_SIZE : 0;
}
