/* SPDX-License-Identifier: MIT */
/*
 * Creates the manager, the first process, and gives it a handle to everything it starts with.
 * boot/init/main.c calls it once, last before the manager runs. It owns the root object; the pages
 * it hands out are never freed by the kernel.
 */
#include "boot/init/init.h"
#include "arch/x86_64/cpu/random.h"
#include "arch/x86_64/cpu/tsc.h"
#include "kernel/abi/start.h"
#include "kernel/abi/version.h"
#include "arch/x86_64/cpu/cpus.h"
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "kernel/machine/kernel_page.h"
#include "kernel/log/log_ring.h"
#include "kernel/object/long_lock.h"
#include "kernel/machine/machine.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "kernel/cpu/start.h"
#include "kernel/guest/vm.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

#define MANAGER_WEIGHT 1024u
/* the manager's handle table, 2^5 pages, has room for 8191 handles; a VM takes six */
#define MANAGER_TABLE_ORDER 5u
#define LOG_READ_MAX	    64u

/*
 * Declares the beginning and the end of an embedded file, which boot/blobs.S and boot/symbols.S
 * define.
 */
#define BLOB(name) extern const char blob_##name##_start[], blob_##name##_end[]
BLOB(manager);
BLOB(monitor);
BLOB(programs);
BLOB(demo);
BLOB(symbols);
extern const char __logfmt_start[], __logfmt_end[];

static struct object root;
static struct process *manager;

/*
 * Panics unless the status is STATUS_OK: only a lack of memory can make a step of this file fail.
 */
static void manager_must(enum status status)
{
	if (status != STATUS_OK)
		panic("cannot start the manager: status %u", status);
}

static struct start_entry *manager_give(struct start_info *info, enum start_kind kind,
					struct object *object, u32 rights)
{
	struct start_entry *entry = &info->entry[info->entry_count];
	u64 handle;

	CHECK(info->entry_count < START_ENTRY_MAX);
	info->entry_count++;
	entry->kind = kind;
	manager_must(handle_insert(manager->handles, object, rights, &handle));
	entry->handle = (handle_t)handle;
	return entry;
}

/*
 * Gives the manager a handle to the whole pages that contain the range, which begins entry->offset
 * bytes into them.
 */
static struct start_entry *manager_give_range(struct start_info *info, enum start_kind kind,
					      hpa_t base, u64 bytes, u32 rights)
{
	u64 first = align_down(base.value, PAGE_SIZE);
	u64 pages = (align_up(base.value + bytes, PAGE_SIZE) - first) / PAGE_SIZE;
	struct start_entry *entry;
	struct memory *memory;

	manager_must(memory_wrap(NULL, HPA(first), MAX(pages, 1ul), &memory));
	entry = manager_give(info, kind, &memory->object, rights);
	object_put(&memory->object);
	entry->offset = base.value - first;
	entry->value = bytes;
	return entry;
}

static void manager_give_blob(struct start_info *info, enum start_kind kind, const char *start,
			      const char *end, u32 rights)
{
	manager_give_range(info, kind, machine_image_hpa(start), (u64)(end - start), rights);
}

static void manager_give_modules(struct start_info *info, const struct boot_info *boot)
{
	for (u32 i = 0; i < boot->module_count && i < BOOT_MODULE_MAX; i++) {
		const struct boot_module *module = &boot->module[i];
		struct start_entry *entry = manager_give_range(
			info, START_MODULE, module->base, module->length, RIGHT_READ | RIGHT_GRANT);

		(void)string_copy(entry->name, sizeof(entry->name), module->name);
	}
}

/*
 * Gives the manager handles to the CPUs' log rings. The boot CPU's ring lies in the image; the
 * rings of CPUs with numbers from LOG_READ_MAX on are not given.
 */
static void manager_give_logs(struct start_info *info)
{
	manager_give_range(info, START_LOG, machine_image_hpa(&log_memory_boot),
			   sizeof(log_memory_boot), RIGHT_READ)
		->value = 0;
	for (u32 cpu = 1; cpu < cpus_count() && cpu < LOG_READ_MAX; cpu++)
		manager_give_range(info, START_LOG, pointer_to_hpa(log_ring_of(cpu)),
				   sizeof(struct log_memory), RIGHT_READ)
			->value = cpu;
}

static void manager_give_all(struct start_info *info, struct group *group,
			     const struct boot_info *boot)
{
	const u32 shown = RIGHT_READ | RIGHT_GRANT;

	manager_give(info, START_SELF, &manager->object, RIGHT_ALL);
	manager_give(info, START_SPACE, &manager->space->object, RIGHT_ALL);
	manager_give(info, START_GROUP, &group->object, RIGHT_ALL);
	manager_give(info, START_ROOT, &root, RIGHT_ALL);
	manager_give_range(info, START_KERNEL_PAGE, machine_image_hpa(machine.page),
			   KERNEL_PAGE_BYTES, RIGHT_READ);
	manager_give_logs(info);
	manager_give_blob(info, START_LOG_FORMATS, __logfmt_start, __logfmt_end, RIGHT_READ);
	manager_give_blob(info, START_SYMBOLS, blob_symbols_start, blob_symbols_end, RIGHT_READ);
	manager_give_blob(info, START_MONITOR_IMAGE, blob_monitor_start, blob_monitor_end,
			  shown | RIGHT_EXECUTE);
	manager_give_blob(info, START_PROGRAMS, blob_programs_start, blob_programs_end,
			  shown | RIGHT_EXECUTE);
	manager_give_blob(info, START_DEMO_GUEST, blob_demo_start, blob_demo_end, shown);
	manager_give_modules(info, boot);
}

static void manager_fill(struct start_info *info, const struct boot_info *boot)
{
	info->magic = START_MAGIC;
	info->abi_version = SKERRY_ABI_VERSION;
	info->syscall_method = features.vmx ? SYSCALL_METHOD_SYSENTER : SYSCALL_METHOD_SYSCALL;
	info->tsc_khz = tsc_khz();
	random_bytes(info->entropy, sizeof(info->entropy));
	memcpy(info->command_line, boot->command_line, sizeof(info->command_line));
	(void)string_copy(info->backend, sizeof(info->backend), virt->name);
	info->kernel_base = boot->image_base.value;
	machine.page->features = (features.meltdown ? HOST_SPLIT_TABLES : 0) |
				 features.speculation.done << HOST_SPECULATION_SHIFT;
	memcpy(info->rsdp, boot->rsdp_copy, sizeof(boot->rsdp_copy));
}

void manager_create(const struct boot_info *boot)
{
	struct memory *image;
	struct memory *start;
	struct group *group;
	struct start_info *info;

	object_init(&root, OBJECT_ROOT);
	manager_must(group_create(~0ull, MANAGER_WEIGHT, &group));
	manager_must(memory_wrap(NULL, machine_image_hpa(blob_manager_start),
				 align_up((u64)(blob_manager_end - blob_manager_start), PAGE_SIZE) /
					 PAGE_SIZE,
				 &image));
	long_lock();
	manager_must(process_create(group, image, 0, MANAGER_TABLE_ORDER, &manager));
	long_unlock();
	manager_must(page_alloc_cleared(bit_highest(START_BYTES / PAGE_SIZE), PAGE_KERNEL, NULL,
					(void **)&info));
	manager_must(memory_wrap(NULL, pointer_to_hpa(info), START_BYTES / PAGE_SIZE, &start));
	manager_fill(info, boot);
	manager_give_all(info, group, boot);
	object_put(&image->object);
	process_manager = manager;
	start_memory = start;
}
