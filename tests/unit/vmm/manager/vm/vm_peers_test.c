/* SPDX-License-Identifier: MIT */
/* Connections from guest to guest, also of monitors gone bad; the test is both VMs' monitors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/vm/vm_peers.c"
#include "vmm/manager/vm/vm_vsock.c"

#define VMS   3u
#define ALPHA (&vm[0])
#define BETA  (&vm[1])
#define GAMMA (&vm[2])
#define FIRST VSOCK_SLOTS_MANAGER /* the first slot of connections that a guest opens */
#define PORT  5000u

static struct vsock_area area[VMS];
static struct vm vm[VMS];
static enum status populated;
static u32 creating;

/* --- the kernel, and the table of VMs --- */

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *memory)
{
	*memory = 72;
	return STATUS_OK;
}

enum status sys_memory_address(handle_t root, handle_t memory, u64 offset, u64 *hpa)
{
	return populated;
}

enum status sys_space_map(handle_t space, u64 at, handle_t memory, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	*address = (u64)(uintptr_t)&area[creating];
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	return kind;
}

void process_build_note(struct process_build *build, const char *what, enum status status)
{
	build->status = status;
}

void process_build_grant(struct process_build *build, enum start_kind kind, handle_t handle,
			 u32 rights, u64 value)
{
}

struct vm *vm_next(struct vm *at)
{
	for (at = at == NULL ? vm : at + 1; at < vm + VMS; at++)
		if (at->id != 0)
			return at;
	return NULL;
}

struct vm *vm_find(const char *name)
{
	VM_FOR_EACH(at) {
		if (string_equal(at->config.name, name))
			return at;
	}
	return NULL;
}

struct vm *vm_by_id(u32 id)
{
	VM_FOR_EACH(at) {
		if (at->id == id)
			return at;
	}
	return NULL;
}

/* --- both monitors --- */

static struct vsock_slot *slot_of(const struct vm *of, u32 slot)
{
	return &area[of - vm].slot[slot];
}

static void names(struct vm *who, u32 entry, const char *name, u32 port)
{
	who->config.vsock_peer[entry].port = port;
	string_copy(who->config.vsock_peer[entry].name, CONFIG_NAME_BYTES, name);
}

static void boot(u32 number)
{
	struct process_build build = {.status = STATUS_OK};

	memset(&area[number], 0, sizeof(area[number]));
	creating = number;
	vm[number].state = VM_RUNNING;
	vm_vsock_create(&vm[number], &build);
	assert_int_equal(build.status, STATUS_OK);
}

static int setup(void **state)
{
	(void)state;
	populated = STATUS_OK;
	open_links = 0;
	memset(vm, 0, sizeof(vm));
	for (u32 i = 0; i < VMS; i++) {
		vm[i].id = 5 + i;
		vm[i].config.vsock = 1;
	}
	string_copy(ALPHA->config.name, CONFIG_NAME_BYTES, "alpha");
	string_copy(BETA->config.name, CONFIG_NAME_BYTES, "beta");
	string_copy(GAMMA->config.name, CONFIG_NAME_BYTES, "gamma");
	names(ALPHA, 0, "nobody", PORT);
	names(ALPHA, 1, "beta", PORT);
	names(BETA, 0, "alpha", PORT);
	for (u32 i = 0; i < VMS; i++)
		boot(i);
	return 0;
}

/* All turns until nothing moves any more; that takes no more turns than it should. */
static void turns(void)
{
	u32 count = 0;

	for (u32 i = 0; i < VMS; i++)
		vm_vsock_look(&vm[i]);
	while (vm_peers_step())
		assert_true(++count < 10);
}

static u32 mark_of(const struct vm *who, u32 slot)
{
	return vsock_word_mark(slot_of(who, slot)->manager_word);
}

static void marks(const struct vm *who, u32 slot, enum vsock_mark mark)
{
	struct vsock_slot *at = slot_of(who, slot);

	at->monitor_word = vsock_word(
		vsock_word_use(slot < VSOCK_SLOTS_MANAGER ? at->manager_word : at->monitor_word),
		mark);
	turns();
}

/* The guest asks for a connection in a slot that is free. */
static void asks(const struct vm *who, u32 slot, u64 cid, u32 port)
{
	struct vsock_slot *at = slot_of(who, slot);

	at->asked_cid = (u32)cid;
	at->asked_port = port;
	at->guest_port = 1024;
	at->input_read = at->output_written = 0;
	at->monitor_word = vsock_word(vsock_word_use(at->monitor_word) + 1, VSOCK_ASKS);
	turns();
}

