/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/disk/layers/store/pool.h"

/*
 * The stores of a driver (vmm/io/store.h). Each does one job at a time, a request to its disk
 * behind the other: it is loaded, written, or makes ready what a client wants to write to. No
 * request of a client is answered that depends on what the disk does not have yet, so that neither
 * a cut of power nor the death of this process takes anything back.
 */
enum store_job {
	JOB_NONE,
	JOB_LOAD,
	JOB_FILL,   /* gives a client a chunk of its own to write to */
	JOB_COMMIT, /* writes what has changed, then the superblock */
	JOB_CHECK,  /* looks at a block of metadata on the disk */
};

/* What a client's held request needs before it can go on. */
enum store_want {
	WANT_NOTHING,
	WANT_CHUNK,  /* a chunk that nothing else uses */
	WANT_ZEROES, /* zeros in a part of a chunk that nothing else uses */
	WANT_UNMAP,  /* a chunk is to read as zeros */
};

struct store_client {
	u64 volume; /* the volume's id; 0: the client has none */
	u32 store;  /* index of the store that has the volume */
	u32 number; /* of the volume's record, where it was found last */
	u32 want;   /* enum store_want */
	u64 sector; /* of the volume, where the wanted part begins */
	u32 sectors;
	u32 operation; /* of the request */
	u64 after; /* the wish is fulfilled once this generation is on the disk; 0: not done yet */
	u64 starved_at; /* nothing was free at this generation, less 1; 0: it was not tried */
	bool failed;
};

/* The progress of a job. */
struct store_step {
	u32 step;
	u32 at;
	u32 client; /* index of the client for which it is done */
	u64 volume; /* that client's */
	bool left;  /* that client has left: another one may have its index */
	u32 from;   /* chunk that is copied; ~0u: none, zeros are written */
	u32 to;
	bool kept;  /* `to` was the volume's before */
	u32 zeroed; /* sectors of zeros that are written */
	u32 fresh;  /* nodes to be written */
	struct store_superblock super;
};

/* A round through all volumes, which counts the chunks that each has alone. */
struct store_count {
	bool due; /* something has changed since the last round began */
	bool under_way;
	bool changed; /* a volume has another number of them */
	u32 number;   /* of the record */
	u64 volume;
	u64 index;	/* of the volume's chunk that is next */
	u64 own;	/* counted so far */
	u64 began;	/* ticks of the TSC */
	u64 not_before; /* when the next round may begin */
};

/* A check of the metadata that the disk holds. */
struct store_check {
	bool under_way;
	bool ended;
	bool rested; /* something else was done since the last block */
	u32 block;   /* that is next */
	u32 looked;  /* blocks that were looked at */
	u32 faults;  /* of these, not what they should be */
	u32 mended;  /* of these, written anew */
	u32 first;   /* the first of the faults */
};

struct open_store {
	struct store_given given; /* number 0: the place is free */
	struct store_page *page;
	struct pool pool;
	enum store_state state;
	const char *reason;
	enum store_job job;
	struct store_step step;
	struct store_command command; /* the one under way */
	bool commanded;		      /* there is one */
	u64 commanded_after;	      /* it is answered once this generation is on the disk; 0: not
					 done yet */
	struct store_answer answer;
	u64 last;      /* number of the last command that was answered */
	bool told;     /* the manager knows of all that has changed */
	u64 told_from; /* the generation of what it does not know yet; 0: it knows nothing */
	struct store_count count;
	struct store_check check;
	u32 features; /* of the disk: enum disk_feature */
	u32 opening;  /* commits that a new store still needs: one for each superblock */
	u32 settling; /* commits in a row that were made only to free something */
};

extern struct store_client store_clients[DISK_CLIENT_MAX];

struct open_store *store_open_at(u32 index);
/* Takes over what the manager says of stores; the first call is before there are clients. */
void store_take_commands(struct driver_channel *channel);
/* Goes on with the stores' jobs. Returns true if it did anything. */
bool store_serve(void);
/* Returns whether nothing is to be done before a request ends or the manager signals. */
bool store_may_wait(void);
/*
 * Returns when something is to be done although nothing has ended, in ticks of the TSC; ~0: never.
 */
u64 store_deadline(void);

/* --- store_io.c: one request to the disk at a time, through memory of the driver --- */

#define STORE_IO_SECTORS 128u
u8 *store_io_data(void);
bool store_io_is_busy(void);
/* Begins; false: the device has no room now. `sector` counts from the store's first one. */
bool store_io(const struct open_store *store, enum block_operation operation, u64 sector,
	      u32 sectors);
/* Returns how the last one ended; BLOCK_OK if there was none since store_io_forget. */
enum block_status store_io_status(void);
void store_io_forget(void);
/* Returns whether the store's disk has that feature. */
bool store_has_feature(const struct open_store *store, u32 feature);

/* --- store_load.c, store_fill.c, store_commit.c: each does the next step of its job --- */

/* Begins to load, after which the state is another. */
void store_load_begin(struct open_store *store);
bool store_load_step(struct open_store *store);
void store_fill_begin(struct open_store *store, u32 client);
bool store_fill_step(struct open_store *store);
/* Lets what is done for the client end without effect. */
void store_fill_leave(struct open_store *store, u32 client);
/* Returns whether something is being made ready for the client with that index. */
bool store_fills_for(const struct open_store *store, u32 client);
/* Returns whether a request may be under way that was begun for a client which has left. */
bool store_fill_holds(const struct open_store *store, u64 volume);
void store_commit_begin(struct open_store *store);
bool store_commit_step(struct open_store *store);
void store_fail(struct open_store *store, enum store_state state, const char *reason);

/* --- store_command.c --- */

void store_command_take(struct open_store *store);
/* Goes on with the manager's command. Returns true if it did anything. */
bool store_command_step(struct open_store *store);
/* Returns whether requests of the command's volumes are still with the device. */
bool store_is_busy(const struct open_store *store);
/* Returns whether the command waits for blocks that commits make free, which comes to an end. */
bool store_command_starves(const struct open_store *store);
/* Returns whether a command holds the volume's requests back. */
bool store_command_holds(const struct open_store *store, u64 volume);

/* --- store_check.c --- */

/* Begins a check, if none is under way. */
void store_check_begin(struct open_store *store);
/* Begins to look at the next block. */
void store_check_begin_job(struct open_store *store);
bool store_check_step(struct open_store *store);

/* --- store_tell.c --- */

/* Writes what the manager is to know. */
void store_tell(struct open_store *store);
/* Returns when the next step of counting is due, in ticks of the TSC; ~0: never. */
u64 store_count_at(const struct open_store *store);
/* Does the next step of counting if it is due. */
void store_count_step(struct open_store *store);
