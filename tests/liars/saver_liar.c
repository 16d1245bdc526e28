/* SPDX-License-Identifier: MIT */
/*
 * A monitor that is not done when its VM is saved, if the guest's command line is `liar`: it looks
 * for the host's key in all that it maps, as bytes and as hex digits, and keeps the memory of its
 * state, to write to it after a snapshot was taken.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/life/handover.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define KEY_BYTES 32u

void __real_handover_save(struct machine *machine);
void __wrap_handover_save(struct machine *machine);
void __real_handover_continue(struct machine *machine);
void __wrap_handover_continue(struct machine *machine);
void __real_handover_start(struct machine *machine);
void __wrap_handover_start(struct machine *machine);
enum status __real_sys_handle_close(handle_t handle);
enum status __wrap_sys_handle_close(handle_t handle);

static handle_t kept;	/* a handle of the memory that the state was saved to */
static u64 first_of_it; /* the first page of that memory, mapped */

static bool lies(void)
{
	return strcmp(start_info->command_line, "liar") == 0;
}

/* The key is as in test_liars.py; here it is made, so that this program's image has none. */
static void make_key(u8 key[KEY_BYTES], char digits[2 * KEY_BYTES])
{
	for (u32 i = 0; i < KEY_BYTES; i++)
		key[i] = (u8)(0x10 + 7 * i);
	for (u32 i = 0; i < 2 * KEY_BYTES; i++)
		digits[i] = "0123456789abcdef"[key[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf];
}

static bool holds(const u8 *bytes, u64 size, const void *wanted, u32 count)
{
	for (u64 i = 0; i + count <= size; i++) {
		if (bytes[i] == *(const u8 *)wanted && memcmp(bytes + i, wanted, count) == 0)
			return true;
	}
	return false;
}

static void look_for_key(struct machine *machine, const char *what, const void *at, u64 bytes)
{
	u64 first = align_down((u64)(uintptr_t)at, PAGE_SIZE);
	u64 size = align_up((u64)(uintptr_t)at + bytes, PAGE_SIZE) - first;
	const u8 *pages = (const u8 *)(uintptr_t)first;
	char digits[2 * KEY_BYTES];
	u8 key[KEY_BYTES];

	make_key(key, digits);
	if (holds(pages, size, key, sizeof(key)) || holds(pages, size, digits, sizeof(digits)))
		machine_log(machine, "liar: found the key in %s", what);
}

static void look_for_key_everywhere(struct machine *machine)
{
	static const enum start_kind files[] = {START_FILE_KERNEL, START_FILE_INITRD};

	look_for_key(machine, "its channel", machine->channel, sizeof(*machine->channel));
	look_for_key(machine, "its start page", start_info, START_BYTES);
	for (u32 i = 0; i < ARRAY_COUNT(files); i++) {
		const struct start_entry *entry = start_find(files[i]);

		if (entry != NULL)
			look_for_key(machine, "what it was given to load",
				     (const void *)(uintptr_t)entry->offset, entry->value);
	}
	machine_log(machine, "liar: looked for the key");
}

void __wrap_handover_save(struct machine *machine)
{
	if (lies()) {
		look_for_key_everywhere(machine);
		kept = machine->channel->state_memory;
	}
	__real_handover_save(machine);
}

enum status __wrap_sys_handle_close(handle_t handle)
{
	return handle != HANDLE_NONE && handle == kept ? STATUS_OK
						       : __real_sys_handle_close(handle);
}

/* The state is saved, and perhaps a snapshot's by now: whoever loads it finds a byte changed. */
void __wrap_handover_continue(struct machine *machine)
{
	enum status status;

	if (kept != HANDLE_NONE) {
		status = sys_space_map(start_handle(START_SPACE), 0, kept, 0, PAGE_SIZE,
				       RIGHT_READ | RIGHT_WRITE, &first_of_it);
		if (status == STATUS_OK)
			((u8 *)(uintptr_t)first_of_it)[200] ^= 1;
		machine_log(machine, "liar: to write to the saved state: %s", status_text(status));
	}
	__real_handover_continue(machine);
}

void __wrap_handover_start(struct machine *machine)
{
	if (lies())
		look_for_key_everywhere(machine);
	__real_handover_start(machine);
}
