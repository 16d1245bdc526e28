/* SPDX-License-Identifier: MIT */
/* Ctrl-C and Ctrl-] typed after input that nobody takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/console/console_guest.c"
#include "vmm/manager/console/console_input.c"
#include "vmm/manager/text/text.h"

struct login console_login;

void terminal_filter_init(struct terminal_filter *filter,
			  void (*put)(void *context, const char *bytes, size_t count),
			  void *context)
{
	(void)filter, (void)put, (void)context;
}

void terminal_filter_take(struct terminal_filter *filter, const u8 *bytes, size_t count)
{
	(void)filter, (void)bytes, (void)count;
}

void terminal_filter_leave(struct terminal_filter *filter)
{
	(void)filter;
}

void terminal_filter_leave_raw(struct terminal_filter *filter,
			       void (*put)(void *context, const char *bytes, size_t count))
{
	(void)filter, (void)put;
}

size_t format(char *buffer, size_t size, const char *text, ...)
{
	(void)buffer, (void)size, (void)text;
	return 0;
}

void log_actor_set(const char *actor)
{
	(void)actor;
}

void log_message(enum log_level level, enum log_category category, const char *name,
		 const char *text, ...)
{
	(void)level, (void)category, (void)name, (void)text;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *reason)
{
	(void)name, (void)uuid, (void)event, (void)reason;
}

bool vm_busy(const struct vm *vm)
{
	(void)vm;
	return false;
}

#define PORT SERIAL_COM1

/* The typed bytes; the port holds the first SERIAL_RECEIVE_BYTES of those not yet taken. */
static u8 typed[1 << 20];
static u32 typed_count;
static u32 typed_taken;
static u32 guest_takes; /* the bytes that the guest will still accept */
static u32 guest_took;
static struct vm vm;

u32 serial_waiting(enum serial_name name)
{
	assert_int_equal(name, PORT);
	return MIN(typed_count - typed_taken, SERIAL_RECEIVE_BYTES);
}

u32 serial_find(enum serial_name name, u8 byte)
{
	const u8 *from = typed + typed_taken;
	const u8 *found = memchr(from, byte, serial_waiting(name));

	return found != NULL ? (u32)(found - from) + 1 : 0;
}

u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *port_lost)
{
	assert_int_equal(size, 1);
	*port_lost = 7;
	if (serial_waiting(name) == 0)
		return 0;
	*(u8 *)bytes = typed[typed_taken++];
	return 1;
}

u32 vm_console_write(struct vm *to, u32 port, const u8 *bytes, u32 count)
{
	assert_ptr_equal(to, &vm);
	assert_int_equal(port, 0);
	assert_int_equal(*bytes, 'x');
	if (guest_takes == 0)
		return 0;
	guest_takes--;
	guest_took++;
	return count;
}

u32 vm_console_read(struct vm *from, u32 port, u8 *bytes, u32 size)
{
	(void)from, (void)port;
	(void)bytes;
	(void)size;
	return 0;
}

u32 console_output_room(const struct console_output *output)
{
	(void)output;
	return CONSOLE_OUTPUT_BYTES;
}

void console_output_raw(struct console_output *output, const void *bytes, size_t count)
{
	(void)output;
	(void)bytes;
	(void)count;
}

void console_output_text(struct console_output *output, struct text text)
{
	(void)output, (void)text;
}

void console_output_fresh_line(struct console_output *output)
{
	(void)output;
}

struct vm *vm_by_id(u32 id)
{
	assert_int_equal(id, vm.id);
	return &vm;
}

bool vm_console_waiting(const struct vm *from, u32 port)
{
	(void)from, (void)port;
	return false;
}

static bool console_left(void)
{
	const char *why;
	bool left = console_guest_step(PORT, &why) == CONSOLE_GUEST_LEAVE;

	assert_null(why);
	return left;
}

static void type(char c, u32 count)
{
	assert_true(typed_count + count <= sizeof(typed));
	memset(typed + typed_count, c, count);
	typed_count += count;
}

