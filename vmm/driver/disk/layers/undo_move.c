/* SPDX-License-Identifier: MIT */
/*
 * Moves pieces between a disk and the stores of its clients, one request at a time: reads a piece
 * for the layers undo.c and view.c, and restores pieces at a rollback. Called by these two and by
 * the loop (main.c). Owns the stores, one request and its DMA memory; reaches the device through
 * the layers below.
 */
#include "vmm/driver/disk/layers/undo_move.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/process.h"
#include "vmm/rt/clock.h"

_Static_assert(UNDO_MOVE_PIECES *UNDO_PIECE_BYTES <= DRIVER_OWN_PAGES * PAGE_SIZE, "its data");

/* A client's store of kept pieces, and the moves that the client waits for. */
struct kept {
	struct undo undo;
	/* the layers below, through which the requests of the client's moves go */
	const struct layer *const *below;
	void (*took)(struct client *client, const struct undo_read *read, enum block_status status);
	bool puts_back; /* the manager may order the kept pieces to be put back; false for a view */
	/* the number of the order to put the kept pieces back; 0: there is none */
	u32 put_back;
	u32 ended;	  /* the number of the last such order that was carried out or has failed */
	u64 at;		  /* the number of entries that have been put back so far */
	u64 wanted_piece; /* the piece that the driver shall read next */
	/* how many pieces to read from `wanted_piece` on; 0: none, or that read has begun */
	u32 wanted_pieces;
};

static struct kept all_kept[DISK_CLIENT_MAX];

static struct {
	/* the device request of the move under way; NULL: there is none */
	struct driver_request *request;
	struct client *client;
	u64 piece; /* the first of `pieces` pieces; if `pieces` is 0, the move is a flush */
	u32 pieces;
	u32 turn; /* the index of the client that is first asked for the next move */
	/* a bit for each client that wants a move of pieces, and for some that wanted one before */
	u64 asking;
	/* The number of requests at a disk when it had no slot for another; 0: it had one. */
	u32 stopped_at[DISK_UNIT_MAX];
} move;

static struct kept *undo_kept_of(const struct client *client)
{
	return &all_kept[client_index(client)];
}

struct undo *undo_of(const struct client *client)
{
	return &undo_kept_of(client)->undo;
}

bool undo_holds(const struct client *client)
{
	return undo_kept_of(client)->put_back != 0;
}

static bool undo_is_moving(void)
{
	return move.request != NULL;
}

static bool undo_moves(const struct client *client)
{
	return undo_is_moving() && move.client == client;
}

static struct disk_undo_told *undo_told(const struct client *client)
{
	return &client_told()->undo[client_index(client)];
}

static void undo_move_tell(const struct client *client)
{
	const struct undo *undo = undo_of(client);
	struct disk_undo_told *told = undo_told(client);

	told->problem = undo->problem;
	told->kept_bytes = undo->count * UNDO_PIECE_BYTES;
	__atomic_store_n(&told->number, undo->number, __ATOMIC_RELEASE);
	process_tell_manager();
}

void undo_tell(const struct client *client, bool full)
{
	struct disk_undo_told *told = undo_told(client);

	told->kept_bytes = undo_of(client)->count * UNDO_PIECE_BYTES;
	if (!full || told->problem == DISK_UNDO_FULL)
		return;
	__atomic_store_n(&told->problem, DISK_UNDO_FULL, __ATOMIC_RELEASE);
	process_tell_manager();
}

/*
 * Tells the manager once, early enough for it to enlarge the store, that the client's store is
 * nearly full.
 */
static void undo_move_tell_low(const struct client *client)
{
	struct undo *undo = undo_of(client);

	if (undo->low || !disk_undo_is_low(undo->count * UNDO_PIECE_BYTES, undo->bytes))
		return;
	undo->low = true;
	process_tell_manager();
}

void undo_tell_kept(const struct client *client)
{
	undo_tell(client, false);
	undo_move_tell_low(client);
}

void undo_move_give_up(struct client *client, enum disk_undo_problem problem)
{
	undo_give_up(undo_of(client), problem);
	undo_kept_of(client)->wanted_pieces = 0;
	undo_move_tell(client);
}

/*
 * Returns the number of sectors of `pieces` pieces from `piece` on; the last piece of the disk may
 * be shorter.
 */
static u32 undo_sectors_of(const struct client *client, u64 piece, u32 pieces)
{
	return (u32)MIN((u64)pieces * UNDO_PIECE_SECTORS,
			client->given.disk.sectors - piece * UNDO_PIECE_SECTORS);
}

