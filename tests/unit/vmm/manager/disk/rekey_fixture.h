/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of rekeys share: a store, a process that copies and a VM's link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/string.c"
#include "vmm/manager/disk/rekey.c"
#include "vmm/manager/disk/rekey_round.c"
#include "vmm/manager/disk/store_work.c"
#include "vmm/rt/format.c"

#define STEPS_MAX 30u

static struct store_config pool = {.section.name = "pool"};
static struct store store = {.config = &pool};
static struct store_volume volume = {.id = 1, .sectors = 64, .name = "web", .key = {3, 4, "vault"}};
static struct content content;
static struct driver_link vm_link; /* by which a VM uses the volume */
static u64 now_tsc;
static char problem[224];

/* What the store and the process do. */
static struct {
	bool busy;			   /* the store takes no command */
	bool silent;			   /* the store answers none */
	u32 status;			   /* of its answers */
	bool made;			   /* the new volume is there */
	bool kept;			   /* the snapshot is there */
	u32 rounds;			   /* processes that copied */
	u32 points;			   /* times that the list of changes was begun anew */
	bool merged;			   /* the last time with the changes of before */
	bool not_whole;			   /* the list lacks changes */
	bool no_point;			   /* the driver does not begin the list anew */
	const struct driver_link *changed; /* whose changes the last process was given */
	u64 most;			   /* what it may copy */
	bool held;			   /* the process has links to both */
	bool no_content;		   /* no process can be made */
	bool key_changed;		   /* another key has the new one's name */
	bool used;	   /* the driver has not detached the new volume's link yet */
	u32 asked;	   /* commands */
	u32 taken;	   /* of these, the one that gives the volume its key */
	bool held_at_take; /* nobody else could use the volume then */
	struct store_item item;
	struct store_volume now; /* the volume, as the store says */
	u32 operation;
} fake;

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	(void)bytes;
	string_copy(to, size, from);
}

void random_draw(void *bytes, size_t count)
{
	memset(bytes, 0x5a, count);
}

u64 clock_tsc(void)
{
	return now_tsc;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

bool store_key_check(const struct store *in, const struct store_volume *of, char *why, size_t size)
{
	(void)in;
	assert_string_equal(of->name, "web");
	format(why, size, "the key is wrong");
	return of->key.id == 3 || !fake.key_changed;
}

bool store_key_new(const struct store *in, const char *name, struct store_item *item, char *why,
		   size_t size)
{
	(void)in, (void)why, (void)size;
	assert_string_equal(item->name, "web");
	item->key = (struct store_key){.id = 7, .tag = 8};
	string_copy(item->key.name, sizeof(item->key.name), name);
	return true;
}

bool store_is_idle(const struct store *in)
{
	(void)in;
	return !fake.busy;
}

bool store_volume_find(const struct store *in, const char *name, struct store_volume *found)
{
	(void)in;
	if (string_equal(name, fake.now.name)) {
		*found = fake.now;
		return true;
	}
	if (!rekey_needs(name))
		return false;
	if (string_equal(name, rekey.kept)) {
		*found = (struct store_volume){.id = 3, .flags = STORE_VOLUME_READ_ONLY};
		return fake.kept;
	}
	*found = (struct store_volume){.id = 2};
	return fake.made;
}

u64 store_ask(struct store *in, enum store_operation operation, const struct store_item *item,
	      u32 count, char *why, size_t size)
{
	(void)in, (void)why, (void)size;
	assert_int_equal(count, operation == STORE_DROP && rekey.phase == REKEY_DROPPING
					? fake.made + fake.kept
					: 1);
	fake.item = *item;
	fake.operation = operation;
	return ++fake.asked;
}

bool store_answered(const struct store *in, u64 number, struct store_answer *answer)
{
	(void)in;
	assert_int_equal(number, fake.asked);
	*answer = (struct store_answer){.status = fake.status, .number = number};
	if (fake.silent)
		return false;
	if (fake.status != STORE_OK)
		return true;
	if (fake.operation == STORE_CREATE)
		fake.made = true;
	if (fake.operation == STORE_SNAPSHOT)
		fake.kept = true;
	if (fake.operation == STORE_DROP) {
		/* of two volumes the snapshot comes first */
		fake.made = fake.item.volume == 3 && rekey.phase == REKEY_CLEARING;
		fake.kept = false;
	}
	if (fake.operation == STORE_ROLLBACK) {
		fake.taken++;
		fake.held_at_take = fake.held;
	}
	return true;
}

void store_users(const struct store *in, u64 of, char *text, size_t size)
{
	(void)in;
	assert_true(of == 2 || of == 3);
	string_copy(text, size, fake.used ? "volume rekey" : "");
}

void disk_changes_begin(struct driver_link *link, bool merge)
{
	assert_ptr_equal(link, &vm_link);
	fake.points++;
	fake.merged = merge;
}

bool disk_changes_begun(const struct driver_link *link)
{
	assert_ptr_equal(link, &vm_link);
	return !fake.no_point;
}

bool disk_changes_are_whole(const struct driver_link *link)
{
	assert_ptr_equal(link, &vm_link);
	return !fake.not_whole;
}

u64 content_moved(const struct content *of)
{
	return of->moved;
}

const struct content *content_begin(const struct content_wish *wish, char *why, size_t size)
{
	assert_int_equal(wish->operation, CONTENT_REKEY);
	assert_int_equal(wish->bytes, 64 * BLOCK_SECTOR_BYTES);
	assert_int_equal(wish->volume->key.id, 3);
	assert_int_equal(wish->to->key.id, 7);
	format(why, size, "there is no memory for it");
	if (fake.no_content)
		return NULL;
	content = (struct content){.number = 9, .phase = CONTENT_MOVING};
	fake.held = true;
	fake.rounds++;
	fake.changed = wish->changed;
	fake.most = wish->most;
	assert_int_equal(wish->volume->id, rekey.live ? 3 : 1);
	return &content;
}

const struct content *content_find(u32 number)
{
	return number == 9 ? &content : NULL;
}

void content_let_go(u32 number)
{
	if (number != 9)
		return;
	fake.held = false;
	content.phase = CONTENT_NONE;
}

static UNUSED u32 begun(void)
{
	u32 number = rekey_begin(&store, &volume, NULL, "other", problem, sizeof(problem));

	assert_int_not_equal(number, 0);
	return number;
}

static UNUSED u32 begun_live(void)
{
	u32 number = rekey_begin(&store, &volume, &vm_link, "other", problem, sizeof(problem));

	assert_int_not_equal(number, 0);
	return number;
}

static int forget(void **state)
{
	(void)state;
	memset(&rekey, 0, sizeof(rekey));
	memset(&fake, 0, sizeof(fake));
	memset(&content, 0, sizeof(content));
	fake.now = volume;
	vm_link = (struct driver_link){.used = true, .key_id = 3, .key = "vault"};
	now_tsc = 1;
	return 0;
}

static void step(u32 steps)
{
	while (steps-- > 0)
		(void)rekey_step();
}

static void keeps_its_key(u32 number, const char *why)
{
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 0);
	assert_false(fake.held);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_true(rekey_left());
	assert_false(rekey_left());
	assert_non_null(strstr(problem, "it keeps its key: "));
	assert_non_null(strstr(problem, why));
	assert_false(rekey_needs(fake.item.name));
}
