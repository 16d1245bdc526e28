/* SPDX-License-Identifier: MIT */
/* A volume gets another key: what the store and the process that copies may do meanwhile. */
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

static u32 begun(void)
{
	u32 number = rekey_begin(&store, &volume, NULL, "other", problem, sizeof(problem));

	assert_int_not_equal(number, 0);
	return number;
}

static u32 begun_live(void)
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

/* The volume has its new key after one command, while nobody else can use it. */
static void gets_a_key(void **state)
{
	u32 number = begun();

	(void)state;
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	assert_int_equal(rekey_begin(&store, &volume, NULL, "other", problem, sizeof(problem)), 0);
	assert_non_null(strstr(problem, "only one can at a time"));
	content.phase = CONTENT_HOLDING;
	fake.silent = true;
	now_tsc += 1000 * ASK_NS; /* however long that takes */
	step(STEPS_MAX);
	assert_int_equal(fake.operation, STORE_ROLLBACK);
	assert_int_equal(fake.item.volume, 1);
	assert_int_equal(fake.item.other, 2);
	assert_int_equal(fake.item.key.id, 7);
	assert_string_equal(fake.item.key.name, "other");
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	assert_true(fake.held);
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 1);
	assert_true(fake.held_at_take);
	assert_false(fake.held);
	assert_false(fake.made);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
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

/* Whatever fails before that command, the volume keeps its key, and the new one is dropped. */
static void fails(void **state)
{
	u32 number = begun();

	step(STEPS_MAX);
	content.phase = CONTENT_ENDING;
	string_copy(content.problem, sizeof(content.problem), "its disk cannot read there");
	keeps_its_key(number, "cannot read");
	assert_false(fake.made);

	(void)forget(state);
	fake.no_content = true;
	keeps_its_key(begun(), "no memory");
	assert_false(fake.made);

	/* its tag is by the key that had the name before, so nobody could use the volume */
	(void)forget(state);
	number = begun();
	fake.key_changed = true;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	keeps_its_key(number, "the key is wrong");
	assert_false(fake.made);

	/* a process that could not be made had a link already, and a volume in use is not dropped
	 */
	(void)forget(state);
	fake.no_content = true;
	fake.used = true;
	number = begun();
	step(STEPS_MAX);
	assert_int_equal(fake.operation, STORE_CREATE);
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	fake.used = false;
	keeps_its_key(number, "no memory");
	assert_int_equal(fake.operation, STORE_DROP);
	assert_false(fake.made);

	(void)forget(state);
	fake.status = STORE_NO_SPACE;
	keeps_its_key(begun(), "could not do it");

	(void)forget(state);
	fake.silent = true;
	number = begun();
	step(STEPS_MAX);
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");

	(void)forget(state);
	fake.busy = true;
	number = begun();
	step(STEPS_MAX);
	assert_int_equal(fake.asked, 0);
	assert_true(rekey_deadline() != ~0ull);
	now_tsc += ASK_NS;
	step(1);
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");
}

/*
 * A command that the store had already when the rekey began has changed the volume: by the tag for
 * its old name the volume could never be used again, and with its old size it would shrink.
 */
static void is_changed(void **state)
{
	for (u32 i = 0; i < 3; i++) {
		u32 number;

		(void)forget(state);
		fake.busy = true;
		number = begun();
		step(1);
		if (i == 0)
			string_copy(fake.now.name, sizeof(fake.now.name), "web-old");
		else if (i == 1)
			fake.now.sectors *= 2;
		else
			fake.now.id++; /* dropped, and another one has its name */
		fake.busy = false;
		step(STEPS_MAX);
		content.phase = CONTENT_HOLDING;
		step(STEPS_MAX);
		keeps_its_key(number, "changed meanwhile");
		assert_false(fake.made);
	}
}

/* The volume is copied only once the store has no command that might change it meanwhile. */
static void waits_for_the_store(void **state)
{
	u32 number = begun();

	(void)state;
	fake.silent = true;
	step(1);
	assert_int_equal(fake.operation, STORE_CREATE);
	fake.silent = false;
	fake.busy = true; /* with the next command, of somebody else */
	step(STEPS_MAX);
	assert_false(fake.held);
	assert_true(rekey_is_of(&store, 1));
	assert_false(rekey_is_of(&store, 2));
	fake.busy = false;
	step(STEPS_MAX);
	assert_true(fake.held);
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_false(rekey_is_of(&store, 1));
}