static int begin(void **state)
{
	u8 byte;

	(void)state;
	typed_count = typed_taken = guest_takes = guest_took = 0;
	type('y', 1);
	while (console_input_next(PORT, &byte))
		;
	(void)console_input_lost();
	return 0;
}

static void expect_next(char c)
{
	u8 byte;

	assert_true(console_input_next(PORT, &byte));
	assert_int_equal(byte, c);
}

static void test_break(void **state)
{
	(void)state;
	assert_false(console_input_cut(PORT, KEY_BREAK));
	type('x', 300);
	assert_false(console_input_cut(PORT, KEY_BREAK));
	type(KEY_BREAK, 1);
	type('v', 1);
	assert_true(console_input_cut(PORT, KEY_BREAK));
	assert_false(console_input_cut(PORT, KEY_BREAK));
	assert_int_equal(console_input_lost(), 0);
	expect_next('v');
}

/* The key follows more than the port holds: after a time, input is dropped until it shows up. */
static void test_break_out_of_sight(void **state)
{
	const u32 count = 2 * SERIAL_RECEIVE_BYTES;

	(void)state;
	now += 60 * NS_PER_S; /* nothing was typed for a long time */
	type('x', count);
	type(KEY_BREAK, 1);
	type('v', 1);
	assert_false(console_input_cut(PORT, KEY_BREAK));
	assert_int_equal(console_input_deadline(PORT), now + 5 * NS_PER_S);
	now += 5 * NS_PER_S - 1;
	assert_false(console_input_cut(PORT, KEY_BREAK));
	assert_int_equal(console_input_lost(), 0);
	now++;
	for (u32 i = 0; !console_input_cut(PORT, KEY_BREAK); i++) {
		assert_true(i < 10);
		now += 5 * NS_PER_S; /* each drop starts the time anew */
	}
	assert_in_range(console_input_lost(), count - SERIAL_RECEIVE_BYTES + 1, count);
	assert_int_equal(console_input_lost(), 0);
	assert_int_equal(console_input_deadline(PORT), ~0ull);
	expect_next('v');
}

/* Pasted commands are not dropped as long as some input is taken now and then. */
static void test_nothing_lost_while_taken(void **state)
{
	u8 byte;

	(void)state;
	type('x', 3 * SERIAL_RECEIVE_BYTES);
	for (u32 i = 0; i < 3 * SERIAL_RECEIVE_BYTES; i++) {
		assert_false(console_input_cut(PORT, KEY_BREAK));
		now += 4 * NS_PER_S;
		expect_next('x');
	}
	assert_false(console_input_next(PORT, &byte));
	assert_int_equal(console_input_lost(), 0);
}

/* A guest that takes a byte now and then does not put off the detach. */
static void test_detach(void **state)
{
	u32 taken = 4096;

	(void)state;
	type('x', 5000);
	guest_takes = taken;
	assert_false(console_left());
	assert_true(console_input_held());
	now += 10 * NS_PER_S;
	type(KEY_DETACH, 1);
	type('v', 1);
	for (u32 i = 0; i < 10; i++) {
		guest_takes = 1;
		assert_false(console_left());
		now += NS_PER_S / 10;
	}
	assert_true(console_left());
	assert_int_equal(guest_took, taken + 10);
	assert_false(console_input_held());
	expect_next('v');
}

/* A key that is reached in its turn ends the guest's input; what follows goes to the console. */
static void test_detach_in_place(void **state)
{
	(void)state;
	type('x', 5000);
	type(KEY_DETACH, 1);
	type('v', 1);
	guest_takes = 5000;
	assert_true(console_left());
	assert_int_equal(guest_took, 5000);
	expect_next('v');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_break, begin),
		cmocka_unit_test_setup(test_break_out_of_sight, begin),
		cmocka_unit_test_setup(test_nothing_lost_while_taken, begin),
		cmocka_unit_test_setup(test_detach, begin),
		cmocka_unit_test_setup(test_detach_in_place, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
