/* SPDX-License-Identifier: MIT */
/* Which VM has the machine channel of a section: the one that has it, until it leaves or boots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/channel/channel_port.c"
#include "vmm/rt/format.h"

static struct vm_channel memory;
static struct vm vms[2];
static struct channel_config section = {.rights = MAY_VIEW};
static u32 forgotten; /* how often a client was forgotten */

struct vm *vm_next(struct vm *vm)
{
	return vm == NULL ? &vms[0] : vm == &vms[0] ? &vms[1] : NULL;
}

struct vm *vm_by_id(u32 id)
{
	return id == vms[0].id ? &vms[0] : id == vms[1].id ? &vms[1] : NULL;
}

u32 vm_port_find(const struct vm *vm, const char *name)
{
	return 1;
}

u32 vm_console_write(struct vm *vm, u32 port, const u8 *bytes, u32 count)
{
	return count;
}

u64 vm_output_end(struct vm *vm, u32 port)
{
	return 0;
}

u32 vm_output_read(struct vm *vm, u32 port, u64 *at, u64 *lost, u8 *bytes, u32 size)
{
	return 0;
}

const struct channel_config *config_channel_find(const char *name)
{
	return string_equal(name, "skerry") ? &section : NULL;
}

enum status memory_map(u64 bytes, u64 *at)
{
	*at = (u64)(uintptr_t)calloc(1, bytes);
	return STATUS_OK;
}

void channel_init(struct machine_channel *channel, const struct channel_config *config)
{
	channel->name = "skerry";
}

void channel_forget_client(struct machine_channel *channel)
{
	forgotten++;
}

u64 vm_event_last(void)
{
	return 0;
}

bool login_required(void)
{
	return false;
}

static void start(struct vm *vm)
{
	vm->state = VM_RUNNING;
	vm->channel = &memory;
	vm->boots++;
}

static int setup(void **state)
{
	memset(vms, 0, sizeof(vms));
	for (u32 i = 0; i < 2; i++) {
		vms[i].id = i + 1;
		string_copy(vms[i].config.channel, sizeof(vms[i].config.channel), "skerry");
	}
	channel_ports_step();
	return 0;
}

static u32 holder(void)
{
	channel_ports_step();
	return channel_on_port(0)->on.vm_id;
}

static void test_another_vm_takes_it_from_nobody(void **state)
{
	start(&vms[0]);
	assert_int_equal(holder(), 1);
	forgotten = 0;
	start(&vms[1]);
	assert_int_equal(holder(), 1);
	assert_int_equal(holder(), 1);
	assert_int_equal(forgotten, 0);
	/* A guest that boots afresh is another client, of the same VM. */
	vms[0].boots++;
	assert_int_equal(holder(), 1);
	assert_int_equal(forgotten, 1);
}

static void test_it_is_free_when_its_vm_has_left(void **state)
{
	start(&vms[0]);
	assert_int_equal(holder(), 1);
	start(&vms[1]);
	/* A VM that has stopped keeps its port, whose bytes can still be read, but not the channel.
	 */
	vms[0].state = VM_STOPPED;
	assert_int_equal(holder(), 2);
	forgotten = 0;
	assert_int_equal(holder(), 2);
	start(&vms[0]);
	assert_int_equal(holder(), 2);
	assert_int_equal(forgotten, 0);
	vms[1].config.channel[0] = '\0';
	assert_int_equal(holder(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_another_vm_takes_it_from_nobody, setup),
		cmocka_unit_test_setup(test_it_is_free_when_its_vm_has_left, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
