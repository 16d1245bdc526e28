/* SPDX-License-Identifier: MIT */
/*
 * Moves pieces between a disk and the snapshot stores of its clients, one request at a time: saves
 * a piece before its first overwrite and restores pieces at a rollback. Called by client.c and
 * driver.c. Owns one request and its DMA memory; reaches the device through `driver_ops`.
 */
#include "vmm/driver/disk/undo_move.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/view.h"
#include "vmm/rt/clock.h"

#define MOVE_PIECES ((u32)(BLOCK_REQUEST_BYTES / UNDO_PIECE_BYTES))
_Static_assert(MOVE_PIECES *UNDO_PIECE_BYTES <= DRIVER_OWN_PAGES * PAGE_SIZE, "its data");

static struct {
	const struct driver_request *request; /* the request under way, or NULL */
	struct client *client;
	u64 piece; /* the first of `pieces`; 0 pieces: it is a flush */
	u32 pieces;
	u32 turn; /* the client with the first claim on the next move */
	/* The number of requests at a disk when it had no slot for another; 0: it had one. */
	u32 stopped_at[DISK_UNIT_MAX];
} move;

static bool undo_is_moving(void)
{
	return move.request != NULL;
}

static bool undo_moves(const struct client *client)
{
	return undo_is_moving() && move.client == client;
}

static void undo_move_tell(const struct client *client)
{
	struct disk_undo_told *told = client_undo_told(client);

	told->problem = client->undo.problem;
	told->kept_bytes = client->undo.count * UNDO_PIECE_BYTES;
	__atomic_store_n(&told->number, client->undo.number, __ATOMIC_RELEASE);
	client_tell_manager();
}

void undo_tell(const struct client *client, bool full)
{
	struct disk_undo_told *told = client_undo_told(client);

	told->kept_bytes = client->undo.count * UNDO_PIECE_BYTES;
	if (!full || told->problem == DISK_UNDO_FULL)
		return;
	__atomic_store_n(&told->problem, DISK_UNDO_FULL, __ATOMIC_RELEASE);
	client_tell_manager();
}

/* Tells the manager once, early enough to enlarge the store, that it fills up. */
static void undo_move_tell_low(struct client *client)
{
	struct undo *undo = &client->undo;

	if (undo->low || !disk_undo_is_low(undo->count * UNDO_PIECE_BYTES, undo->bytes))
		return;
	undo->low = true;
	client_tell_manager();
}

void undo_tell_kept(struct client *client)
{
	undo_tell(client, false);
	undo_move_tell_low(client);
}

static void undo_move_give_up(struct client *client, enum disk_undo_problem problem)
{
	undo_give_up(&client->undo, problem);
	client->wanted_pieces = 0;
	undo_move_tell(client);
}

/* Returns the sectors of the pieces; the last piece of the disk may be shorter. */
static u32 undo_sectors_of(const struct client *client, u64 piece, u32 pieces)
{
	return (u32)MIN((u64)pieces * UNDO_PIECE_SECTORS,
			client->given.disk.sectors - piece * UNDO_PIECE_SECTORS);
}

/*
 * Clears what follows a shorter last piece: the bytes are of an earlier move, perhaps of another
 * disk. After growth of the disk the whole piece is valid.
 */
static void undo_clear_tail(struct driver_dma own, u32 sectors)
{
	u32 rest = sectors % UNDO_PIECE_SECTORS;

	if (rest != 0)
		memset((u8 *)own.memory + (u64)sectors * BLOCK_SECTOR_BYTES, 0,
		       (size_t)(UNDO_PIECE_SECTORS - rest) * BLOCK_SECTOR_BYTES);
}

