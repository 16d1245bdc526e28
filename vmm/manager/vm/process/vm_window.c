/* SPDX-License-Identifier: MIT */
/*
 * Owns the windows that VMs share (vm_window.h). Called by vm_build.c, vm_build_check.c and the
 * operation of snapshots on request. Makes and ends kernel objects of the manager's own group;
 * never maps a window, whose content is the guests'.
 */
#include "vmm/manager/vm/process/vm_window.h"

#include "vmm/manager/process/events.h"
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"
#include "vmm/rt/window.h"

#define WINDOW_COUNT 16u /* the most windows of a host */
/* pages of a window besides its content: the bells, the object's slots, the events */
#define WINDOW_EXTRA_PAGES (3u + WINDOW_SIZE_MAX / (2 * MIB))

struct window {
	struct window_config config; /* bytes 0: the entry is free */
	handle_t memory;
	handle_t bell[WINDOW_PLACES];
	u32 vm[WINDOW_PLACES]; /* the id of the VM that has the place; 0: it is free */
};

static struct window windows[WINDOW_COUNT];

static struct window *vm_window_find(const struct window_config *config)
{
	for (u32 i = 0; i < WINDOW_COUNT; i++)
		if (windows[i].config.bytes != 0 &&
		    string_equal(windows[i].config.name, config->name))
			return &windows[i];
	return NULL;
}

static u64 vm_window_pages_of(const struct window_config *config)
{
	return config->bytes != 0 ? config->bytes / PAGE_SIZE + WINDOW_EXTRA_PAGES : 0;
}

u64 vm_window_pages(void)
{
	u64 pages = 0;

	for (u32 i = 0; i < WINDOW_COUNT; i++)
		pages += vm_window_pages_of(&windows[i].config);
	return pages;
}

u64 vm_window_new_pages(const struct vm *vm)
{
	struct window_config config;

	return config_window(&vm->config, &config) && vm_window_find(&config) == NULL
		       ? vm_window_pages_of(&config)
		       : 0;
}

static void vm_window_end(struct window *window)
{
	for (u32 i = 0; i < WINDOW_PLACES; i++)
		if (window->bell[i] != HANDLE_NONE)
			sys_object_destroy(window->bell[i]);
	if (window->memory != HANDLE_NONE)
		sys_object_destroy(window->memory);
	*window = (struct window){.memory = HANDLE_NONE};
}

static struct window *vm_window_make(const struct window_config *config, char *problem, size_t size)
{
	handle_t group = start_handle(START_GROUP);
	struct window *window = NULL;
	enum status status;

	for (u32 i = 0; i < WINDOW_COUNT && window == NULL; i++)
		if (windows[i].config.bytes == 0)
			window = &windows[i];
	if (window == NULL) {
		format(problem, size,
		       "window: there are %u windows already, and there can be no more",
		       WINDOW_COUNT);
		return NULL;
	}
	window->config = *config;
	status = sys_memory_create(group, PAGE_SIZE + config->bytes, 0, &window->memory);
	for (u32 i = 0; i < WINDOW_PLACES && status == STATUS_OK; i++)
		status = sys_event_create(group, &window->bell[i]);
	if (status == STATUS_OK)
		return window;
	format(problem, size, "the kernel says \"%s\" while making its window",
	       status_text(status));
	vm_window_end(window);
	return NULL;
}

/* Returns whether the place is free; that of a VM that is gone is. */
static bool vm_window_is_free(const struct window *window, u32 place)
{
	return window->vm[place] == 0 || vm_by_id(window->vm[place]) == NULL;
}

bool vm_window_take(struct vm *vm, char *problem, size_t size)
{
	struct window_config config;
	struct window *window;
	char bytes[24];

	vm->window = (struct vm_window){.number = 0};
	if (!config_window(&vm->config, &config) || config.bytes == 0)
		return true;
	window = vm_window_find(&config);
	if (window == NULL)
		window = vm_window_make(&config, problem, size);
	if (window == NULL)
		return false;
	if (window->config.bytes != config.bytes) {
		format(bytes, sizeof(bytes), "%lluK",
		       (unsigned long long)(window->config.bytes / KIB));
		format(problem, size,
		       "window: %s has another size in a VM that has it already; set window = %s "
		       "%s here, too",
		       config.name, config.name, bytes);
		return false;
	}
	for (u32 place = 0; place < WINDOW_PLACES; place++) {
		if (!vm_window_is_free(window, place))
			continue;
		window->vm[place] = vm->id;
		vm->window.number = (u32)(window - windows) + 1;
		vm->window.place = place;
		return true;
	}
	format(problem, size, "window: %u VMs have %s already; use another window for this one",
	       WINDOW_PLACES, config.name);
	return false;
}

u32 vm_window_ram_rights(const struct vm *vm)
{
	return RIGHT_READ | RIGHT_WRITE | (vm->window.number != 0 ? (u32)RIGHT_MAP : 0);
}

void vm_window_give(const struct vm *vm, struct process_build *build)
{
	const struct window *window;

	if (vm->window.number == 0)
		return;
	window = &windows[vm->window.number - 1];
	process_build_grant(build, START_WINDOW, window->memory, RIGHT_READ | RIGHT_WRITE,
			    window->config.bytes + vm->window.place);
	for (u32 place = 0; place < WINDOW_PLACES; place++)
		process_build_grant(
			build, START_WINDOW, window->bell[place],
			place == vm->window.place ? RIGHT_WRITE | RIGHT_BIND : RIGHT_WRITE, place);
}

void vm_window_detach(const struct vm *vm)
{
	if (vm->window.number != 0)
		(void)!events_mute(windows[vm->window.number - 1].bell[vm->window.place]);
}

void vm_window_leave(struct vm *vm)
{
	struct window *window;

	if (vm->window.number == 0)
		return;
	window = &windows[vm->window.number - 1];
	window->vm[vm->window.place] = 0;
	vm->window = (struct vm_window){.number = 0};
	for (u32 place = 0; place < WINDOW_PLACES; place++)
		if (!vm_window_is_free(window, place))
			return;
	vm_window_end(window);
}
