/* SPDX-License-Identifier: MIT */
/* Finds programs in the boot image. Called by driver_build.c. Maps the image's directory once. */
#include "vmm/manager/process/program.h"

#include "kernel/abi/programs.h"
#include "lib/string.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* Returns the directory, mapped at the first call, or NULL if it cannot be mapped. */
static const struct program_entry *program_directory(void)
{
	static u64 at;

	if (at == 0 && sys_space_map(start_handle(START_SPACE), 0, start_handle(START_PROGRAMS), 0,
				     PAGE_SIZE, RIGHT_READ, &at) != STATUS_OK)
		return NULL;
	return (const struct program_entry *)(uintptr_t)at;
}

bool program_find(const char *name, struct program *program)
{
	const struct program_entry *entry = program_directory();

	for (u32 i = 0; entry != NULL && i < PROGRAM_MAX && entry[i].name[0] != '\0'; i++) {
		if (strcmp(entry[i].name, name) != 0)
			continue;
		program->image = start_handle(START_PROGRAMS);
		program->first_page = entry[i].first_page;
		return true;
	}
	return false;
}
