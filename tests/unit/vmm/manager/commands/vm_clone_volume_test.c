/* SPDX-License-Identifier: MIT */
/* `vm clone volume=`: what is a volume, which clones have a place for one, and who may give it. */
#include "tests/unit/config_fixture.h"
#include "tests/unit/still_clock.h"
#include "vmm/manager/commands/vm_clone.c"

static struct vm vm, made;
static struct vm_snapshot snapshot;
static struct vm_clone_own given; /* what the clone was made with */
static u32 clones, rights;
static struct reply reply;
static char said[400];

struct vm *command_vm(struct reply *to, const char *name)
{
	(void)to;
	assert_string_equal(name, "web");
	return &vm;
}

struct vm_snapshot *command_snapshot(struct reply *to, struct vm *of, const char *name)
{
	(void)to, (void)of, (void)name;
	return &snapshot;
}

struct vm *vm_clone(struct vm *from, const struct vm_snapshot *of, const char *name,
		    const struct vm_clone_own *own, char *problem, size_t size)
{
	(void)from, (void)of, (void)name, (void)problem, (void)size;
	given = *own;
	clones++;
	return &made;
}

bool command_runs_take_owner(struct reply *to, const char *text, char owner[VM_RUN_OF_BYTES])
{
	(void)to;
	string_copy(owner, VM_RUN_OF_BYTES, text);
	return true;
}

bool reply_may(struct reply *to, u32 wanted)
{
	(void)to;
	string_copy(said, sizeof(said), (rights & wanted) != 0 ? "" : "no right");
	return (rights & wanted) != 0;
}

void reply_bad(struct reply *to, const char *pattern, ...)
{
	va_list values;

	(void)to;
	va_start(values, pattern);
	format_va(said, sizeof(said), pattern, values);
	va_end(values);
}

/* --- what no clone here comes to --- */

void reply_fail(struct reply *to, enum reply_code code, const char *pattern, ...)
{
	(void)to, (void)code;
	fail_msg("%s", pattern);
}

void reply_error(struct reply *to, const char *pattern, ...)
{
	(void)to;
	fail_msg("%s", pattern);
}

void reply_line(struct reply *to, const char *pattern, ...)
{
	(void)to, (void)pattern;
}

void reply_object_begin(struct reply *to)
{
	(void)to;
}

void reply_object_end(struct reply *to)
{
	(void)to;
}

void json_string(struct json *json, const char *key, const char *value)
{
	(void)json, (void)key, (void)value;
}

void command_vm_await_monitor(struct reply *to, const struct vm *of,
			      bool (*resume)(struct reply *reply))
{
	(void)to, (void)of, (void)resume;
}

bool command_vm_given_up(struct reply *to, const struct vm *of)
{
	(void)to, (void)of;
	return true;
}

void command_vm_wait_on(struct reply *to)
{
	(void)to;
}

struct config *boot_config(void)
{
	return &config;
}

const struct net *net_at(u32 index)
{
	(void)index;
	return NULL;
}

bool vm_busy(const struct vm *of)
{
	(void)of;
	return false;
}

struct vm *vm_by_id(u32 id)
{
	(void)id;
	return NULL;
}

struct vm *vm_find(const char *name)
{
	(void)name;
	return NULL;
}

const char *vm_refusal(u32 id)
{
	(void)id;
	return "";
}

struct vm_snapshot *vm_snapshot_find(struct vm *of, const char *name)
{
	(void)of, (void)name;
	return NULL;
}

const char *vm_state_name(enum vm_state state)
{
	(void)state;
	return "";
}

void vm_volumes_drop_clones(const struct vm *from, const char *clone,
			    const struct vm_volumes_work *work)
{
	(void)from, (void)clone, (void)work;
}

enum disk_undo_state vm_volumes_make_clones(const struct vm *from, const struct vm_snapshot *of,
					    const char *clone, struct vm_volumes_work *work,
					    char *problem, size_t size)
{
	(void)from, (void)of, (void)clone, (void)work, (void)problem, (void)size;
	return DISK_UNDO_FAILED;
}

void vm_volumes_forget_names(void)
{
}

/* --- the tests --- */

/* The first has these disks. */
static void begin(const char *disks)
{
	char text[300];

	format(text, sizeof(text),
	       "[vm web]\nkernel = k\n%s[store pool]\ndisk = raw\n[disk raw]\n"
	       "controller = nvme0\n[disk image]\ncontroller = memory\nsize = 4K\n"
	       "[disk volume]\ncontroller = memory\nsize = 4K\nread_only = yes\n",
	       disks);
	assert_int_equal(parse(text), 0);
	vm.config = config.vm[0];
	snapshot = (struct vm_snapshot){.volumes = 0};
	rights = MAY_OPERATE | MAY_CONFIGURE;
	clones = 0;
}

