/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/disk/layers/store/pool.h"

/*
 * The stores of a driver (vmm/io/store.h). Each store does one job at a time, with one request to
 * its disk at a time: it is loaded, committed or checked, or prepares a chunk that a client wants
 * to change. A client's request is answered only when the disk has all data and metadata on which
 * the answer depends, so neither a power cut nor the death of this process takes back an answer.
 */
enum store_job {
	JOB_NONE,
	JOB_LOAD,
	JOB_FILL,   /* prepares a chunk that a client wants to change */
	JOB_COMMIT, /* writes the nodes that have changed, then a superblock */
	JOB_CHECK,  /* compares a block of metadata on the disk with that in memory */
	JOB_SUM,    /* computes the sum of a chunk that was not written to for a while */
	JOB_SCRUB,  /* compares a chunk of data with its sum */
	JOB_GROW,   /* reads the end of the disk, before the store uses it */
};

/*
 * The needs of a client's waiting request (client->held), which the store must meet before the
 * request can continue.
 */
enum store_want {
	WANT_NOTHING,
	WANT_CHUNK,  /* a chunk of the disk that only the client's volume uses, to write to */
	WANT_ZEROES, /* zeros in a part of a chunk that only the client's volume uses */
	WANT_UNMAP,  /* no chunk any more, so that this part of the volume reads as zeros */
};

struct store_client {
	u64 volume; /* the id of the client's volume; 0: the client has none */
	u32 store;  /* the index of the store that has the volume */
	u32 number; /* the number of the volume's record when the record was found last */
	u32 want;   /* the need of the client's waiting request, enum store_want */
	u64 sector; /* the first sector, in the volume, of the part that `want` is about */
	u32 sectors;
	u32 operation; /* the operation of the request that waits, enum block_operation */
	/*
	 * the first sector, in the volume, plus 1, of the request that is handed to the device
	 * next, and the request's chunk; 0: there is none
	 */
	u64 passed;
	u32 passed_chunk;
	/*
	 * `want` is met once this generation of the store is on the disk; 0: the job is not done
	 * yet
	 */
	u64 after;
	/*
	 * the store's last committed generation, plus 1, when no chunk or node was free; 0: not
	 * tried yet
	 */
	u64 starved_at;
	bool failed;
};

/* The progress of a store's present job. */
struct store_step {
	u32 step;
	u32 at;
	u32 client; /* the index of the client for which the job is done */
	u64 volume; /* the id of that client's volume */
	bool left;  /* the client has left since, and another one may have its index */
	/* the number of the chunk to be copied to `to`; ~0u: none, zeros are written instead */
	u32 from;
	u32 to;
	bool kept; /* chunk `to` was the volume's already before the job */
	/* sectors of zeros that are written; when loading: the number of nodes read from copies */
	u32 zeroed;
	u32 fresh; /* when committing: the number of nodes to be written */
	u32 then;  /* when committing: the step after the superblocks were looked at */
	u32 sum;   /* the sum of the part of chunk `from` that was read so far */
	u64 began; /* the TSC when the job began; of JOB_SUM and JOB_SCRUB */
	struct store_superblock super;
};

/* A round through all volumes, which counts the chunks that each has alone or shares. */
struct store_count {
	bool due; /* the store has changed since the last round began */
	bool under_way;
	bool changed; /* a volume's count differs from that of the last round */
	u32 number;   /* the number of the record of the volume being counted */
	u64 volume;
	u64 index;		  /* the volume's chunk at which counting continues */
	struct pool_count chunks; /* the volume's chunks that were counted so far */
	/*
	 * the root of the tree that was counted last, and its chunks: volumes with the same root,
	 * such as clones without writes, follow each other
	 */
	u32 last_root;
	struct pool_count last;
	u64 began;	/* the TSC when this round began */
	u64 not_before; /* the TSC before which the next round must not begin */
};

/* A check of the metadata that the disk holds. */
struct store_check {
	bool under_way;
	bool ended;
	bool rested; /* a commit has ended since the last block was checked: the check may go on */
	u32 block;   /* the block to be checked next; copies are counted behind all blocks */
	u32 looked;  /* the number of blocks that have been checked */
	u32 faults;  /* number of blocks that differed from the data written last */
	/* how many of the differing ones were rewritten, or will be by the next commits */
	u32 mended;
	u32 first; /* the number of the first differing block */
};

