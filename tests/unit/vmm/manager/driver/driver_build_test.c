/* SPDX-License-Identifier: MIT */
/* What lasts of a driver, where the kernel refuses one of its parts: all of it, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/driver/driver_build.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

#define NEVER 1000u

static struct driver driver;
static u32 calls_left; /* the calls that the kernel does not refuse yet */
static u32 groups;
static u32 mappings; /* the mappings of the manager */
static u32 starts;
static struct driver_channel *shared;
static struct start_info info;
static struct pci_function function;
static u32 attached; /* how often a device was given something to reach */
static struct dma_window last_window;

static bool refuses(void)
{
	return calls_left == 0 || calls_left-- == 0;
}

static enum status make(handle_t *handle)
{
	if (refuses())
		return STATUS_NO_MEMORY;
	*handle = 9;
	return STATUS_OK;
}

enum status sys_group_create(handle_t root, u64 quota_pages, u64 weight, handle_t *group)
{
	enum status status = make(group);

	(void)root;
	(void)quota_pages;
	(void)weight;
	groups += status == STATUS_OK;
	return status;
}

enum status sys_group_set(handle_t group, enum group_setting setting, u64 value)
{
	(void)group;
	(void)value;
	assert_int_equal(setting, GROUP_QUOTA);
	return refuses() ? STATUS_NO_QUOTA : STATUS_OK;
}

static u32 images; /* the images made for services' programs */
static u64 image_bytes;
static handle_t process_image; /* the image of the last process */

enum status sys_event_create(handle_t group, handle_t *event)
{
	assert_int_not_equal(group, HANDLE_NONE);
	return make(event);
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *object)
{
	assert_int_not_equal(group, HANDLE_NONE);
	if (flags == MEMORY_IMAGE) {
		images++;
		image_bytes = bytes;
	}
	return make(object);
}

enum status sys_group_page(handle_t group, handle_t *object)
{
	(void)group;
	return make(object);
}

enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t object,
			   u64 offset, u64 bytes, handle_t *pages)
{
	(void)group;
	last_window = *window;
	(void)object;
	(void)offset;
	(void)bytes;
	*pages = 9; /* the pages are there, though not filled */
	return make(pages);
}

enum status sys_space_map(handle_t space, u64 at, handle_t object, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space;
	(void)at;
	(void)object;
	(void)offset;
	(void)bytes;
	(void)rights;
	if (refuses())
		return STATUS_NO_MEMORY;
	mappings++;
	*address = (u64)(uintptr_t)shared;
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	(void)space;
	(void)bytes;
	assert_ptr_equal((void *)(uintptr_t)at, shared);
	mappings--;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	(void)handle;
	groups--;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

bool program_find(const char *name, struct program *program)
{
	(void)name;
	program->image = 8;
	return true;
}

enum status events_bind(handle_t object, enum event_source source, u32 number)
{
	(void)object;
	(void)source;
	(void)number;
	return STATUS_OK;
}

struct pci_function *pci_get(u32 number)
{
	assert_int_equal(number, 0);
	return &function;
}

enum status iommu_space(const struct pci_function *of, handle_t group, handle_t *space)
{
	assert_int_not_equal(of->iommu, 0);
	assert_int_not_equal(group, HANDLE_NONE);
	return make(space);
}

enum status iommu_attach(struct pci_function *of, handle_t space)
{
	assert_int_not_equal(of->iommu, 0);
	assert_int_equal(space, 9);
	assert_int_equal(starts, 0);
	attached++;
	return STATUS_OK;
}

u32 driver_number(const struct driver *of)
{
	(void)of;
	return 0;
}

u64 clock_tsc_to_ns(u64 tsc)
{
	return 2 * tsc;
}

u64 pages_available(void)
{
	return ~0ull;
}

void process_build_note(struct process_build *build, const char *what, enum status status)
{
	if (process_build_failed(build))
		return;
	build->what = what;
	build->status = status;
}

void process_build_begin(struct process_build *build, handle_t group, handle_t image,
			 u64 first_page)
{
	(void)group;
	(void)first_page;
	process_image = image;
	build->info = &info;
}

void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
	(void)build;
	(void)kind;
	(void)handle;
	(void)rights;
	(void)value;
}

