/* SPDX-License-Identifier: MIT */
/* Commands that query monitors: VMs that end meanwhile, and monitors gone bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/rt/format.h"
#include "vmm/rt/exit_names.h"
#include "vmm/rt/status_text.h"
#include "lib/string.h"
#include "tests/fake_clock.h"
#include "tests/unit/fake_log.h"
#include "vmm/manager/commands/inspect.c"
#include "vmm/manager/commands/perf.c"
#include "vmm/manager/commands/trace.c"
#include "vmm/manager/commands/vm_stat.c"
#include "vmm/manager/command/reply.h"
#include "vmm/manager/text/json.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/text/utf8.h"
#include "vmm/manager/vm/vm_query.c"

#define VMS 3u

static const char *const vm_names[VMS] = {"alpha", "beta", "gamma"};
static struct vm vms[VMS];
static struct vm_channel channels[VMS];
static struct group_page accounts[VMS];
static struct kernel_page kernel;
static char said[65536];
static struct reply reply;

struct vm *vm_at(u64 place)
{
	return place < VMS && vms[place].id != 0 ? &vms[place] : NULL;
}

struct vm *vm_by_id(u32 id)
{
	for (u32 i = 0; i < VMS; i++) {
		if (id != 0 && vms[i].id == id)
			return &vms[i];
	}
	return NULL;
}

struct vm *command_vm(struct reply *to, const char *name)
{
	(void)to;
	for (u32 i = 0; i < VMS; i++) {
		if (vms[i].id != 0 && strcmp(vms[i].config.name, name) == 0)
			return &vms[i];
	}
	fail_msg("asked for %s", name);
	return NULL;
}

void command_vm_keep(struct reply *to, const struct vm *vm)
{
	to->vm_id = vm->id;
	string_copy(to->vm_name, sizeof(to->vm_name), vm->config.name);
}

struct vm *command_vm_kept(struct reply *to)
{
	return vm_by_id(to->vm_id);
}

const struct group_page *vm_account(const struct vm *vm)
{
	return vm->account;
}

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

const struct kernel_page *machine_page(void)
{
	return &kernel;
}

bool cpu_is_svm(void)
{
	return false;
}

bool cpu_dump_word(const struct vcpu_page *page, u32 id, u64 *value)
{
	*value = page->rip;
	return id == VMCS_VPID;
}

const char *cpu_state_bits_text(const struct bit_name *bits, u64 value, char *buffer, size_t size)
{
	(void)bits, (void)value, (void)size;
	return buffer;
}

const char *page_owner_name_pages(u32 owner)
{
	(void)owner;
	return "pages";
}

bool perf_recording(void)
{
	return false;
}

const struct perf_profile *perf_profile(void)
{
	static const struct perf_profile none;

	return &none;
}

const char *perf_start(u64 tsc)
{
	(void)tsc;
	return NULL;
}

const struct symbol_table *symbols_of(enum symbol_image image)
{
	(void)image;
	return NULL;
}

const char *symbols_name(const struct symbol_table *table, u64 offset, u64 *distance)
{
	(void)table, (void)offset, (void)distance;
	return NULL;
}

static void put_said(void *context, enum reply_kind kind, struct text text)
{
	size_t length = strlen(said);

	(void)context;
	assert_true(length + text.length + 16 < sizeof(said));
	format(said + length, sizeof(said) - length, "%s%.*s\n",
	       kind == REPLY_ERROR ? "error: " : "", (int)text.length, text.start);
}

static u32 room(void *context)
{
	(void)context;
	return 65536;
}

static const struct requester operator= {.put = put_said, .room = room};

static int set_up(void **state)
{
	(void)state;
	memset(vms, 0, sizeof(vms));
	memset(channels, 0, sizeof(channels));
	for (u32 i = 0; i < VMS; i++) {
		vms[i] = (struct vm){.id = i + 1,
				     .group = 1,
				     .channel = &channels[i],
				     .account = &accounts[i],
				     .config = {.vcpus = 2}};
		string_copy(vms[i].config.name, sizeof(vms[i].config.name), vm_names[i]);
		accounts[i].exits_by_reason[EXIT_IO] = 10 + i;
	}
	said[0] = '\0';
	memset(&reply, 0, sizeof(reply));
	reply.to = &operator;
	now = 1000;
	return 0;
}

static void begin(void (*run)(struct reply *to, const struct arguments *arguments),
		  const char *name)
{
	struct arguments arguments = {.count = name != NULL, .word = {name}};

	run(&reply, &arguments);
	assert_non_null(reply.resume);
	assert_false(reply.resume(&reply));
}

/* The monitor of a VM answers with so many bytes; returns whether that ended the command. */
static bool answer(u32 vm, u32 bytes)
{
	struct query_area *area = &channels[vm].question;

	assert_int_not_equal(area->asked, area->answered);
	area->status = STATUS_OK;
	area->bytes = bytes;
	area->answered = area->asked;
	if (reply.resume(&reply))
		return true;
	return reply.resume(&reply); /* the next question is asked */
}

