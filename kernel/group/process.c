/* SPDX-License-Identifier: MIT */
/*
 * Processes: creates them from images, starts threads, ends and frees them.
 * kernel/call/sys_process.c and boot/init call it with the object lock held alone;
 * kernel/cpu/trap.c and kernel/group/group.c end processes. It owns a process's address space,
 * handle table, list of threads and I/O-port bitmap, all charged to the process's group.
 */
#include "kernel/group/process.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/random.h"
#include "arch/x86_64/hw/control.h"
#include "kernel/abi/image.h"
#include "kernel/abi/start.h"
#include "kernel/group/group.h"
#include "kernel/object/long_lock.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "lib/string.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

#define STACK_PAGES	16u
#define OVERHEAD_PAGES	32u /* pages that a process takes for its objects, handles and tables */
#define IMAGE_PAGES_MAX 8192u

/*
 * Reads and checks the image's header, once: ring 3 may change the image at any time. Page `first`
 * is one of the image's pages.
 */
static enum status process_read_header(struct memory *image, u64 first, struct image_header *header)
{
	enum status status = memory_populate(image, first);
	u64 file_pages;

	if (status != STATUS_OK)
		return status;
	*header = *(const struct image_header *)memory_pointer(image, first);
	if (header->magic != IMAGE_MAGIC || header->text_pages == 0 ||
	    header->text_pages > IMAGE_PAGES_MAX || header->rodata_pages > IMAGE_PAGES_MAX ||
	    header->data_pages > IMAGE_PAGES_MAX || header->bss_pages > IMAGE_PAGES_MAX)
		return STATUS_BAD_FORMAT;
	file_pages = (u64)header->text_pages + header->rodata_pages + header->data_pages;
	if (file_pages > image->page_count - first ||
	    header->entry >= header->text_pages * PAGE_SIZE)
		return STATUS_BAD_FORMAT;
	return STATUS_OK;
}

/*
 * The most calls of memory_populate for one page. Clearing a block of 2 MiB takes 16 calls; if the
 * page is still not present after 32, the group's quota waits for pages that are being freed.
 */
#define POPULATE_STEPS 32u

struct process *process_manager SECTION(".data.ro_after_init");

static enum status process_data_populate(struct memory *memory, u64 page)
{
	enum status status = STATUS_AGAIN;

	for (u32 n = 0; n < POPULATE_STEPS && status == STATUS_AGAIN; n++)
		status = memory_populate(memory, page);
	return status;
}

/*
 * Makes the process's own copy of the image's data; bss and the page of the stack canary follow in
 * the same memory object.
 */
static enum status process_copy_data(struct group *group, struct memory *image, u64 first,
				     const struct image_header *header, struct memory **data)
{
	u64 canary = (u64)header->data_pages + header->bss_pages;
	enum status status = memory_create(&group->quota, PAGE_PROCESS, canary + 1, 0, data);

	if (status != STATUS_OK)
		return status;
	status = process_data_populate(*data, canary);
	if (status == STATUS_OK) /* the canary's lowest byte is zero, which stops string overruns */
		*(u64 *)memory_pointer(*data, canary) = random_u64() & ~0xffull;
	for (u64 i = 0; status == STATUS_OK && i < header->data_pages; i++) {
		status = process_data_populate(*data, i);
		if (status == STATUS_OK)
			status = process_data_populate(image, first + i);
		if (status == STATUS_OK)
			memcpy(memory_pointer(*data, i), memory_pointer(image, first + i),
			       PAGE_SIZE);
	}
	if (status != STATUS_OK)
		object_put(&(*data)->object);
	return status;
}