static bool refused(const struct vm *who, u64 cid, u32 port)
{
	bool gone;

	asks(who, FIRST, cid, port);
	gone = slot_of(who, FIRST)->manager_word ==
	       vsock_word(vsock_word_use(slot_of(who, FIRST)->monitor_word), VSOCK_GONE);
	marks(who, FIRST, VSOCK_GONE);
	return gone && open_links == 0;
}

/* Opens a connection from the caller's slot to slot `called` of beta's, or to alpha's. */
static void connected(struct vm *caller, struct vm *callee, u32 slot, u32 called)
{
	asks(caller, slot, vm_vsock_cid(callee), PORT);
	assert_int_equal(mark_of(caller, slot), VSOCK_ASKS);
	assert_int_equal(mark_of(callee, called), VSOCK_ASKS);
	assert_int_equal(slot_of(callee, called)->called_port, PORT);
	assert_int_equal(slot_of(callee, called)->called_cid, vm_vsock_cid(caller));
	slot_of(callee, called)->input_read = slot_of(callee, called)->output_written = 0;
	marks(callee, called, VSOCK_ASKS);
	assert_int_equal(mark_of(caller, slot), VSOCK_ASKS);
	marks(callee, called, VSOCK_OPEN);
	assert_int_equal(mark_of(caller, slot), VSOCK_OPEN);
	marks(caller, slot, VSOCK_OPEN);
}

static void writes(const struct vm *who, u32 slot, u32 count, u8 first)
{
	struct vsock_slot *at = slot_of(who, slot);

	for (u32 i = 0; i < count; i++)
		area[who - vm].rings[slot].output[at->output_written++ % VSOCK_RING_BYTES] =
			(u8)(first + i);
	turns();
}

/* Takes so many bytes for the guest, and checks them. */
static void reads(const struct vm *who, u32 slot, u32 count, u8 first)
{
	struct vsock_slot *at = slot_of(who, slot);

	assert_true(at->input_written - at->input_read >= count);
	for (u32 i = 0; i < count; i++)
		assert_int_equal(
			area[who - vm].rings[slot].input[at->input_read++ % VSOCK_RING_BYTES],
			(u8)(first + i));
	turns();
}

/* --- tests --- */

static void test_bytes(void **state)
{
	(void)state;
	connected(ALPHA, BETA, FIRST, 0);
	for (u32 round = 0; round < 3; round++) {
		writes(ALPHA, FIRST, 3000, (u8)round);
		assert_int_equal(slot_of(ALPHA, FIRST)->output_read, 3000 * (round + 1));
		reads(BETA, 0, 3000, (u8)round);
		writes(BETA, 0, 4096, (u8)(7 + round));
		reads(ALPHA, FIRST, 4096, (u8)(7 + round));
	}
	/* either side may call */
	connected(BETA, ALPHA, FIRST, 0);
	writes(BETA, FIRST, 10, 1);
	reads(ALPHA, 0, 10, 1);
	assert_int_equal(vm_peers_count(ALPHA, 1), 2);
	assert_int_equal(vm_peers_count(BETA, 0), 2);
	assert_int_equal(vm_peers_count(ALPHA, 0), 0);
}

/* A guest that does not read holds up what is sent to it, no more than a ring, and nothing else. */
static void test_deaf(void **state)
{
	(void)state;
	connected(ALPHA, BETA, FIRST, 0);
	connected(ALPHA, BETA, FIRST + 1, 1);
	writes(ALPHA, FIRST, 4096, 0);
	writes(ALPHA, FIRST, 4096, 0);
	assert_int_equal(slot_of(ALPHA, FIRST)->output_read, 4096);
	assert_int_equal(slot_of(BETA, 0)->input_written, 4096);
	writes(ALPHA, FIRST + 1, 100, 3);
	reads(BETA, 1, 100, 3);
	writes(BETA, 0, 100, 4);
	reads(ALPHA, FIRST, 100, 4);
	reads(BETA, 0, 4096, 0);
	reads(BETA, 0, 4096, 0);
}

static void test_ends(void **state)
{
	(void)state;
	connected(ALPHA, BETA, FIRST, 0);
	writes(ALPHA, FIRST, 5, 0);
	marks(ALPHA, FIRST, VSOCK_ENDED); /* half closed */
	assert_int_equal(mark_of(BETA, 0), VSOCK_ENDED);
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_OPEN);
	reads(BETA, 0, 5, 0);
	writes(BETA, 0, 6, 1);
	marks(BETA, 0, VSOCK_CLOSED); /* the other way its bytes are still read */
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_ENDED);
	assert_int_equal(open_links, 1);
	reads(ALPHA, FIRST, 6, 1);
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_GONE);
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	assert_int_equal(open_links, 0);
	assert_int_equal(BETA->peers.open, 0);
}