static void expect(const char *part)
{
	if (strstr(said, part) == NULL)
		assert_string_equal(said, part);
}

static void expect_not(const char *part)
{
	if (strstr(said, part) != NULL)
		fail_msg("found %s in %s", part, said);
}

static bool answer_trace(u32 vm)
{
	return answer(vm, sizeof(struct query_trace));
}

/* One VM is destroyed after it was shown, one is silent: the last VM is shown all the same. */
static void test_trace_goes_on(void **state)
{
	(void)state;
	begin(command_trace, NULL);
	assert_false(answer_trace(0));
	vms[0].id = 0;
	assert_false(answer_trace(0));
	expect("alpha vCPU 0: 0 of 0");
	expect("alpha was destroyed meanwhile\n");
	now += VM_QUERY_NS;
	assert_false(reply.resume(&reply));
	expect("the monitor of beta does not answer, `vm destroy beta` ends it\n");
	assert_false(reply.resume(&reply));
	assert_false(answer_trace(2));
	assert_true(answer_trace(2));
	expect("gamma vCPU 0");
	expect("gamma vCPU 1");
	expect_not("error: ");
}

static void test_trace_json(void **state)
{
	(void)state;
	reply.json = true;
	vms[1].phase = VM_PHASE_ENDING;
	begin(command_trace, NULL);
	assert_false(answer(0, 3));
	expect("{\"name\":\"alpha\",\"problem\":\"the monitor of alpha gave 3 bytes in place of");
	vms[2].phase = VM_PHASE_ENDING;
	vms[2].after = AFTER_REMOVE;
	assert_true(reply.resume(&reply));
	expect("{\"name\":\"gamma\",\"problem\":\"gamma has nothing to show: it is being");
	expect_not("beta");
	assert_false(reply.failed);
}

static void test_trace_of_one(void **state)
{
	(void)state;
	begin(command_trace, "beta");
	assert_true(answer(1, sizeof(struct query_trace) - 1));
	expect("error: the monitor of beta gave ");
	assert_null(strstr(said, "gamma"));
}

static void test_perf_goes_on(void **state)
{
	(void)state;
	begin(command_perf_report, NULL);
	vms[0].id = 0;
	assert_false(reply.resume(&reply));
	expect("alpha was destroyed meanwhile\n");
	assert_false(reply.resume(&reply));
	assert_false(answer(1, 0));
	expect("the monitor of beta gave 0 bytes in place of ");
	assert_true(answer(2, sizeof(struct query_costs)));
	expect("gamma            io                           12            -\n");
}

/* An earlier answer of another VM's monitor is not shown as this one's. */
static void test_stat_of_bad_monitor(void **state)
{
	struct query_costs *costs = (void *)channels[0].question.answer;
	struct query_registers *registers = (void *)channels[0].question.answer;
	struct net_cards *cards = (void *)channels[0].question.answer;

	(void)state;
	costs->cost[EXIT_IO] = (struct query_cost){.count = 1, .tsc = 777};
	begin(command_vm_stat, "alpha");
	assert_false(answer(0, sizeof(*costs)));
	expect("777 cycles each");
	*cards = (struct net_cards){.count = ~0u}; /* more cards than there can be */
	cards->card[7].lost[NET_LOSS_EARLY] = 5;
	assert_false(answer(0, sizeof(*cards)));
	expect("card-7-lost-early                   5\n");
	registers->page.rip = 0x1234;
	assert_true(answer(0, sizeof(*registers)));
	expect("0x00001234");

	said[0] = '\0';
	reply = (struct reply){.to = &operator};
	begin(command_vm_stat, "beta");
	assert_false(answer(1, 0));
	assert_false(answer(1, 0));
	assert_true(answer(1, 0));
	expect("io                                 11\n");
	expect_not("777");
	expect_not("1234");
}

/* The monitor of a VM with a balloon is asked for that too. */
static void test_stat_of_balloon(void **state)
{
	struct query_balloon *balloon = (void *)channels[0].question.answer;

	(void)state;
	vms[0].config.balloon = 1;
	begin(command_vm_stat, "alpha");
	assert_false(answer(0, sizeof(struct query_costs)));
	assert_false(answer(0, sizeof(struct net_cards)));
	*balloon = (struct query_balloon){.target = 77, .stats_seen = BIT(4) | BIT(40)};
	balloon->stats[4] = 4444;
	balloon->stats[5] = 5555;
	assert_false(answer(0, sizeof(*balloon)));
	expect("balloon-target-pages               77\n");
	expect("guest-free-bytes                 4444\n");
	expect_not("5555");
	assert_true(answer(0, sizeof(struct query_registers)));
	vms[0].config.balloon = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_trace_goes_on, set_up),
		cmocka_unit_test_setup(test_trace_json, set_up),
		cmocka_unit_test_setup(test_trace_of_one, set_up),
		cmocka_unit_test_setup(test_perf_goes_on, set_up),
		cmocka_unit_test_setup(test_stat_of_bad_monitor, set_up),
		cmocka_unit_test_setup(test_stat_of_balloon, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
