/* SPDX-License-Identifier: MIT */
/*
 * Clients that write anything into their links, beside one that does not: the device gets nothing
 * but what is a client's, the driver comes to rest, and the honest client has its answers in time.
 */
#include "tests/unit/vmm/driver/disk/core/driver_undo_fixture.h"

#define SOURCE	     1u /* a hostile client with a window and a store of old blocks */
#define VIEW	     2u /* a hostile client that sees SOURCE's snapshot, and may write */
#define LIMITED	     3u /* a hostile client with a limit */
#define HONEST	     4u
#define WINDOW_AT    (1ull << 40)
#define WINDOW_PAGES 2048u
#define STEPS	     60000u
#define REST_STEPS   3000u /* the most turns until a driver without work sleeps */
#define WAIT_ROUNDS  8u	   /* the most rounds in which the honest client's lone request waits */
#define HONEST_MOST  4u

static _Alignas(PAGE_SIZE) u8 overlay[PAGES * PAGE_SIZE];
static u32 fresh; /* a generation that no link has had */
static u32 honest_asked, honest_answered, honest_rounds;
static bool asleep;

static u32 below(u32 count)
{
	return (u32)(random_step(&seed) >> 20) % count;
}

/* --- what the device is given --- */

static void check_data(const struct driver_request *request)
{
	const struct client *client = request->client;
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;
	const u8 *pool;

	assert_true(bytes <=
		    (request->direct ? BLOCK_DIRECT_PAGES : BLOCK_REQUEST_PAGES) * PAGE_SIZE);
	if (client == NULL) {
		assert_ptr_equal(request->data, own);
		return;
	}
	if (request->direct) {
		assert_ptr_equal(client, &clients[SOURCE]);
		for (u64 i = 0; i * PAGE_SIZE < bytes; i++)
			assert_true(request->pages[i] >= WINDOW_AT &&
				    request->pages[i] < WINDOW_AT + WINDOW_PAGES * PAGE_SIZE);
		return;
	}
	pool = (const u8 *)peers[client_index(client)].memory +
	       (client == &clients[VIEW] ? BLOCK_BOUNCE_OFFSET : SLOT_POOL_OFFSET);
	assert_true(request->data >= pool && request->data + bytes <= pool + BLOCK_POOL_BYTES);
}

static void check_given(void)
{
	u32 waiting[DISK_CLIENT_MAX] = {0};

	for (u32 i = 0; i < given_count; i++) {
		const struct driver_request *request = given[i];

		if (request->client != NULL)
			waiting[client_index(request->client)]++;
		if (request->operation == BLOCK_FLUSH)
			continue;
		assert_true(request->sector >= FIRST_SECTOR && request->sectors != 0 &&
			    request->sector + request->sectors <= FIRST_SECTOR + SECTORS);
		if (request->operation <= BLOCK_WRITE)
			check_data(request);
		if (request->client == &clients[VIEW])
			assert_int_equal(request->operation, BLOCK_READ);
	}
	assert_int_equal(request_waiting(), given_count);
	for (u32 i = 0; i < DISK_CLIENT_MAX; i++)
		assert_true(clients[i].waiting >= waiting[i] &&
			    clients[i].waiting <= waiting[i] + 1);
}

static void finish_some(u32 count)
{
	for (; count != 0 && given_count != 0; count--) {
		u32 at = below(given_count);
		bool good = below(16) != 0 || given[at]->client == &clients[HONEST];

		finish_at(at, good ? BLOCK_OK : BLOCK_ERROR);
	}
}

/* --- the driver's loop --- */

static bool turn_of_main(void)
{
	bool more = undo_serve();
	bool waits = clients[HONEST].waiting == 0 && link_waiting(&clients[HONEST].end) != 0;

	more |= scheduler_serve();
	honest_rounds = waits && clients[HONEST].waiting == 0 ? honest_rounds + 1 : 0;
	assert_true(honest_rounds <= WAIT_ROUNDS);
	populated_count = 1;
	populate_left = 64;
	check_given();
	return more;
}

static void take_answers(void)
{
	struct block_answer answer;

	while (slot_take(&peers[HONEST].end, &answer)) {
		assert_int_equal(answer.status, BLOCK_OK);
		assert_true(answer.id < honest_asked);
		honest_answered++;
	}
	(void)!link_publish(&peers[HONEST].end);
}

/* The hostile clients do nothing for a while: the driver does what there is, and sleeps. */
static void come_to_rest(void)
{
	bool more;
	u32 i = 0;

	do {
		more = turn_of_main();
		finish_some(given_count);
		client_publish();
		now += NS_PER_MS;
		assert_true(i++ < REST_STEPS);
	} while (more || !scheduler_may_wait());
	assert_int_equal(given_count, 0);
	take_answers();
	assert_int_equal(honest_answered, honest_asked);
	asleep = true;
}

/* --- the clients --- */

static void ask_honestly(void)
{
	struct block_request request = {.id = honest_asked,
					.operation = below(3),
					.sector = below(SECTORS - 128),
					.sectors = 1 + below(128),
					.offset = below(100) * PAGE_SIZE};

	if (honest_asked - honest_answered == HONEST_MOST)
		return;
	request.sectors = request.operation == BLOCK_FLUSH ? 0 : request.sectors;
	slot_put(&peers[HONEST].end, &request);
	honest_asked++;
	/* who sleeps is woken */
	if (link_publish(&peers[HONEST].end))
		scheduler_hear(HONEST);
	else
		assert_false(asleep);
	asleep = false;
}