/* Who asked for a rekey hears how it ended although others have been begun since. */
static void says_how_it_ended(void **state)
{
	u32 number = begun();
	u32 failed;

	(void)state;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	fake.no_content = true;
	failed = begun();
	step(STEPS_MAX);
	fake.no_content = false;
	(void)begun();
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_true(rekey_ended(failed, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "no memory"));
}

/*
 * A store that refuses the last command leaves the volume as it was. If the store's disk fails
 * then, nobody knows what of the command is on the disk.
 */
static void is_refused(void **state)
{
	u32 number = begun();

	(void)state;
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	fake.status = STORE_NO_SPACE;
	keeps_its_key(number, "could not do it");

	(void)forget(state);
	number = begun();
	step(STEPS_MAX);
	content.phase = CONTENT_HOLDING;
	fake.status = STORE_DISK_ERROR;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "could not do it"));
	assert_null(strstr(problem, "keeps its key"));
	assert_non_null(strstr(problem, "keep both"));
	assert_false(fake.held);
}

/* A round of a volume that a VM uses has ended, in which the process has copied so many bytes. */
static void copied(u64 bytes)
{
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	content.moved = bytes;
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
}

/* More has changed than is copied while a guest stands still. */
static void too_much(void)
{
	step(STEPS_MAX);
	assert_int_equal(rekey.phase, REKEY_COPYING);
	content.too_much = true;
	content.phase = CONTENT_ENDING;
	step(1);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_COPIES);
	content.phase = CONTENT_NONE;
	step(STEPS_MAX);
}

/* The guest stands still, and the last round is under way. */
static u32 standing(void)
{
	u32 number = begun_live();

	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_COPIES);
	copied(4 * REKEY_HELD_BYTES);
	copied(REKEY_HELD_BYTES);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	assert_false(fake.kept);
	rekey_stands();
	return number;
}

static void assert_key(u64 id, const char *name)
{
	assert_int_equal(vm_link.key_id, id);
	assert_string_equal(vm_link.key, name);
}

/* A VM goes on writing: rounds of what it has changed, then one while it stands still. */
static void gets_a_key_while_used(void **state)
{
	u32 number = begun_live();

	(void)state;
	assert_true(rekey_uses(&vm_link));
	assert_false(rekey_uses(NULL));
	step(STEPS_MAX);
	assert_null(fake.changed);
	assert_int_equal(fake.item.key.id, 3); /* the snapshot has the volume's key */
	assert_int_equal(rekey_progress().round, 1);
	copied(4 * REKEY_HELD_BYTES);
	step(STEPS_MAX);
	assert_ptr_equal(fake.changed, &vm_link);
	assert_int_equal(fake.most, 0);
	copied(REKEY_HELD_BYTES);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	rekey_stands();
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	assert_string_equal(rekey_progress().state, "stands");
	assert_false(rekey_cancel(problem, sizeof(problem)));
	step(STEPS_MAX);
	assert_int_equal(fake.most, REKEY_HELD_BYTES);
	assert_int_equal(fake.points, 3);
	assert_key(3, "vault");
	fake.silent = true;
	content.phase = CONTENT_HOLDING;
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	assert_true(rekey_takes(&store, 1));
	assert_false(rekey_takes(&store, 2));
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_TAKEN);
	assert_false(rekey_takes(&store, 1));
	assert_int_equal(fake.item.other, 2);
	assert_int_equal(fake.item.key.id, 7);
	assert_key(7, "other");
	assert_true(fake.kept); /* the new monitor may fail yet */
	assert_false(rekey_ended(number, problem, sizeof(problem)));
	rekey_is_taken();
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_ENDED);
	assert_string_equal(rekey_progress().state, "done");
	assert_false(fake.made || fake.kept);
	assert_int_equal(fake.taken, 1);
}