static enum status process_map_image(struct process *process, struct memory *image, u64 first,
				     struct memory *data, const struct image_header *header)
{
	const struct {
		struct memory *memory;
		u64 first, count;
		u32 rights;
	} parts[] = {
		{image, first, header->text_pages, PT_READ | PT_EXECUTE},
		{image, first + header->text_pages, header->rodata_pages, PT_READ},
		{data, 0, data->page_count - 1, PT_READ | PT_WRITE},
		{data, data->page_count - 1, 1, PT_READ}, /* the page with the stack canary */
	};
	u64 total = parts[0].count + parts[1].count + data->page_count;
	u64 range = (SPACE_USER_HIGH - SPACE_USER_LOW) / PAGE_SIZE - total;
	enum status status = STATUS_OK;
	u64 at = SPACE_USER_LOW + random_below(range) * PAGE_SIZE;

	process->image_base = at;
	process->entry = at + header->entry;
	for (u32 i = 0; i < ARRAY_COUNT(parts) && status == STATUS_OK; i++) {
		u64 where = at;

		at += parts[i].count * PAGE_SIZE;
		if (parts[i].count != 0)
			status = space_map(process->space, where, parts[i].memory, parts[i].first,
					   parts[i].count, parts[i].rights, &where);
	}
	return status;
}

static enum status process_fill(struct process *process, struct memory *image, u64 first,
				const struct image_header *header)
{
	u64 of_data = first + header->text_pages + header->rodata_pages;
	struct memory *data;
	enum status status;

	long_aside();
	status = space_create_process(&process->group->quota, &process->space);
	long_back();
	if (status != STATUS_OK)
		return status;
	group_adopt(process->group, &process->space->object);
	long_aside();
	status = process_copy_data(process->group, image, of_data, header, &data);
	long_back();
	if (status != STATUS_OK)
		return status;
	group_adopt(process->group, &data->object);
	long_aside();
	status = process_map_image(process, image, first, data, header);
	long_back();
	object_put(&data->object); /* the process's mappings hold references to the object */
	return status;
}

/*
 * Returns true if the group's quota has room for the process only once pages that wait to be freed
 * are free. Checked before any part of the process exists, so that a caller that repeats the call
 * until then leaves nothing behind each time.
 */
static bool process_must_wait(struct quota *quota, const struct image_header *header)
{
	u64 pages = (u64)header->data_pages + header->bss_pages + OVERHEAD_PAGES;
	enum status status = quota_charge(quota, PAGE_PROCESS, pages);

	if (status == STATUS_OK)
		quota_release(quota, PAGE_PROCESS, pages, 0);
	return status == STATUS_AGAIN;
}

enum status process_create(struct group *group, struct memory *image, u64 first, u32 table_order,
			   struct process **result)
{
	struct quota *quota = &group->quota;
	struct image_header header;
	struct process *process;
	enum status status = process_read_header(image, first, &header);

	if (status == STATUS_OK && process_must_wait(quota, &header))
		status = STATUS_AGAIN;
	if (status == STATUS_OK)
		status = cache_alloc_object(quota, OBJECT_PROCESS, sizeof(*process),
					    (void **)&process);
	if (status != STATUS_OK)
		return status;
	status = page_alloc_cleared(table_order, PAGE_KERNEL, quota, (void **)&process->handles);
	if (status != STATUS_OK) {
		cache_free(process);
		return status;
	}
	handle_table_init(process->handles, PAGE_SIZE << table_order);
	list_init(&process->threads);
	process->group = group;
	process->ended.group = group;
	group_adopt(group, &process->object);
	status = process_fill(process, image, first, &header);
	if (status != STATUS_OK) {
		object_put(&process->object);
		return status == STATUS_AGAIN ? STATUS_NO_QUOTA : status;
	}
	*result = process;
	return STATUS_OK;
}

enum status process_thread_create(struct process *process, u64 entry, u64 stack, u64 argument,
				  struct thread **result)
{
	static u64 serials;
	struct thread *thread;
	enum status status;