/* One sided, unknown, itself, by another port, of a VM that does not run: refused at once. */
static void test_refused(void **state)
{
	static const u32 ports[] = {0, 1, 22, PORT - 1, PORT + 1, ~0u};
	struct vm *peer;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(ports); i++)
		assert_true(refused(ALPHA, vm_vsock_cid(BETA), ports[i]));
	for (u32 cid = 0; cid < 20; cid++)
		if (cid != vm_vsock_cid(BETA))
			assert_true(refused(ALPHA, cid, PORT));
	assert_true(refused(ALPHA, ~0u, PORT));
	assert_true(refused(GAMMA, vm_vsock_cid(ALPHA), PORT));
	names(GAMMA, 0, "alpha", PORT);
	assert_true(refused(GAMMA, vm_vsock_cid(ALPHA), PORT));
	assert_true(refused(ALPHA, vm_vsock_cid(GAMMA), PORT));
	assert_int_equal(vm_peers_state(GAMMA, 0, &peer), VM_PEERS_ONE_SIDED);
	names(ALPHA, 2, "gamma", PORT + 1); /* another port */
	assert_true(refused(GAMMA, vm_vsock_cid(ALPHA), PORT));
	names(BETA, 0, "alpha", 22); /* named by one side alone */
	assert_true(refused(BETA, vm_vsock_cid(ALPHA), 22));
	names(BETA, 0, "alpha", PORT);
	BETA->state = VM_PAUSED;
	assert_int_equal(vm_peers_state(ALPHA, 1, &peer), VM_PEERS_DOWN);
	assert_true(refused(ALPHA, vm_vsock_cid(BETA), PORT));
	BETA->state = VM_RUNNING;
	BETA->config.vsock = 0;
	assert_true(refused(ALPHA, vm_vsock_cid(BETA), PORT));
	BETA->config.vsock = 1;
	populated = STATUS_NO_MEMORY; /* beta cannot pay for its rings */
	assert_true(refused(ALPHA, vm_vsock_cid(BETA), PORT));
	populated = STATUS_OK;
	BETA->id = 0;
	assert_int_equal(vm_peers_state(ALPHA, 1, &peer), VM_PEERS_NO_VM);
	assert_true(refused(ALPHA, 8, PORT));
	BETA->id = 9; /* another VM of that name, which names alpha, too */
	assert_true(refused(ALPHA, 8, PORT));
	connected(ALPHA, BETA, FIRST, 0);
}

/* A storm: four connections to an entry, and beta's own calls and those of the host go on. */
static void test_storm(void **state)
{
	struct vm_vsock_end end;

	(void)state;
	names(GAMMA, 0, "beta", PORT);
	names(BETA, 1, "gamma", PORT);
	for (u32 i = 0; i < VSOCK_SLOTS - FIRST; i++)
		asks(ALPHA, FIRST + i, vm_vsock_cid(BETA), PORT);
	assert_int_equal(open_links, VSOCK_PEER_CONNECTIONS);
	assert_int_equal(mark_of(ALPHA, FIRST + VSOCK_PEER_CONNECTIONS - 1), VSOCK_ASKS);
	assert_int_equal(mark_of(ALPHA, FIRST + VSOCK_PEER_CONNECTIONS), VSOCK_GONE);
	connected(GAMMA, BETA, FIRST, VSOCK_PEER_CONNECTIONS);
	connected(BETA, ALPHA, FIRST, 0);
	assert_true(vm_vsock_call(BETA, VSOCK_CID_HOST, 22, &end));
	/* the guest gives up: beta is told, and the places are free again */
	for (u32 i = 0; i < VSOCK_PEER_CONNECTIONS; i++)
		marks(ALPHA, FIRST + i, VSOCK_GONE);
	for (u32 i = 0; i < VSOCK_PEER_CONNECTIONS; i++) {
		assert_int_equal(mark_of(BETA, i), VSOCK_GONE);
		marks(BETA, i, VSOCK_GONE);
	}
	assert_int_equal(open_links, 2);
	marks(ALPHA, FIRST + 9, VSOCK_GONE);
	connected(ALPHA, BETA, FIRST + 9, 0);
}