/*
 * Clears the buffer behind a shorter last piece of the disk: the bytes there are of an earlier
 * move, perhaps of another disk, and after growth of the disk the whole piece counts.
 */
static void undo_clear_tail(struct driver_dma own, u32 sectors)
{
	u32 rest = sectors % UNDO_PIECE_SECTORS;

	if (rest != 0)
		memset((u8 *)own.memory + (u64)sectors * BLOCK_SECTOR_BYTES, 0,
		       (size_t)(UNDO_PIECE_SECTORS - rest) * BLOCK_SECTOR_BYTES);
}

static void undo_move_done(struct driver_request *request, enum block_status status);

/*
 * Starts a move of pieces, or a flush. Returns false if the device has no room now. The move may
 * have ended on return.
 */
static bool undo_start(struct client *client, enum block_operation operation, u64 piece, u32 pieces)
{
	struct driver_request *request = request_take(client->given.disk.unit);
	struct driver_dma own = process_own_memory();

	if (request == NULL)
		return false;
	request->operation = operation;
	request->since_tsc = clock_tsc();
	request->done = undo_move_done;
	if (operation != BLOCK_FLUSH) {
		request->sector = client->given.disk.first_sector + piece * UNDO_PIECE_SECTORS;
		request->sectors = undo_sectors_of(client, piece, pieces);
		request->data = own.memory;
		request->address = own.address;
		if (operation == BLOCK_READ)
			undo_clear_tail(own, request->sectors);
	}
	move.request = request;
	move.client = client;
	move.piece = piece;
	move.pieces = pieces;
	client->waiting++;
	if (layer_submit(undo_kept_of(client)->below, client, request))
		return true;
	move.request = NULL;
	client->waiting--;
	request_release(request);
	return false;
}

/* --- restoring pieces to the disk --- */

static void undo_end_put_back(struct client *client, bool done)
{
	struct kept *kept = undo_kept_of(client);
	struct disk_undo_told *told = undo_told(client);
	u32 *word = done ? &told->put_back : &told->not_put_back;

	__atomic_store_n(word, kept->put_back, __ATOMIC_RELEASE);
	kept->ended = kept->put_back;
	kept->put_back = 0;
	process_tell_manager();
}

static bool undo_move_put_back(struct client *client)
{
	struct kept *kept = undo_kept_of(client);
	const struct undo *undo = &kept->undo;
	const struct undo_entry *first;
	u32 run;

	if (!undo_keeps(undo)) {
		undo_end_put_back(client, false);
		return true;
	}
	while (kept->at < undo->count && undo_entry_at(undo, kept->at)->changed == 0)
		kept->at++;
	if (kept->at == undo->count)
		return undo_start(client, BLOCK_FLUSH, 0, 0);
	run = undo_run(undo, kept->at, UNDO_MOVE_PIECES);
	first = undo_entry_at(undo, kept->at);
	memcpy(process_own_memory().memory, undo_data(first), run * UNDO_PIECE_BYTES);
	return undo_start(client, BLOCK_WRITE, first->piece, run);
}

static void undo_went_back(struct client *client, enum block_operation operation,
			   enum block_status status)
{
	struct kept *kept = undo_kept_of(client);

	if (status != BLOCK_OK) {
		undo_end_put_back(client, false);
	} else if (operation == BLOCK_FLUSH) {
		undo_put_back(&kept->undo);
		undo_end_put_back(client, true);
	} else {
		kept->at += move.pieces;
	}
}

/* --- scheduling of moves --- */

static bool undo_move_read(struct client *client)
{
	struct kept *kept = undo_kept_of(client);
	u32 pieces = kept->wanted_pieces;

	kept->wanted_pieces = 0;
	if (undo_start(client, BLOCK_READ, kept->wanted_piece, pieces))
		return true;
	kept->wanted_pieces = pieces;
	return false;
}

static bool undo_asks(const struct client *client)
{
	return undo_holds(client) || undo_kept_of(client)->wanted_pieces != 0;
}

/*
 * Returns whether the client's move may start: putting pieces back has to wait until all the
 * client's requests have ended.
 */
static bool undo_may_move(const struct client *client)
{
	if (undo_holds(client))
		return client->waiting == 0;
	return undo_kept_of(client)->wanted_pieces != 0 && !client->leaving;
}

static bool undo_move_step(struct client *client)
{
	return undo_holds(client) ? undo_move_put_back(client) : undo_move_read(client);
}