	if (process->group->thread_count == GROUP_THREADS_MAX)
		return STATUS_TOO_BIG;
	status = cache_alloc_object(&process->group->quota, OBJECT_THREAD, sizeof(*thread),
				    (void **)&thread);
	if (status != STATUS_OK)
		return status;
	list_init(&thread->sleep_node);
	thread->process = process;
	thread->closed = &process->handles->closed;
	thread->ran_closed = RAN_NOTHING;
	thread->serial = ++serials;
	thread->state = THREAD_READY;
	thread->frame = (struct trap_frame){.rip = entry, .rsp = stack, .rdi = argument};
	thread->frame.cs = SELECTOR_USER_CODE;
	thread->frame.ss = SELECTOR_USER_DATA;
	thread->frame.rflags = RFLAGS_FIXED | RFLAGS_IF;
	list_push_back(&process->threads, &thread->sibling);
	process->thread_count++;
	process->group->thread_count++;
	thread->run.group = &process->group->run;
	thread->cpu = sched_place(process->group->affinity);
	sched_ready(thread);
	*result = thread;
	return STATUS_OK;
}

static enum status process_stack_create(struct process *process, u64 *base)
{
	struct memory *memory;
	enum status status;

	status = memory_create(&process->group->quota, PAGE_PROCESS, STACK_PAGES, 0, &memory);
	if (status != STATUS_OK)
		return status;
	group_adopt(process->group, &memory->object);
	status = space_map(process->space, 0, memory, 0, STACK_PAGES, PT_READ | PT_WRITE, base);
	object_put(&memory->object);
	return status;
}

enum status process_start(struct process *process, struct memory *start_memory)
{
	struct thread *thread;
	enum status status;
	u64 start = 0;
	u64 stack = 0;
	u64 top;

	if (process->started)
		return STATUS_BAD_STATE;
	if (!memory_range_valid(start_memory, 0, START_BYTES / PAGE_SIZE))
		return STATUS_BAD_ARGUMENT;
	status = space_map(process->space, 0, start_memory, 0, START_BYTES / PAGE_SIZE, PT_READ,
			   &start);
	if (status == STATUS_OK)
		status = process_stack_create(process, &stack);
	top = stack + STACK_PAGES * PAGE_SIZE - 16 * (random_u64() & 31);
	if (status == STATUS_OK)
		status = process_thread_create(process, process->entry, top, start, &thread);
	/*
	 * If an earlier mapping failed, `start` or `stack` is still 0: unmapping there has no
	 * effect, as nothing is ever mapped at 0.
	 */
	if (status != STATUS_OK) {
		while (space_unmap(process->space, start, START_BYTES) == STATUS_AGAIN ||
		       space_unmap(process->space, stack, STACK_PAGES * PAGE_SIZE) == STATUS_AGAIN)
			;
		return status;
	}
	process->started = true;
	object_get(&process->object);
	process->running = true;
	return STATUS_OK;
}

void process_end(struct process *process, u64 code)
{
	if (!process->running)
		return;
	process->running = false;
	process->exit_code = code;
	LIST_FOR_EACH(node, &process->threads)
		thread_end(LIST_ENTRY(node, struct thread, sibling));
	signal_raise(&process->ended);
	if (process == process_manager)
		panic("the manager ended, code %lx", code);
	object_put(&process->object);
}

void process_destroy(struct process *process)
{
	object_get(&process->object);
	process_end(process, 0);
	process->object.dead = true;
	handle_close_those(process->handles, false);
	object_put(&process->object);
}

enum status process_free(struct process *process)
{
	while (!list_empty(&process->threads)) {
		struct list *node = process->threads.next;

		list_remove(node);
		object_put(&LIST_ENTRY(node, struct thread, sibling)->object);
	}
	handle_close_those(process->handles, false);
	if (process->thread_count != 0)
		return STATUS_AGAIN;
	page_free(pointer_to_hpa(process->handles), &process->group->quota);
	if (process->ports != NULL)
		page_free(pointer_to_hpa(process->ports), &process->group->quota);
	if (process->space != NULL)
		object_put(&process->space->object);
	signal_unbind(&process->ended);
	cache_free(process);
	return STATUS_OK;
}
