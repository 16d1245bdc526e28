/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Stands in for mapping in vmm/manager/vm/vm_handover.c, for tests in which the copied bytes do not
 * matter; vm_handover_test.c tests these.
 */
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	static u8 given[2 * PAGE_SIZE];
	static u8 copy[2 * PAGE_SIZE];

	(void)space, (void)at, (void)memory;
	assert_int_equal(offset, 0);
	assert_int_equal(bytes, sizeof(copy));
	*address = (u64)(uintptr_t)((rights & RIGHT_WRITE) == 0 ? given : copy);
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	(void)space, (void)at, (void)bytes;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind;
}