/* Asks for a clone with two more words; NULL: without the second. Returns whether one was made. */
static bool ask(const char *word, const char *more)
{
	const struct arguments arguments = {.count = more != NULL ? 4 : 3,
					    .word = {"web@gate", "one", word, more}};
	u32 before = clones;

	said[0] = '\0';
	given = (struct vm_clone_own){.volume_place = 0};
	command_vm_clone_run(&reply, &arguments);
	assert_int_equal(clones == before, said[0] != '\0');
	return clones != before;
}

static void refused(const char *word, const char *part)
{
	assert_false(ask(word, NULL));
	if (strstr(said, part) == NULL)
		assert_string_equal(said, part);
}

static void test_volumes(void **state)
{
	static const char longest[] = "volume=pool/abcdefghijklmnopqrstuvwxyz01234:ro";
	char name[CONFIG_DISK_BYTES];

	(void)state;
	begin("disk = image ro, volume ro\n");
	assert_true(ask("volume=pool/home", "run=alice"));
	assert_int_equal(given.volume.flags, VM_DISK_VOLUME);
	assert_int_equal(given.volume_place, 1);
	assert_string_equal(config_disk_name(&given.volume, name), "pool/home");
	assert_string_equal(given.run_of, "alice");
	assert_true(ask("volume=pool/home:ro", NULL));
	assert_int_equal(given.volume.flags, VM_DISK_VOLUME | VM_DISK_READ_ONLY);
	assert_string_equal(config_disk_name(&given.volume, name), "pool/home");
	assert_true(ask(longest, NULL));
	assert_string_equal(config_disk_name(&given.volume, name),
			    "pool/abcdefghijklmnopqrstuvwxyz01234");
	assert_true(ask("run=alice", NULL));
	assert_int_equal(given.volume.number, 0);
	assert_false(ask("run=alice", "volume=pool/home"));
}

static void test_no_volumes(void **state)
{
	static const char *const wrong[] = {
		"",
		":ro",
		"home",
		"home:ro",
		"none",
		"none:ro",
		"/",
		"/home",
		"pool/",
		"pool/:ro",
		"pool/a/b",
		"pool/a ro",
		"pool/a:rw",
		"pool/a:ro:ro",
		"pool/a ro:ro",
		" pool/a",
		"pool/a ",
		"pool/a,",
		"pool/a,pool/b",
		"pool/a cdrom",
		"pool/a scsi",
		"pool/a\t",
		"pool/a :ro",
		"pool/a optional:ro",
		"pool/abcdefghijklmnopqrstuvwxyz012345",
	};
	char word[300];

	(void)state;
	begin("disk = image ro, volume ro\n");
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++) {
		format(word, sizeof(word), "volume=%s", wrong[i]);
		refused(word, "is not valid; use STORE/VOLUME, or STORE/VOLUME:ro");
	}
	/* however long it is, the reply has a bound */
	memset(word, 'x', sizeof(word) - 1);
	memcpy(word, "volume=", 7);
	word[sizeof(word) - 1] = '\0';
	refused(word, "is not valid; use STORE/VOLUME");
}

/* The place is a disk of that name which the first only reads, and its snapshot has no volumes. */
static void test_places(void **state)
{
	static const char *const without[] = {
		"",
		"disk = image ro\n",
		"disk = volume\n",
		"disk = pool/volume ro\n",
		"disk = volume cdrom\n",
		"disk = volume ro optional\n",
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(without); i++) {
		begin(without[i]);
		refused("volume=pool/home", "web has no place for a volume; give it the line "
					    "`disk = volume ro`");
	}
	begin("disk = volume ro, image ro\n");
	assert_true(ask("volume=pool/home", NULL));
	assert_int_equal(given.volume_place, 0);
	begin("disk = pool/own, volume ro\n");
	snapshot.volumes = 1;
	refused("volume=pool/home", "web writes to volumes, of which the clone gets its own");
}

static void test_right(void **state)
{
	(void)state;
	begin("disk = volume ro\n");
	rights = MAY_OPERATE;
	refused("volume=pool/home", "no right");
	refused("volume=", "no right");
	assert_true(ask("run=alice", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_no_volumes),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
