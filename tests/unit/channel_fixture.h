/* SPDX-License-Identifier: MIT */
#pragma once

/* The machine channel with a client that reads at any speed, commands and a VM of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/json_read.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/rt/crypto/hmac.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"
#include "vmm/manager/channel/channel_hello.c"
#include "vmm/manager/channel/channel_output.h"
#include "vmm/manager/channel/channel_samples.c"
#include "vmm/manager/channel/channel_stream.c"
#include "vmm/manager/channel/channel_transfer.h"
#include "vmm/manager/channel/channel_vsock.c"
#include "vmm/manager/transfer/transfer.c"
#include "vmm/manager/channel/machine_channel.c"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/exit_names.h"
#include "vmm/manager/login/login.h"
#include "vmm/manager/login/password.h"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/channel/request.h"
#include "vmm/manager/text/base64.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/log/vm_events.c"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/manager/vm/vm_vsock.c"

#define ITEMS 20000u /* items of a long answer */

/* The port: what the client has written, and what it can read. */
static char to_machine[65536];
static size_t to_machine_length;
static size_t to_machine_taken;
static u64 input_lost;
static char from_machine[8 << 20];
static size_t from_machine_length;
static size_t reader_takes; /* the bytes that the client reads in a turn */

struct machine_channel *channel_on_port(u32 number)
{
	return NULL;
}

void channel_ports_step(void)
{
}

u64 machine_time_ns(void)
{
	return 7;
}

/* The VMs and what they have printed: there is one VM, of id 5. */
static struct vm alpha = {.id = 5, .config = {.name = "alpha"}, .uuid = "the-uuid"};
static char printed[65536];
static u64 printed_end;
static u64 printed_oldest;
static char typed[65536];
static u32 typed_bytes;
static u32 guest_takes; /* the bytes that the guest reads */

struct vm *vm_by_id(u32 id)
{
	return id == alpha.id ? &alpha : NULL;
}

/* alpha has no peers; vm_peers_test.c has guests that do. */
bool vm_peers_take(struct vm *caller, u32 cid, u32 port, u32 slot, u32 use)
{
	return false;
}

void vm_peers_drop(struct vm *vm)
{
	assert_int_equal(vm->peers.open, 0);
}

struct vm *vm_at(u64 place)
{
	return place == 3 && alpha.id != 0 ? &alpha : NULL;
}

u32 vm_output_read(struct vm *vm, u32 port, u64 *at, u64 *lost, u8 *bytes, u32 size)
{
	u32 count;

	assert_true(vm == &alpha && port == 0);
	if (*at < printed_oldest) {
		*lost += printed_oldest - *at;
		*at = printed_oldest;
	}
	count = (u32)MIN(printed_end - *at, size);
	memcpy(bytes, printed + *at, count);
	*at += count;
	return count;
}

u32 vm_console_write(struct vm *vm, u32 port, const u8 *bytes, u32 count)
{
	assert_true(vm == &alpha && port == 0);
	count = MIN(count, guest_takes);
	memcpy(typed + typed_bytes, bytes, count);
	typed_bytes += count;
	guest_takes -= count;
	return count;
}

/* Rings of transfers: one at a time has memory. */
static struct transfer_ring *ring_memory;
static u32 bells;

void vm_user_data_drop(struct vm_user_data *text)
{
	text->bytes = NULL;
}

enum status memory_take(u64 bytes, u32 flags, handle_t *memory, u64 *at)
{
	assert_int_equal(bytes, TRANSFER_BYTES);
	assert_null(ring_memory);
	ring_memory = calloc(1, TRANSFER_BYTES);
	*memory = 70;
	*at = (u64)(uintptr_t)ring_memory;
	return STATUS_OK;
}

void memory_give_back(handle_t memory, u64 at, u64 bytes)
{
	assert_int_equal(memory, 70);
	assert_ptr_equal((void *)(uintptr_t)at, ring_memory);
	free(ring_memory);
	ring_memory = NULL;
}

enum status sys_event_signal(handle_t event)
{
	bells += event == 71;
	return STATUS_OK;
}

void process_build_map(struct process_build *build, enum start_kind kind, handle_t memory,
		       u64 offset, u64 bytes, u32 rights)
{
	assert_true(memory == 70 && offset == 0 && bytes == TRANSFER_BYTES);
}

/* The area of alpha's socket device, which only channel_vsock_test.c has. */
static struct vsock_area area;
static enum status populated = STATUS_OK;
static u64 populated_pages;

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	assert_int_equal(bytes, sizeof(area));
	*memory = 72;
	return STATUS_OK;
}

enum status sys_memory_address(handle_t root, handle_t memory, u64 offset, u64 *hpa)
{
	assert_true(memory == 72 && offset < sizeof(area) && offset % PAGE_SIZE == 0);
	populated_pages++;
	return populated;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	assert_true(memory == 72 && offset == 0 && bytes == sizeof(area));
	*address = (u64)(uintptr_t)&area;
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	assert_true(at == (u64)(uintptr_t)&area && bytes == sizeof(area));
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	return kind;
}

void process_build_note(struct process_build *build, const char *what, enum status status)
{
	build->what = what;
	build->status = status;
}

void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
	assert_true(kind == START_CHANNEL && handle == 72 && value == sizeof(area));
}

void process_build_name(struct process_build *build, const char *name)
{
}

const char *status_text(enum status status)
{
	return "no";
}