static void make_forged(struct block_request *request)
{
	static const u32 lengths[] = {1, 8, 128, 129, 256, 257, 4096, 8192, 8193, ~0u};

	*request = (struct block_request){
		.id = random_step(&seed),
		.operation = below(BLOCK_OPERATION_COUNT + 1),
		.sectors = below(4) != 0 ? 1 + below(128) : lengths[below(ARRAY_COUNT(lengths))],
		.sector = below(8) != 0 ? below(SECTORS) : random_step(&seed),
		.offset = below(8) != 0 ? below(260) * PAGE_SIZE : random_step(&seed),
		.window = below(3) == 0 ? below(3) : 0,
	};
	for (u32 i = 0; i < BLOCK_DIRECT_PAGES; i++)
		request->page[i] = below(8) != 0 ? below(WINDOW_PAGES) : (u32)random_step(&seed);
}

static void forge(struct link_memory *memory_of, u32 count)
{
	struct link_line *line = &memory_of->line[LINK_CLIENT];

	for (u32 i = 0; i < count; i++) {
		struct block_request request;

		make_forged(&request);
		memcpy(slots_of(memory_of)->requests[line->written++ % SLOT_COUNT], &request,
		       sizeof(request));
	}
}

static void renew(struct peer *peer)
{
	peer->memory->generation = ++fresh;
	(void)!link_renewed(&peer->end);
}

static void lie(u32 index)
{
	struct link_memory *memory_of = peers[index].memory;
	struct link_line *line = &memory_of->line[LINK_CLIENT];
	u32 *words = (u32 *)(void *)line;

	asleep = false;
	switch (below(12)) {
	case 0:
		words[below(6)] = (u32)random_step(&seed);
		break;
	case 1:
		line->written += below(3 * SLOT_COUNT);
		break;
	case 2:
		line->read = memory_of->line[LINK_SERVER].written - below(2 * SLOT_COUNT);
		break;
	case 3:
		memory_of->generation = below(2) != 0 ? 0 : (u32)random_step(&seed);
		break;
	case 4:
	case 5:
		renew(&peers[index]);
		break;
	default:
		forge(memory_of, 1 + below(8));
		line->read = memory_of->line[LINK_SERVER].written;
	}
}

/* --- the manager --- */

static void command(void)
{
	struct driver_client *source = &shared.client[SOURCE];
	struct driver_client *view = &shared.client[VIEW];

	switch (below(6)) {
	case 0:
		source->disk.window = source->disk.window == 0 ? 1 + below(2) : 0;
		break;
	case 1: /* a new snapshot: the view's is gone */
		source->disk.undo.number++;
		break;
	case 2:
		source->disk.undo.put_back = source->disk.undo.put_back == 0 ? ++fresh : 0;
		break;
	case 3: /* the view is another client's, and sees the present snapshot */
		view->disk.view.number = source->disk.undo.number;
		view->disk.undo.number++;
		view->number = ++last_number;
		renew(&peers[VIEW]);
		break;
	case 4:
		shared.client[LIMITED].disk.limit.units = 1 + below(100000);
		shared.client[LIMITED].disk.limit.bytes = below(2) * 1000000;
		break;
	default:
		source->number = ++last_number;
		renew(&peers[SOURCE]);
	}
	client_take_commands();
}

static void begin_hostile(void)
{
	shared.disk.unit[0].direct_pages = BLOCK_DIRECT_PAGES;
	for (u32 i = SOURCE; i <= HONEST; i++) {
		if (i == VIEW)
			shared.client[i].disk.view =
				(struct disk_view_given){.of = SOURCE, .number = 1};
		attach(i, false);
	}
	shared.client[SOURCE].disk.window_at = WINDOW_AT;
	shared.client[SOURCE].disk.window_pages = WINDOW_PAGES;
	shared.client[SOURCE].disk.undo = (struct disk_undo_given){
		.at = (u64)(uintptr_t)memory, .bytes = sizeof(memory), .number = 1};
	shared.client[VIEW].disk.undo = (struct disk_undo_given){
		.at = (u64)(uintptr_t)overlay, .bytes = sizeof(overlay), .number = 1};
	shared.client[LIMITED].disk.limit = (struct share_given){.units = 50, .weight = 1};
	client_take_commands();
	fresh = 1000;
}

static void beside_liars(void **state)
{
	(void)state;
	begin_hostile();
	for (u32 i = 0; i < STEPS; i++) {
		for (u32 lies = below(4); lies != 0; lies--)
			lie(SOURCE + below(3));
		if (below(3) == 0)
			ask_honestly();
		if (below(64) == 0)
			command();
		(void)turn_of_main();
		finish_some(1 + below(6));
		client_publish();
		take_answers();
		now += below(100000);
		if (below(200) == 0)
			come_to_rest();
	}
	come_to_rest();
	assert_true(honest_answered > STEPS / 100);
}

int main(void)
{
	const char *given_seed = getenv("SEED");
	const struct CMUnitTest tests[] = {TEST(beside_liars)};

	if (given_seed != NULL)
		seed = strtoull(given_seed, NULL, 0) * 2 + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
