/* SPDX-License-Identifier: MIT */
/* Disks of clones: which become views, what is refused, how a clone ends that has lost one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/vm/disks/vm_clone_disk.c"
#include "vmm/rt/format.h"

enum { SOURCE, CLONE, OTHER, VMS };

static struct vm vms[VMS];
static struct driver driver;
static struct disk_config configs[3];
static struct vm_snapshot first, last;
static u32 overlays; /* the overlays that were made */
static bool may_view, has_room;
static const char *source_problem; /* the source's disks are not whole */
static const char *undo_problem;   /* the problem of the clone's overlay */
static bool is_full;
static u32 crashes, full_events, notices;
static char reason[200];
static char problem[300];

struct disk_config *config_disk(u32 number)
{
	return &configs[number];
}

const char *config_disk_name(const struct vm_disk *disk, char text[CONFIG_DISK_BYTES])
{
	string_copy(text, CONFIG_DISK_BYTES, config_disk(disk->number - 1u)->section.name);
	return text;
}

struct vm *vm_next(struct vm *vm)
{
	if (vm == NULL)
		return vms;
	return vm + 1 < vms + VMS ? vm + 1 : NULL;
}

struct vm *vm_by_id(u32 id)
{
	return id == vms[SOURCE].id ? &vms[SOURCE] : NULL;
}

struct share_given disk_limit_of(const struct vm_config *config)
{
	return (struct share_given){.weight = config->disk_weight};
}

struct driver_link *disk_view_make_overlay(const struct driver_link *source, handle_t group,
					   const char *user, const struct share_given *limit,
					   char *why, size_t size)
{
	struct driver_link *link = &driver.link[8 + (source - driver.link)];

	assert_int_equal(group, vms[CLONE].group);
	assert_string_equal(user, "beta");
	assert_int_equal(limit->weight, 9);
	if (!may_view) {
		format(why, size, "no place");
		return NULL;
	}
	*link = (struct driver_link){.used = true, .disk = {.view = {.number = 4}}};
	return link;
}

bool vm_disk_prepare(struct vm *vm, struct driver_link *link, char *why, size_t size)
{
	/* the link is the VM's by now, and goes with the VM where this fails */
	assert_true(vm->link[0] == link || vm->link[2] == link);
	if (!has_room)
		format(why, size, "no room");
	return has_room;
}

void disk_undo_begin(struct driver_link *link)
{
	link->undo.number = 5;
	overlays++;
}

const char *disk_undo_problem(const struct driver_link *link)
{
	assert_true(disk_is_view(link));
	return undo_problem;
}

bool disk_undo_is_full(const struct driver_link *link)
{
	(void)link;
	return is_full;
}

bool vm_disks_are_whole(const struct vm *vm, char *why, size_t size)
{
	if (vm != &vms[SOURCE] || source_problem == NULL)
		return true;
	format(why, size, "%s", source_problem);
	return false;
}

void vm_crash(struct vm *vm, const char *words, bool monitor_alive)
{
	assert_ptr_equal(vm, &vms[CLONE]);
	assert_false(monitor_alive);
	format(reason, sizeof(reason), "%s", words);
	vm->state = VM_CRASHED;
	vm->phase = VM_PHASE_ENDING;
	crashes++;
}

void vm_event(const char *name, const char *uuid, enum vm_event event, const char *words)
{
	(void)uuid;
	assert_string_equal(name, "beta");
	assert_int_equal(event, EVENT_DISK_FULL);
	format(reason, sizeof(reason), "%s", words);
	full_events++;
}