/* The fields that differ between any two superblocks written to a store. */
struct store_mark {
	u64 epoch;
	u64 generation;
	u64 session;
};

/* This host's hold on a store (store_lease.c); times are values of the TSC. */
struct store_lease {
	u64 seconds;   /* the lease's length; 0: the store has none, and nothing else here counts */
	u64 until_tsc; /* the TSC from which on the superblocks must be read before any write */
	u64 beat_tsc;  /* when the next commit is due although nothing has changed */
	u64 rest_tsc;  /* the time at which the store's job continues */
	u64 looked_tsc;	   /* when the last look at the superblocks began */
	u64 submitted_tsc; /* when the last superblock was given to the disk */
	u64 since_tsc;	   /* when `seen` was first read, while another host is watched */
	/* the later superblock that was read, or written, last */
	struct store_mark seen;
	/* while a store is made: the superblock of another host that was there, and may go */
	struct store_mark before;
	bool makes;   /* a store is being made of which the disk has no superblock yet */
	bool over;    /* an existing store may be overwritten */
	bool watches; /* another host has the store, and this host watches whether it commits */
	/* the next superblock counts only if it is still there after a wait */
	bool settles;
	/*
	 * this host has stalled: until one of its superblocks counts, no client's request is done
	 */
	bool proving;
	/*
	 * this process holds the store by a superblock that an earlier one of this boot has written
	 */
	bool resumes;
	/* the next superblock gives the store back; until it counts no client's request is done */
	bool releases;
	bool retake; /* the manager wants the store to be loaded anew, by STORE_TAKE */
	bool asked;  /* the store is being loaded for that reason */
	u32 looks;   /* how many looks were made since the last commit */
};

/* A round through all chunks, which gives sums to those that were not written to for a while. */
#define STORE_SUM_BATCH 256u
struct store_sums {
	bool idle;	/* all chunks in use have sums, and none was written to since */
	bool again;	/* this round has found chunks without a sum */
	u32 chunk;	/* the chunk to be looked at next */
	u64 began;	/* the TSC when this round began */
	u64 not_before; /* the TSC before which nothing more is done */
	/*
	 * the sums that were computed but are not in the tree yet: a commit for each would cost
	 * more than the sum
	 */
	u32 count;
	struct {
		u32 chunk;
		u32 sum;
	} ready[STORE_SUM_BATCH];
};

/* A comparison of all chunks that have sums with their sums. */
struct store_scrub {
	bool under_way;
	bool ended;
	bool naming;	/* all chunks were read; volumes are searched for those that are rotten */
	u32 number;	/* how many scrubs have ended */
	u32 chunk;	/* the chunk to be looked at next */
	u64 not_before; /* the TSC before which nothing more is read */
	u32 sums;	/* the number of chunks that were read */
	u32 without;	/* the number of chunks in use that had no sum */
	u32 faults;	/* the number of chunks that are rotten */
	u32 rotten[STORE_ROT_MAX]; /* the first rotten chunks */
	u32 record;		   /* the number of the volume's record that is searched next */
	u64 index;		   /* the chunk of that volume at which the search continues */
	u32 rot_count;
	struct store_rot rot[STORE_ROT_MAX];
};

struct open_store {
	/* the manager's description of the store; number 0: this entry has no store */
	struct store_given given;
	struct store_page *page;
	struct pool pool;
	enum store_state state;
	const char *reason;
	struct store_owner owner; /* the owner according to the last superblock that was read */
	struct store_lease lease;
	u32 version; /* version of the store's format, from its superblock */
	u32 needs;   /* enum store_need, from its superblock */
	enum store_job job;
	struct store_step step;
	struct store_command command; /* the manager's command that is being carried out */
	bool commanded;		      /* a command of the manager is being carried out */
	/*
	 * the command is answered once this generation of the store is on the disk; 0: it is not
	 * done yet
	 */
	u64 commanded_after;
	struct store_answer answer;
	u64 last;  /* the number of the manager's last command that was answered */
	bool told; /* the page that the manager reads shows all changes */
	/*
	 * volumes whose record's node is of this generation or a later one are still to be told; 0:
	 * all are
	 */
	u64 told_from;
	struct store_count count;
	struct store_check check;
	struct store_sums sums;
	struct store_scrub scrub;
	/*
	 * commits are made until this generation of the store is on the disk, even if there are no
	 * changes: a client waits for it
	 */
	u64 commit_until;
	/*
	 * a commit has ended since a chunk was last read for its sum: one may be read before other
	 * jobs
	 */
	bool rested;
	u32 features; /* abilities of the store's disk, enum disk_feature */
	/*
	 * the number of commits to be done before all other jobs, to rewrite that number of
	 * superblocks
	 */
	u32 opening;
	/* the number of commits in a row that were made only to free blocks or chunks */
	u32 settling;
};

