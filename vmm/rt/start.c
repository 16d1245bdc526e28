/* SPDX-License-Identifier: MIT */
/*
 * The first code of a ring-3 process: relocates the image, starts the clock and calls main. Called
 * by start.S; also answers which handles and values the process was started with. Owns start_info.
 */
#include "vmm/rt/start.h"
#include "kernel/abi/version.h"
#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* System V ABI: the parts of the dynamic section that a self-relocating image needs. */
struct elf_dynamic {
	s64 tag;
	u64 value;
};

struct elf_rela {
	u64 offset;
	u64 info;
	s64 addend;
};

enum { DT_NULL = 0, DT_RELA = 7, DT_RELASZ = 8, R_X86_64_RELATIVE = 8 };

extern const struct elf_dynamic _DYNAMIC[] __attribute__((visibility("hidden")));
extern const char __image_start[] __attribute__((visibility("hidden")));

/*
 * The number of system calls that start_free_predecessor makes. Each frees one piece of the
 * resources of the process before this one; a driver or a switch leaves fewer pieces than that.
 */
#define FREE_CALLS 64u

const struct start_info *start_info;
bool start_sysenter;

NORETURN void rt_main(const struct start_info *info);
NORETURN void __stack_chk_fail(void);

NORETURN void __stack_chk_fail(void)
{
	rt_fail("stack smashed");
}

/* Relocates the image, which is linked at 0: adds its address to every pointer in its data. */
static inline __attribute__((always_inline)) void start_relocate(void)
{
	u64 base = (u64)(uintptr_t)__image_start;
	const struct elf_rela *rela = NULL;
	u64 bytes = 0;

	for (const struct elf_dynamic *entry = _DYNAMIC; entry->tag != DT_NULL; entry++) {
		if (entry->tag == DT_RELA)
			rela = (const struct elf_rela *)(base + entry->value);
		else if (entry->tag == DT_RELASZ)
			bytes = entry->value;
	}
	for (u64 i = 0; rela != NULL && i < bytes / sizeof(*rela); i++) {
		if ((u32)rela[i].info != R_X86_64_RELATIVE)
			__builtin_trap();
		*(u64 *)(base + rela[i].offset) = base + (u64)rela[i].addend;
	}
}

void rt_main(const struct start_info *info)
{
	start_relocate();
	if (info->magic != START_MAGIC || info->abi_version != SKERRY_ABI_VERSION)
		__builtin_trap();
	start_info = info;
	start_sysenter = info->syscall_method == SYSCALL_METHOD_SYSENTER;
	clock_init(info->tsc_khz);
	sys_process_exit((u64)main());
}

static const struct start_entry *start_find_from(u32 index, u32 kind)
{
	for (; index < start_info->entry_count && index < START_ENTRY_MAX; index++) {
		if (start_info->entry[index].kind == kind)
			return &start_info->entry[index];
	}
	return NULL;
}

const struct start_entry *start_find(enum start_kind kind)
{
	return start_find_from(0, kind);
}

const struct start_entry *start_next(const struct start_entry *entry)
{
	return start_find_from((u32)(entry - start_info->entry) + 1, entry->kind);
}

void start_free_predecessor(void)
{
	for (u32 i = 0; i < FREE_CALLS; i++)
		(void)!sys_event_signal(HANDLE_NONE);
}

handle_t start_handle(enum start_kind kind)
{
	const struct start_entry *entry = start_find(kind);

	return entry != NULL ? entry->handle : HANDLE_NONE;
}

handle_t start_handle_of(enum start_kind kind, u64 value)
{
	const struct start_entry *entry = start_find(kind);

	while (entry != NULL && entry->value != value)
		entry = start_next(entry);
	return entry != NULL ? entry->handle : HANDLE_NONE;
}

void rt_fail(const char *text)
{
	u64 code = 0;

	memcpy(&code, text, strnlen(text, sizeof(code)));
	sys_process_exit(code);
}