void notice(const char *pattern, ...)
{
	(void)pattern;
	notices++;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

/* The source has a disk that it writes to, one that it reads, one more that it writes to. */
static int setup(void **state)
{
	(void)state;
	memset(vms, 0, sizeof(vms));
	memset(&driver, 0, sizeof(driver));
	overlays = crashes = full_events = notices = 0;
	may_view = has_room = true;
	source_problem = undo_problem = NULL;
	is_full = false;
	reason[0] = problem[0] = '\0';
	for (u32 i = 0; i < VMS; i++) {
		vms[i].id = i + 1;
		vms[i].state = VM_RUNNING;
		vms[i].group = 10 + i;
	}
	for (u32 i = 0; i < 3; i++) {
		format(configs[i].section.name, CONFIG_NAME_BYTES, "disk%u", i);
		driver.link[i] = (struct driver_link){.used = true, .disk = {.read_only = i == 1}};
		vms[SOURCE].link[i] = &driver.link[i];
		vms[SOURCE].config.disk[i].number = (u8)(i + 1);
	}
	string_copy(vms[SOURCE].config.name, CONFIG_NAME_BYTES, "alpha");
	string_copy(first.name, sizeof(first.name), "first");
	string_copy(last.name, sizeof(last.name), "last");
	last.disks_kept = true;
	return 0;
}

static struct vm *marked(void)
{
	struct vm *clone = &vms[CLONE];

	clone->config = vms[SOURCE].config;
	string_copy(clone->config.name, CONFIG_NAME_BYTES, "beta");
	clone->config.disk_weight = 9;
	clone->clone_of = vms[SOURCE].id;
	clone->origin = &last;
	vm_clone_disks_mark(clone, &vms[SOURCE]);
	return clone;
}

static bool attach(struct vm *clone, u32 place)
{
	problem[0] = '\0';
	return vm_clone_disk_attach(clone, place, problem, sizeof(problem));
}

static struct vm *attached(void)
{
	struct vm *clone = marked();

	assert_true(attach(clone, 0) && attach(clone, 2));
	clone->origin = NULL;
	return clone;
}

/* Nobody knows any more what the disks held at an earlier snapshot. */
static void only_the_last(void **state)
{
	(void)state;
	assert_true(vm_clone_disks_may(&vms[SOURCE], &last, problem, sizeof(problem)));
	assert_false(vm_clone_disks_may(&vms[SOURCE], &first, problem, sizeof(problem)));
	assert_string_equal(problem, "disk disk0: what it held at snapshot first is no longer "
				     "kept; use the last snapshot");
	vms[SOURCE].link[0] = vms[SOURCE].link[2] = NULL;
	assert_true(vm_clone_disks_may(&vms[SOURCE], &first, problem, sizeof(problem)));
}

static void are_views(void **state)
{
	struct vm *clone = marked();

	(void)state;
	assert_int_equal(clone->config.disk[0].flags, VM_DISK_CLONED);
	assert_int_equal(clone->config.disk[1].flags, 0);
	assert_int_equal(clone->config.disk[2].flags, VM_DISK_CLONED);
	assert_true(attach(clone, 0) && attach(clone, 2));
	assert_int_equal(overlays, 2);
	assert_ptr_equal(clone->link[0], &driver.link[8]);
	assert_int_equal(clone->link[0]->undo.number, 5);
	assert_true(vm_clone_has_views(clone, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "disk disk0: it is another VM's at a snapshot"));
	assert_false(vm_clone_has_views(&vms[SOURCE], problem, sizeof(problem)));
	/* views of views there are none */
	vms[OTHER].config = clone->config;
	vms[OTHER].config.disk[0].flags = vms[OTHER].config.disk[2].flags = 0;
	vm_clone_disks_mark(&vms[OTHER], clone);
	assert_int_equal(vms[OTHER].config.disk[0].flags, 0);
}

static void none_made(void **state)
{
	struct vm *clone = marked();

	(void)state;
	may_view = false;
	assert_false(attach(clone, 0));
	assert_string_equal(problem, "disk disk0: no place");
	assert_null(clone->link[0]);
	may_view = true;
	has_room = false;
	assert_false(attach(clone, 2));
	assert_string_equal(problem, "no room");
	assert_ptr_equal(clone->link[2], &driver.link[10]);
	assert_int_equal(overlays, 0);
}

/*
 * A clone that boots anew does not get the views again: above all it does not get the source's
 * disk, whoever has that by now.
 */
static void not_again(void **state)
{
	struct vm *clone = attached();

	(void)state;
	assert_false(attach(clone, 0));
	assert_non_null(strstr(problem, "disk disk0: the clone's own has ended with it"));
	clone->origin = &last;
	vms[SOURCE].link[0] = NULL;
	assert_false(attach(clone, 0));
	clone->clone_of = 0;
	assert_false(attach(clone, 2));
}

static void source_loses(void **state)
{
	struct vm *clone = attached();

	(void)state;
	vm_clone_disks_look(&vms[SOURCE]);
	assert_int_equal(crashes, 0);
	source_problem = "disk disk0: full";
	vms[OTHER].clone_of = vms[SOURCE].id; /* the source's disks are read-only */
	vms[SOURCE].phase = VM_PHASE_ENDING;  /* the source ends while others read its disks */
	vm_clone_disks_look(&vms[SOURCE]);
	vm_clone_disks_look(&vms[SOURCE]);
	assert_int_equal(crashes, 1);
	assert_string_equal(reason, "what it sees of alpha's is lost: disk disk0: full");
	/* a clone that is inspected after another crash keeps its reason */
	clone->phase = VM_PHASE_KNOWN;
	vm_clone_disks_look(&vms[SOURCE]);
	assert_int_equal(crashes, 1);
}

static void overlay_full(void **state)
{
	struct vm *clone = attached();

	(void)state;
	undo_problem = "full";
	is_full = true;
	for (u32 i = 0; i < 3; i++)
		vm_clone_disks_look(clone);
	assert_int_equal(full_events, 2); /* one event for each of the clone's disks */
	assert_int_equal(notices, 2);
	assert_string_equal(reason, "disk disk2: the room for what it writes (disk.undo) is full, "
				    "writes fail");
	assert_int_equal(crashes, 0);
	assert_int_equal(clone->state, VM_RUNNING);
}

static void overlay_lost(void **state)
{
	struct vm *clone = attached();

	(void)state;
	undo_problem = "its driver has lost it";
	vm_clone_disks_look(clone);
	vm_clone_disks_look(clone);
	assert_int_equal(crashes, 1);
	assert_string_equal(reason, "disk disk0: its driver has lost what it wrote");
	assert_int_equal(full_events, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_the_last), TEST(are_views),	 TEST(none_made),    TEST(not_again),
		TEST(source_loses),  TEST(overlay_full), TEST(overlay_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