/*
 * Serves the clients in turn. Starts the move of the first client that wants one and whose disk
 * takes it. A client is passed over if its disk takes no more requests now; the first such client
 * is the first of the next call. Clients of other disks are served meanwhile.
 */
bool undo_serve(void)
{
	u32 first = move.turn;
	bool kept = false; /* move.turn is already set for the next call */
	bool any = false;

	if (move.asking == 0)
		return false;
	memset(move.stopped_at, 0, sizeof(move.stopped_at));
	for (u32 i = 0; move.asking != 0 && i < DISK_CLIENT_MAX && !undo_is_moving(); i++) {
		u32 turn = (first + i) % DISK_CLIENT_MAX;
		struct client *client = &clients[turn];
		u32 unit = client->given.disk.unit;

		if (!undo_asks(client))
			move.asking &= ~BIT(turn);
		if (!undo_may_move(client) || move.stopped_at[unit] != 0)
			continue;
		if (undo_move_step(client)) {
			turn++;
			any = true;
		} else {
			move.stopped_at[unit] = request_waiting_for(unit);
		}
		if (!kept)
			move.turn = turn % DISK_CLIENT_MAX;
		kept |= move.stopped_at[unit] != 0;
	}
	return any;
}

bool undo_read(struct client *client, u64 piece, u32 pieces)
{
	struct kept *kept = undo_kept_of(client);

	if (!undo_moves(client)) {
		kept->wanted_piece = piece;
		kept->wanted_pieces = pieces;
		move.asking |= BIT(client_index(client));
		(void)undo_serve();
	}
	return kept->wanted_pieces != 0 || undo_moves(client);
}

static bool undo_is_stopped(const struct client *client)
{
	u32 unit = client->given.disk.unit;

	return move.stopped_at[unit] != 0 && request_waiting_for(unit) >= move.stopped_at[unit];
}

bool undo_waits(const struct client *client)
{
	if (undo_may_move(client))
		return undo_is_moving() || undo_is_stopped(client);
	return undo_holds(client) || undo_moves(client);
}

/* --- the end of a move --- */

static void undo_move_done(struct driver_request *request, enum block_status status)
{
	struct client *client = move.client;
	struct kept *kept = undo_kept_of(client);
	struct undo_read read = {
		.piece = move.piece, .pieces = move.pieces, .data = process_own_memory().memory};

	status = layer_done(kept->below, client, request, status);
	move.request = NULL;
	client->waiting--;
	if (request->operation == BLOCK_READ)
		kept->took(client, &read, status);
	else
		undo_went_back(client, request->operation, status);
	undo_take_command(client);
	client_leave_if_done(client);
}

/* --- the manager's commands --- */

void undo_take_command(struct client *client)
{
	const struct disk_undo_given *shared = &client_part(client)->undo;
	struct kept *kept = undo_kept_of(client);
	struct disk_undo_given given = {
		.number = __atomic_load_n(&shared->number, __ATOMIC_ACQUIRE),
	};
	u32 asked = kept->puts_back ? __atomic_load_n(&shared->put_back, __ATOMIC_ACQUIRE) : 0;

	if (undo_moves(client))
		return;
	given.at = shared->at;
	given.bytes = __atomic_load_n(&shared->bytes, __ATOMIC_ACQUIRE);
	if (given.number != kept->undo.number) {
		undo_open(&kept->undo, &given, client->given.disk.sectors);
		kept->wanted_pieces = 0;
		undo_move_tell(client);
	} else if (given.number != 0 && given.bytes > kept->undo.bytes) {
		undo_extend(&kept->undo, given.bytes);
		undo_move_tell(client);
	}
	if (asked == 0) {
		kept->put_back = 0;
		kept->ended = 0;
	} else if (asked != kept->put_back && asked != kept->ended) {
		kept->put_back = asked;
		move.asking |= BIT(client_index(client));
		/* before it waits the driver has to see that the client's layer has work to do */
		client_quiet_set &= ~BIT(client_index(client));
		kept->at = 0;
		kept->wanted_pieces = 0;
	}
}

void undo_move_open(struct client *client, const struct layer *const *below, bool puts_back,
		    void (*took)(struct client *client, const struct undo_read *read,
				 enum block_status status))
{
	*undo_kept_of(client) = (struct kept){.below = below, .puts_back = puts_back, .took = took};
	memset(undo_told(client), 0, sizeof(*undo_told(client)));
	undo_take_command(client);
}

void undo_move_close(struct client *client)
{
	*undo_kept_of(client) = (struct kept){0};
}