/* Starts a move. Returns false if the device has no room now. The move may have ended on return. */
static bool undo_start(struct client *client, enum block_operation operation, u64 piece, u32 pieces)
{
	struct driver_request *request = client_request(client->given.disk.unit);
	struct driver_dma own = process_own_memory();

	if (request == NULL)
		return false;
	request->operation = operation;
	request->since_tsc = clock_tsc();
	if (operation != BLOCK_FLUSH) {
		request->sector = client->given.disk.first_sector + piece * UNDO_PIECE_SECTORS;
		request->sectors = undo_sectors_of(client, piece, pieces);
		request->data = own.memory;
		request->address = own.address;
		if (operation == BLOCK_READ)
			undo_clear_tail(own, request->sectors);
		changes_note(&client->changes, operation, piece * UNDO_PIECE_SECTORS,
			     request->sectors);
	}
	move.request = request;
	move.client = client;
	move.piece = piece;
	move.pieces = pieces;
	client->waiting++;
	if (driver_ops.submit(request))
		return true;
	move.request = NULL;
	client->waiting--;
	driver_finish(request, BLOCK_ERROR);
	return false;
}

/* --- saving a piece before its first overwrite --- */

static bool undo_changes(u32 operation)
{
	return operation == BLOCK_WRITE || operation == BLOCK_DISCARD ||
	       operation == BLOCK_WRITE_ZEROES;
}

/* Counts the missing pieces from the given one on, up to the size of one read. */
static u32 undo_missing(const struct undo *undo, u64 piece, u64 end)
{
	u64 most = MIN(MIN(end - piece, (u64)MOVE_PIECES), undo->room - undo->count);
	u32 count = 0;

	while (count < most && undo_find(undo, piece + count) == NULL)
		count++;
	return count;
}

static void undo_mark(const struct undo *undo, u64 piece, u64 end)
{
	for (; piece < end; piece++)
		undo_find(undo, piece)->changed = 1;
}

enum client_taken undo_keep(struct client *client, const struct block_request *request)
{
	struct undo *undo = &client->undo;
	u64 first = request->sector / UNDO_PIECE_SECTORS;
	u64 end = (request->sector + request->sectors - 1) / UNDO_PIECE_SECTORS + 1;
	u64 piece = first;

	while (unlikely(undo_keeps(undo)) && undo_changes(request->operation)) {
		while (piece < end && undo_find(undo, piece) != NULL)
			piece++;
		if (piece == end) {
			undo_mark(undo, first, end);
			return CLIENT_TOOK;
		}
		if (undo_is_full(undo))
			undo_move_give_up(client, DISK_UNDO_FULL);
		else if (undo_read(client, piece, undo_missing(undo, piece, end)))
			return CLIENT_WAITS;
	}
	return CLIENT_TOOK;
}

static void undo_move_keep(struct client *client, enum block_status status)
{
	u8 *data = process_own_memory().memory;

	if (view_is(client)) {
		view_fetched(client, move.piece, data, status);
		return;
	}
	if (status != BLOCK_OK) {
		undo_move_give_up(client, DISK_UNDO_UNREADABLE);
		return;
	}
	for (u32 i = 0; i < move.pieces; i++)
		undo_add(&client->undo, move.piece + i, data + i * UNDO_PIECE_BYTES);
	undo_tell_kept(client);
}

/* --- restoring pieces to the disk --- */

static void undo_end_put_back(struct client *client, bool done)
{
	struct disk_undo_told *told = client_undo_told(client);
	u32 *word = done ? &told->put_back : &told->not_put_back;

	__atomic_store_n(word, client->undo_put_back, __ATOMIC_RELEASE);
	client->undo_ended = client->undo_put_back;
	client->undo_put_back = 0;
	client_tell_manager();
}

static bool undo_move_put_back(struct client *client)
{
	struct undo *undo = &client->undo;
	const struct undo_entry *first;
	u32 run;

	if (!undo_keeps(undo)) {
		undo_end_put_back(client, false);
		return true;
	}
	while (client->undo_at < undo->count && undo_entry_at(undo, client->undo_at)->changed == 0)
		client->undo_at++;
	if (client->undo_at == undo->count)
		return undo_start(client, BLOCK_FLUSH, 0, 0);
	run = undo_run(undo, client->undo_at, MOVE_PIECES);
	first = undo_entry_at(undo, client->undo_at);
	memcpy(process_own_memory().memory, undo_data(first), run * UNDO_PIECE_BYTES);
	return undo_start(client, BLOCK_WRITE, first->piece, run);
}