void process_build_show(struct process_build *build, handle_t object, u64 bytes, u32 rights,
			void *address)
{
	u64 at = 0;

	if (process_build_failed(build))
		return;
	process_build_note(build, "mapping", sys_space_map(1, 0, object, 0, bytes, rights, &at));
	memcpy(address, &at, sizeof(at));
}

void process_build_map(struct process_build *build, enum start_kind kind, handle_t object,
		       u64 offset, u64 bytes, u32 rights)
{
	(void)build;
	(void)kind;
	(void)object;
	(void)offset;
	(void)bytes;
	(void)rights;
}

void process_build_map_file(struct process_build *build, enum start_kind kind,
			    const struct file *file)
{
	(void)build;
	(void)kind;
	(void)file;
}

void process_build_start(struct process_build *build)
{
	(void)build;
	starts++;
}

void process_build_close(struct process_build *build)
{
	(void)build;
}

static const struct driver_class class = {.quota_pages = 1};
static const struct driver_kind kind = {.image = "e1000", .class = &class, .dma = true};

/* A build is refused at every place in turn; then, as by `driver restart`, done once more. */
static void all_or_nothing_behind(u8 iommu, const struct driver_kind *of)
{
	char problem[200];
	u32 place = 0;

	function.iommu = iommu;
	shared = malloc(align_up(DRIVER_CHANNEL_BYTES(1), PAGE_SIZE));
	for (bool done = false; !done; place++) {
		driver = (struct driver){.used = true, .kind = of};
		groups = mappings = starts = attached = 0;
		last_window = (struct dma_window){.space = HANDLE_NONE};
		calls_left = place;
		done = driver_build(&driver, problem, sizeof(problem)) == STATUS_OK;
		if (done)
			break;
		assert_int_equal(groups, 0);
		assert_int_equal(mappings, 0);
		assert_int_equal(starts, 0);
		attached = 0;
		calls_left = NEVER;
		assert_int_equal(driver_build(&driver, problem, sizeof(problem)), STATUS_OK);
		assert_ptr_equal(driver.channel, shared);
		assert_int_equal(groups, 1);
		assert_int_equal(mappings, 2);
		assert_int_equal(starts, 1);
		assert_int_equal(attached, iommu != 0);
		assert_int_equal(last_window.space, iommu != 0 ? 9 : HANDLE_NONE);
	}
	assert_true(place > 8);
	free(shared);
}

static void all_or_nothing(void **state)
{
	(void)state;
	all_or_nothing_behind(0, &kind);
	all_or_nothing_behind(1, &kind);
}

/*
 * A program of the bundle is copied to memory in which it begins with a page, and of which a
 * process may be made.
 */
static void a_program_of_the_bundle(void **state)
{
	static struct image_header image[PAGE_SIZE / sizeof(struct image_header) + 1] = {
		{.magic = IMAGE_MAGIC, .data_pages = 3, .bss_pages = 4}};
	const struct file program = {.bytes = (const u8 *)image, .size = sizeof(image)};
	const struct driver_kind service = {
		.class = &class, .program = &program, .argument = "as told"};

	(void)state;
	images = 0;
	all_or_nothing_behind(0, &service);
	assert_in_range(images, 2, 100);
	assert_int_equal(image_bytes, 2 * PAGE_SIZE);
	assert_int_equal(process_image, 9);
	assert_string_equal(info.command_line, "as told");
	assert_int_equal(driver_program_pages(&service), 2 + 3 + 4);
	assert_int_equal(driver_program_pages(&kind), 0);
}

/* The kernel refuses the memory for more of a disk. */
static void does_not_grow(void **state)
{
	char problem[200] = "";

	(void)state;
	driver = (struct driver){.used = true, .kind = &kind};
	calls_left = 0;
	assert_false(driver_add_store(&driver, MIB, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "the kernel says"));
	assert_int_equal(driver.grown_count, 0);
	calls_left = NEVER;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(a_program_of_the_bundle),
		cmocka_unit_test(does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