extern struct store_client store_clients[DISK_CLIENT_MAX];
extern u64 store_client_set; /* the clients that have a volume, a bit for each */

struct open_store *store_open_at(u32 index);
/*
 * Takes from the manager the stores to open and the commands to them. The first call is before
 * there are clients.
 */
void store_take_commands(struct driver_channel *channel);
/* Continues the stores' jobs. Returns true if it did anything. */
bool store_serve(void);
/*
 * Returns whether the stores have nothing to do until a request to a disk ends or the manager
 * signals.
 */
bool store_may_wait(void);
/* Returns the TSC at which a store has something to do even if no request ends; ~0: never. */
u64 store_deadline(void);

/* --- store_io.c: one request to the disk at a time, through memory of the driver --- */

#define STORE_IO_SECTORS 128u
u8 *store_io_data(void);
bool store_io_is_busy(void);
/*
 * Begins a request of the store to its disk. Returns false if the device has no room now. `sector`
 * counts from the store's first sector.
 */
bool store_io(const struct open_store *store, enum block_operation operation, u64 sector,
	      u32 sectors);
/*
 * Returns how the last request begun by store_io has ended; BLOCK_OK if none has since
 * store_io_forget.
 */
enum block_status store_io_status(void);
void store_io_forget(void);
/* Forgets a store's content, and all work on it, as the store is loaded or made anew. */
void store_forget(struct open_store *store);
/* Returns the sector, counted from the store's first one, at which a chunk begins. */
u64 store_sector_of(const struct open_store *store, u32 chunk);
/* Returns how many sectors of a chunk, from its sector step.at on, a job's next request moves. */
u32 store_piece_of(const struct open_store *store);
/*
 * Returns the TSC until which work in the background that began at `began` and ends now rests:
 * `times` times as long as it took.
 */
u64 store_rest_until(u64 began, u32 times);
/* Returns whether the store's disk has that feature. */
bool store_has_feature(const struct open_store *store, u32 feature);

/*
 * --- store_load.c, store_fill.c, store_commit.c: each file does the next step of its kind of job
 * ---
 */

/* Begins to load the store, whose state is STORE_LOADING until the end of that job. */
void store_load_begin(struct open_store *store);
bool store_load_step(struct open_store *store);
/* Returns whether the load is between two nodes, with nothing in the buffer that stores share. */
bool store_load_pauses(const struct open_store *store);
void store_fill_begin(struct open_store *store, u32 client);
bool store_fill_step(struct open_store *store);
/* Makes the store's job, if it is done for this client, which leaves, end without effect. */
void store_fill_leave(struct open_store *store, u32 client);
/* Returns whether the store's job prepares something for the client with that index. */
bool store_fills_for(const struct open_store *store, u32 client);
/* Returns whether the store's job is still being done for a client of this volume that has left. */
bool store_fill_holds(const struct open_store *store, u64 volume);
void store_commit_begin(struct open_store *store);
bool store_commit_step(struct open_store *store);
void store_fail(struct open_store *store, enum store_state state, const char *reason);

/* --- store_command.c --- */

void store_command_take(struct open_store *store);
/* Continues the manager's command to the store. Returns true if it did anything. */
bool store_command_step(struct open_store *store);
/* Returns whether the device still has requests of the volumes that the manager's command names. */
bool store_is_busy(const struct open_store *store);
/*
 * Returns whether the manager's command waits for metadata blocks that the next commits will make
 * free.
 */
bool store_command_starves(const struct open_store *store);
/* Returns whether clients' requests to the volume have to wait for the manager's command. */
bool store_command_holds(const struct open_store *store, u64 volume);

/*
 * Ends the manager's command, with a reason unless it has succeeded; the answer is given once its
 * changes are on the disk.
 */
void store_command_settle(struct open_store *store, enum store_status status, const char *reason);

/* --- store_grow.c --- */

/* Begins the job by which the store takes the room by which its disk has grown. */
void store_grow_begin(struct open_store *store);
bool store_grow_step(struct open_store *store);