/* The called guest refuses, or is gone before it answers. */
static void test_no_answer(void **state)
{
	(void)state;
	asks(ALPHA, FIRST, vm_vsock_cid(BETA), PORT);
	marks(BETA, 0, VSOCK_GONE);
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_GONE);
	assert_int_equal(open_links, 0);
	marks(ALPHA, FIRST, VSOCK_GONE);
	asks(ALPHA, FIRST, vm_vsock_cid(BETA), PORT);
	assert_int_equal(open_links, 1);
	vm_vsock_release(BETA);
	turns();
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_GONE);
	assert_int_equal(open_links, 0);
	marks(ALPHA, FIRST, VSOCK_GONE);
	boot(1);
	asks(ALPHA, FIRST, vm_vsock_cid(BETA), PORT);
	marks(BETA, 0, VSOCK_ASKS);
	populated = STATUS_NO_MEMORY; /* the caller cannot pay for its rings */
	marks(BETA, 0, VSOCK_OPEN);
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_GONE);
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
}

/* Whichever VM ends, loads a state or gets another area: the other side is reset. */
static void test_gone(void **state)
{
	(void)state;
	connected(ALPHA, BETA, FIRST, 0);
	vm_vsock_release(ALPHA);
	turns();
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	boot(0);
	marks(BETA, 0, VSOCK_GONE);
	connected(ALPHA, BETA, FIRST, 0);
	vm_vsock_release(BETA);
	boot(1);
	turns();
	assert_int_equal(mark_of(ALPHA, FIRST), VSOCK_GONE);
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	marks(ALPHA, FIRST, VSOCK_GONE);
	connected(ALPHA, BETA, FIRST, 0);
	marks(ALPHA, FIRST, VSOCK_GONE); /* as virtio_vsock_forget() does for a loaded state */
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	marks(BETA, 0, VSOCK_GONE);
	connected(ALPHA, BETA, FIRST, 0);
	ALPHA->id = 100; /* another VM in the table's place */
	turns();
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	assert_int_equal(open_links, 0);
}

/* A monitor lies about indices and marks: its connection ends, and no byte is touched. */
static void test_lies(void **state)
{
	(void)state;
	for (u32 lie = 0; lie < 6; lie++) {
		struct vsock_slot *at = slot_of(ALPHA, FIRST);

		connected(ALPHA, BETA, FIRST, 0);
		connected(ALPHA, BETA, FIRST + 1, 1);
		switch (lie) {
		case 0:
			at->output_written += VSOCK_RING_BYTES + 1;
			break;
		case 1:
			at->input_read = 1;
			break;
		case 2:
			at->monitor_word = ~0u;
			break;
		case 3:
			at->monitor_word =
				vsock_word(vsock_word_use(at->monitor_word) + 1, VSOCK_OPEN);
			break;
		case 4: /* what it has asked for is another port and another guest now */
			at->asked_cid = (u32)vm_vsock_cid(GAMMA);
			at->asked_port = 22;
			at->manager_word = 0;
			at->monitor_word = vsock_word(vsock_word_use(at->monitor_word), VSOCK_GONE);
			break;
		default:
			at = slot_of(BETA, 0);
			at->input_read += 1;
			break;
		}
		turns();
		assert_int_equal(open_links, 1);
		assert_int_equal(slot_of(BETA, 0)->input_written, 0);
		writes(ALPHA, FIRST + 1, 100, (u8)lie); /* the other connection goes on */
		reads(BETA, 1, 100, (u8)lie);
		setup(NULL);
	}
}

/* Monitors that go on without a signal give the manager no turn of its own: it would never rest. */
static void test_rests(void **state)
{
	(void)state;
	connected(ALPHA, BETA, FIRST, 0);
	for (u32 i = 1; i <= 10; i++) {
		slot_of(ALPHA, FIRST)->output_written += 4096;
		assert_false(vm_peers_step());
		assert_int_equal(slot_of(BETA, 0)->input_written, 4096 * i);
		slot_of(BETA, 0)->input_read += 4096;
	}
}

/* A monitor asks twice in one slot, or for two guests in turn: each is one that it may have. */
static void test_asks_twice(void **state)
{
	(void)state;
	asks(ALPHA, FIRST, vm_vsock_cid(BETA), PORT);
	slot_of(ALPHA, FIRST)->asked_cid = (u32)vm_vsock_cid(GAMMA);
	turns();
	assert_int_equal(open_links, 1);
	asks(ALPHA, FIRST, vm_vsock_cid(GAMMA), PORT); /* another use: the first call is over */
	assert_int_equal(open_links, 0);
	assert_int_equal(mark_of(BETA, 0), VSOCK_GONE);
	assert_int_equal(mark_of(GAMMA, 0), VSOCK_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bytes, setup),
		cmocka_unit_test_setup(test_deaf, setup),
		cmocka_unit_test_setup(test_ends, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_storm, setup),
		cmocka_unit_test_setup(test_no_answer, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_lies, setup),
		cmocka_unit_test_setup(test_rests, setup),
		cmocka_unit_test_setup(test_asks_twice, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