static void undo_went_back(struct client *client, enum block_operation operation,
			   enum block_status status)
{
	if (status != BLOCK_OK) {
		undo_end_put_back(client, false);
	} else if (operation == BLOCK_FLUSH) {
		undo_put_back(&client->undo);
		undo_end_put_back(client, true);
	} else {
		client->undo_at += move.pieces;
	}
}

/* --- scheduling of moves --- */

static bool undo_move_read(struct client *client)
{
	u32 pieces = client->wanted_pieces;

	client->wanted_pieces = 0;
	if (undo_start(client, BLOCK_READ, client->wanted_piece, pieces))
		return true;
	client->wanted_pieces = pieces;
	return false;
}

/* Returns whether the client's move may start: a restore needs all the client's requests ended. */
static bool undo_may_move(const struct client *client)
{
	if (undo_holds(client))
		return client->waiting == 0;
	return client->wanted_pieces != 0 && !client->leaving;
}

static bool undo_move_step(struct client *client)
{
	return undo_holds(client) ? undo_move_put_back(client) : undo_move_read(client);
}

/* Serves the clients in turn. The first whose disk is full has the next turn; other disks go on. */
bool undo_serve(void)
{
	u32 first = move.turn;
	bool kept = false; /* the next turn is reserved */
	bool any = false;

	memset(move.stopped_at, 0, sizeof(move.stopped_at));
	for (u32 i = 0; i < DISK_CLIENT_MAX && !undo_is_moving(); i++) {
		u32 turn = (first + i) % DISK_CLIENT_MAX;
		struct client *client = &clients[turn];
		u32 unit = client->given.disk.unit;

		if (!undo_may_move(client) || move.stopped_at[unit] != 0)
			continue;
		if (undo_move_step(client)) {
			turn++;
			any = true;
		} else {
			move.stopped_at[unit] = client_waiting_for(unit);
		}
		if (!kept)
			move.turn = turn % DISK_CLIENT_MAX;
		kept |= move.stopped_at[unit] != 0;
	}
	return any;
}

bool undo_read(struct client *client, u64 piece, u32 pieces)
{
	if (!undo_moves(client)) {
		client->wanted_piece = piece;
		client->wanted_pieces = pieces;
		(void)undo_serve();
	}
	return client->wanted_pieces != 0 || undo_moves(client);
}

static bool undo_is_stopped(const struct client *client)
{
	u32 unit = client->given.disk.unit;

	return move.stopped_at[unit] != 0 && client_waiting_for(unit) >= move.stopped_at[unit];
}

bool undo_waits(const struct client *client)
{
	if (undo_may_move(client))
		return undo_is_moving() || undo_is_stopped(client);
	return undo_holds(client) || undo_moves(client);
}

/* --- the end of a move --- */

struct client *undo_finished(const struct driver_request *request, enum block_status status)
{
	struct client *client = move.client;

	if (move.request != request)
		return NULL; /* from before the first client, or not begun */
	move.request = NULL;
	client->waiting--;
	if (request->operation == BLOCK_READ)
		undo_move_keep(client, status);
	else
		undo_went_back(client, request->operation, status);
	undo_take_command(client);
	return client;
}

void undo_take_command(struct client *client)
{
	const struct disk_undo_given *shared = client_undo_given(client);
	struct disk_undo_given given = {
		.number = __atomic_load_n(&shared->number, __ATOMIC_ACQUIRE),
	};
	u32 asked = view_is(client) ? 0 : __atomic_load_n(&shared->put_back, __ATOMIC_ACQUIRE);

	if (client->given.number == 0 || undo_moves(client))
		return;
	given.at = shared->at;
	given.bytes = __atomic_load_n(&shared->bytes, __ATOMIC_ACQUIRE);
	if (given.number != client->undo.number) {
		undo_open(&client->undo, &given, client->given.disk.sectors);
		client->wanted_pieces = 0;
		undo_move_tell(client);
	} else if (given.number != 0 && given.bytes > client->undo.bytes) {
		undo_extend(&client->undo, given.bytes);
		undo_move_tell(client);
	}
	if (asked == 0) {
		client->undo_put_back = 0;
		client->undo_ended = 0;
	} else if (asked != client->undo_put_back && asked != client->undo_ended) {
		client->undo_put_back = asked;
		client->undo_at = 0;
		client->wanted_pieces = 0;
	}
}