/* --- store_lease.c --- */

enum store_lease_view {
	LEASE_FREE,	/* this host may load the store, and then claim it */
	LEASE_WATCH,	/* another host has it: look again when the store's rest is over */
	LEASE_HELD,	/* another host holds the store, and has committed since the first look */
	LEASE_NO_HOST,	/* this host has no identity */
	LEASE_TOO_LONG, /* the lease cannot be right */
};

/* Returns whether one host at a time holds the store. */
bool store_is_leased(const struct open_store *store);
/* Returns whether the superblocks have to be looked at before anything is written. */
bool store_lease_is_stale(const struct open_store *store);
/* Returns whether clients' requests have to wait, as another host may have the store by now. */
bool store_lease_bars(const struct open_store *store);
/* Gives the store back by the next commit, by STORE_RELEASE; no client may have a request under
 * way. */
void store_lease_release(struct open_store *store);
/* Returns whether the store's job waits for a time, so that other stores have their turn. */
bool store_rests(const struct open_store *store);
/* Returns the TSC at which a commit is due although nothing has changed; ~0: never. */
u64 store_lease_at(const struct open_store *store);
/* Decides, from the superblock that was read, whether this host may load the store. */
enum store_lease_view store_lease_look(struct open_store *store,
				       const struct store_superblock *super);
/* Makes this host the owner in the superblock that the next commit writes. */
void store_lease_claim(struct open_store *store);
/*
 * Decides, from both superblocks in store_io_data, whether the store is still as this host has
 * seen or written it last. If it is not, ends the job, with the state STORE_LOST or STORE_HELD, and
 * returns false.
 */
bool store_lease_confirm(struct open_store *store);
/* Counts looks within a commit. Returns whether there were too many to go on. */
bool store_lease_is_slow(struct open_store *store);
/* Records that this superblock was given to the disk. */
void store_lease_written(struct open_store *store, const struct store_superblock *super);
/*
 * Returns whether the superblock that is on the disk counts only if it is still there after a
 * wait, and lets the job rest for it.
 */
bool store_lease_settle(struct open_store *store);
/* Records that the commit's superblock counts. */
void store_lease_renew(struct open_store *store);

/* --- store_check.c --- */

/* Begins a check of the metadata on the disk, unless one is under way. */
void store_check_begin(struct open_store *store);
/* Begins the job that checks the next block of metadata. */
void store_check_begin_job(struct open_store *store);
bool store_check_step(struct open_store *store);

/* --- store_sum.c --- */

/* Lets the next round begin, as a chunk is written to, has lost its sum or has come into use. */
void store_sum_wake(struct open_store *store);
/* Returns the TSC at which the next step of giving sums to chunks is due; ~0: never. */
u64 store_sum_at(const struct open_store *store);
/* Begins the job that looks for the next chunk without a sum, and computes that sum. */
void store_sum_begin_job(struct open_store *store);
bool store_sum_step(struct open_store *store);
/*
 * Reads the next piece of the chunk step.from and adds it to step.sum. Returns false if the device
 * has no room now. Sets *ended once all was read, or, with *readable false, could not be.
 */
bool store_sum_read(struct open_store *store, bool *ended, bool *readable);
/* Begins to read the chunk for its sum, by store_sum_read. */
void store_sum_read_begin(struct open_store *store, u32 chunk);

/* --- store_scrub.c --- */

/* Begins to compare all chunks that have sums with these, unless that is under way. */
void store_scrub_begin(struct open_store *store);
/* Returns the TSC at which the next step of the scrub is due; ~0: never. */
u64 store_scrub_at(const struct open_store *store);
/* Begins the job that looks at the next chunk. */
void store_scrub_begin_job(struct open_store *store);
bool store_scrub_step(struct open_store *store);
/* Writes the scrub's progress and findings to *told. */
void store_scrub_tell(const struct open_store *store, struct store_told *told);

/* --- store_tell.c --- */

/* Returns the state of the last check, or scrub, for the manager. */
enum store_check_state store_told_check(bool under_way, bool ended);
/* Publishes the store's state and its volumes to the manager. */
void store_tell(struct open_store *store);
/* Returns the TSC at which the next step of counting volumes' own chunks is due; ~0: never. */
u64 store_count_at(const struct open_store *store);
/* Does the next step of counting volumes' own chunks if it is due. */
void store_count_step(struct open_store *store);