/* The new monitor cannot go on: the volume and the link get the old content and key back. */
static void goes_back(void **state)
{
	u32 number = standing();

	copied(0);
	assert_key(7, "other");
	rekey_goes_back("no memory");
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 2);
	assert_key(3, "vault");
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "it keeps its key: no memory");

	/* the time is over while the store exchanges the two: whatever it answers, they go back */
	(void)forget(state);
	number = standing();
	step(STEPS_MAX);
	fake.silent = true;
	copied(0);
	rekey_goes_back("too long");
	step(STEPS_MAX);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_WORKS);
	fake.silent = false;
	step(STEPS_MAX);
	assert_int_equal(fake.taken, 2);
	assert_key(3, "vault");

	/* before the exchange nothing needs to go back */
	(void)forget(state);
	number = standing();
	step(STEPS_MAX);
	rekey_goes_back("too long");
	content.phase = CONTENT_NONE;
	keeps_its_key(number, "too long");
	assert_key(3, "vault");
	assert_false(fake.made || fake.kept);
}

/* A guest that changes more at the last moment runs on; one that always does keeps its key. */
static void is_too_fast(void **state)
{
	u32 number = standing();

	(void)state;
	too_much();
	assert_true(fake.merged); /* what this round should have copied goes to the next */
	copied(REKEY_HELD_BYTES + 1);
	assert_int_equal(fake.most, 0);
	step(STEPS_MAX);
	assert_false(fake.merged);
	for (u32 i = rekey.round; i < ROUNDS_MAX; i++)
		copied(REKEY_HELD_BYTES + 1);
	copied(REKEY_HELD_BYTES + 1);
	keeps_its_key(number, "writes faster than it is copied");
	assert_false(fake.made || fake.kept);
}

/* Whatever happens while the guest runs, the volume keeps its key, and nothing is left behind. */
static void is_given_up(void **state)
{
	u32 number = begun_live();

	step(STEPS_MAX);
	assert_true(rekey_cancel(problem, sizeof(problem)));
	keeps_its_key(number, "cancelled");
	assert_false(fake.made || fake.kept);
	assert_false(rekey_cancel(problem, sizeof(problem)));

	(void)forget(state);
	number = begun_live();
	step(STEPS_MAX);
	rekey_abandon(&vm_link, "its VM has ended");
	assert_false(rekey_uses(&vm_link));
	keeps_its_key(number, "its VM has ended");

	(void)forget(state);
	number = begun_live();
	step(STEPS_MAX);
	fake.not_whole = true;
	copied(4 * REKEY_HELD_BYTES);
	keeps_its_key(number, "not all changes");

	(void)forget(state);
	number = begun_live();
	fake.no_point = true;
	step(STEPS_MAX);
	now_tsc += ASK_NS;
	keeps_its_key(number, "does not answer");

	(void)forget(state);
	number = begun_live();
	copied(0);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_STAND);
	now_tsc += ASK_NS;
	keeps_its_key(number, "busy");
}

/* The VM ends while the store exchanges the two: whatever the store answers is so. */
static void ends_meanwhile(void **state)
{
	u32 number = standing();

	step(STEPS_MAX);
	fake.silent = true;
	copied(0);
	rekey_abandon(&vm_link, "its VM has ended");
	step(STEPS_MAX);
	assert_true(rekey_takes(&store, 1));
	fake.silent = false;
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_key(3, "vault"); /* the link is another VM's by now */

	(void)forget(state);
	number = standing();
	copied(0);
	rekey_abandon(&vm_link, "its VM has ended");
	step(STEPS_MAX);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_string_equal(problem, "");
	assert_int_equal(fake.taken, 1);
}

/* The store's disk fails at the exchange: the guest may not go on by either key. */
static void is_lost(void **state)
{
	u32 number = standing();

	(void)state;
	step(STEPS_MAX);
	fake.status = STORE_DISK_ERROR;
	copied(0);
	assert_int_equal(rekey_stage(&vm_link), REKEY_STAGE_LOST);
	assert_true(rekey_ended(number, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "keep both"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(gets_a_key, forget),
		cmocka_unit_test_setup(fails, forget),
		cmocka_unit_test_setup(is_changed, forget),
		cmocka_unit_test_setup(waits_for_the_store, forget),
		cmocka_unit_test_setup(says_how_it_ended, forget),
		cmocka_unit_test_setup(is_refused, forget),
		cmocka_unit_test_setup(gets_a_key_while_used, forget),
		cmocka_unit_test_setup(goes_back, forget),
		cmocka_unit_test_setup(is_too_fast, forget),
		cmocka_unit_test_setup(is_given_up, forget),
		cmocka_unit_test_setup(ends_meanwhile, forget),
		cmocka_unit_test_setup(is_lost, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