static u64 used_ns;
static struct group_page account;
static struct kernel_page *page;

struct vm_usage vm_usage(const struct vm *vm)
{
	return (struct vm_usage){.guest_ns = used_ns};
}

const struct group_page *vm_account(const struct vm *vm)
{
	return &account;
}

const struct kernel_page *machine_page(void)
{
	if (page == NULL) {
		page = calloc(1, sizeof(*page) + sizeof(page->cpu[0]));
		page->cpu_count = 1;
	}
	return page;
}

u64 machine_wall_seconds(u64 tsc)
{
	(void)tsc;
	return 1000;
}

void random_draw(void *bytes, size_t count)
{
	memset(bytes, 0xab, count);
}

u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost)
{
	assert_int_equal(name, SERIAL_COM2);
	assert_int_equal(size, 1);
	*lost = input_lost;
	if (to_machine_taken == to_machine_length)
		return 0;
	*(char *)bytes = to_machine[to_machine_taken++];
	return 1;
}

bool serial_began_line(enum serial_name name)
{
	assert_int_equal(name, SERIAL_COM2);
	return false;
}

u32 serial_send(enum serial_name name, const u8 *bytes, u32 count)
{
	u32 taken = (u32)MIN((size_t)count, reader_takes);

	assert_int_equal(name, SERIAL_COM2);
	assert_true(from_machine_length + taken < sizeof(from_machine));
	memcpy(from_machine + from_machine_length, bytes, taken);
	from_machine_length += taken;
	reader_takes -= taken;
	return taken;
}

static u32 items_left;
static bool ends_badly;

static void put_item(struct reply *reply)
{
	reply_object_begin(reply);
	json_u64(&reply->object, "item", ITEMS - items_left);
	json_string(&reply->object, "text", "some text to fill it, and more");
	reply_object_end(reply);
	items_left--;
}

static bool add_items(struct reply *reply)
{
	while (items_left > 0 && reply_room(reply) > REPLY_LINE_BYTES)
		put_item(reply);
	if (items_left > 0)
		return false;
	if (ends_badly)
		reply_error(reply, "it went wrong \"late\"");
	return true;
}

static bool wait_for_now(struct reply *reply)
{
	if (now < reply->deadline_tsc)
		return false;
	reply_line(reply, "waited");
	return true;
}

void command_run(struct reply *reply, const char *line)
{
	assert_true(reply->json);
	assert_false(reply->to->terminal);
	items_left = ITEMS;
	ends_badly = string_equal(line, "late");
	if (string_equal(line, "text")) {
		reply_line(reply, "a \"line\"\nand \x01 \xff another");
	} else if (string_equal(line, "fail")) {
		reply_line(reply, "not told");
		reply_error(reply, "no");
	} else if (string_equal(line, "huge")) {
		while (items_left > 0)
			put_item(reply);
	} else if (string_equal(line, "long") || ends_badly) {
		if (!add_items(reply))
			reply->resume = add_items;
	} else if (string_equal(line, "wait")) {
		reply->deadline_tsc = now + 100;
		reply->resume = wait_for_now;
	} else if (string_equal(line, "terminal")) {
		reply_has_terminal(reply);
	}
}

bool command_resume(struct reply *reply)
{
	return reply->resume(reply);
}

static char words_run[256]; /* the words of the commands as they came, each in brackets */

void command_run_words(struct reply *reply, const char *line, const char *const *more, u32 count)
{
	size_t length = (size_t)snprintf(words_run, sizeof(words_run), "%s", line);

	for (u32 i = 0; i < count; i++)
		length += (size_t)snprintf(words_run + length, sizeof(words_run) - length, " [%s]",
					   more[i]);
	reply_line(reply, "%s for %s", words_run, reply->to->name);
}

static void client_sends(const char *text)
{
	size_t length = strlen(text);

	memcpy(to_machine + to_machine_length, text, length);
	to_machine_length += length;
}

static void turns(u32 count, size_t takes)
{
	for (u32 i = 0; i < count; i++) {
		reader_takes = takes;
		machine_channels_step();
		machine_channels_step_streams();
	}
}

static int begin(void **state)
{
	(void)state;
	memset(&com2.output, 0, sizeof(com2.output));
	memset(&com2.input, 0, sizeof(com2.input));
	memset(com2.slot, 0, sizeof(com2.slot));
	com2.holder = NULL;
	com2.greeted = false;
	com2.rights = RIGHTS_DEFAULT;
	com2.event_cursor = 0;
	com2.samples.period_tsc = 0;
	com2.last_stream = com2.next_stream = 0;
	channel_streams_drop(&com2);
	written = 0;
	to_machine_length = to_machine_taken = from_machine_length = 0;
	input_lost = 0;
	channel_transfers_init();
	machine_channel_open();
	return 0;
}

/* The next line received, or NULL. */
static const char *next_line(void)
{
	static char line[4 << 20];
	char *end = memchr(from_machine, '\n', from_machine_length);
	size_t length;

	if (end == NULL)
		return NULL;
	length = (size_t)(end - from_machine);
	memcpy(line, from_machine, length);
	line[length] = '\0';
	from_machine_length -= length + 1;
	memmove(from_machine, end + 1, from_machine_length);
	return line;
}

static void expect(const char *text)
{
	const char *line = next_line();

	assert_non_null(line);
	assert_string_equal(line, text);
}
