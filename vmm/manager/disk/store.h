/* SPDX-License-Identifier: MIT */
#pragma once

/* The configured stores: their drivers' reports about volumes, and commands to the drivers. */
#include "vmm/io/store.h"
#include "vmm/manager/disk/disk.h"

#define STORE_PAST_MAX 8u
/* Volumes whose names begin with this are the manager's: no operator makes or changes one. */
#define STORE_OWN_NAME '@'

/*
 * Stores: the sections [store NAME] of the configuration. A store lies on a disk, whose driver
 * alone reads and writes it (vmm/io/store.h); the manager gives the driver memory that outlives the
 * driver's processes, hands it commands, and reads the list of volumes. What the driver writes may
 * change at any time: it is copied once, and then checked.
 */
struct store {
	const struct store_config *config;
	u32 disk;	       /* number of the disk that the store lies on */
	struct driver *driver; /* the disk's driver; NULL: the disk was never ready */
	u32 place;	       /* the store's index in driver_channel.store */
	/*
	 * a ring of the driver's answers to earlier commands, which the askers may not have read
	 * yet
	 */
	struct store_answer past[STORE_PAST_MAX];
	u32 past_count;
	char problem[2 * DRIVER_TEXT_BYTES]; /* why the manager cannot use the store; "": it can */
	/* the memory group that pays for `memory`; HANDLE_NONE: there is none */
	handle_t group;
	handle_t memory;
	u64 bytes; /* size of `memory` */
	/* pages by which the driver's quota was raised for page tables of `memory` */
	u64 table_pages;
	u64 driver_at; /* address of `memory` in the driver's present process; 0: none */
	u32 given;     /* number of the struct store_given that the driver was given last */
	u64 sectors;   /* sectors of the disk or partition that the store lies on */
	/* the driver's reports, mapped in the manager; the driver writes them at any time */
	struct store_page *page;
	u64 leaving; /* number of the command that gives the store back; 0: it was not given */
	u64 asked;   /* number of the last command that the driver was given */
	/* sectors of a chunk, the store's unit of space; 0: not known yet */
	u32 chunk_sectors;
	bool said_quotas; /* the log has a line for each quota that is exceeded */
	u32 held;	  /* not 0: this host has held the store since it was booted */
	u32 said_state;	  /* the state, of `told`, that store_owner_say has seen last */
	u32 said_faults;  /* how many faults of the store's metadata are in the log */
	u32 said_scrub;	  /* number of the last scrub whose result is in the log */
};

/* Makes the list of the configured stores. */
void stores_init(void);
/* Returns the store of that number, from 0 on, or NULL behind the last. */
struct store *store_at(u32 number);
/* Returns the store of that name, or NULL. */
struct store *store_find(const char *name);
/* Returns the store that lies on sectors of this disk, or NULL. */
const struct store *store_on(const struct disk *disk);

/*
 * For disk_class.c: stores_ready() is called when a driver is ready, stores_open() before a new
 * process serves, stores_ended() when a process has ended.
 */
void stores_ready(struct driver *driver);
void stores_open(struct driver *driver);
void stores_ended(struct driver *driver);
/* Returns whether no store is still being loaded by a driver that is ready. */
bool stores_settled(void);

/*
 * Copies the driver's report about the store. Returns false, with the state STORE_LOADING in
 * `told`, if the driver does not serve the store now or its report is not consistent.
 */
bool store_told(const struct store *store, struct store_told *told);
/* Logs, once, the result of the driver's check of the store. */
void store_say_check(struct store *store);
/* Returns a sentence that says why no volume of the store can be used now, or NULL. */
const char *store_find_problem(const struct store *store, char *text, size_t size);
/*
 * Returns a sentence, in `text`, if an earlier store of the configuration has the same id: one of
 * their disks is a copy of the other. Else returns NULL.
 */
const char *store_twin_problem(const struct store *store, char *text, size_t size);
/*
 * Copies the volume at `index`, from 0 on; an id of 0 in it means that there is no volume at this
 * index. Returns false behind the last.
 */
bool store_volume_at(const struct store *store, u32 index, struct store_volume *volume);
/* Copies the volume of that name. Returns false if there is none. */
bool store_volume_find(const struct store *store, const char *name, struct store_volume *volume);
/* Copies the volume of that id. Returns false if there is none; 0 is no volume's id. */
bool store_volume_find_id(const struct store *store, u64 id, struct store_volume *volume);

/*
 * Gives the driver a command; a store has one command at a time. Returns the command's number, or
 * 0, with the reason in `problem`, if that is not possible now.
 */
u64 store_ask(struct store *store, enum store_operation operation, const struct store_item *item,
	      u32 count, char *problem, size_t size);
/* Returns whether the command of that number was answered; if so, *answer is a copy. */
bool store_answered(const struct store *store, u64 number, struct store_answer *answer);

/* Returns the sectors of a chunk, between whose multiples a request to a volume has to lie. */
u32 store_boundary(const struct driver *driver, const struct driver_link *link);
/* Returns whether the driver could be given a command now. */
bool store_is_idle(const struct store *store);
/* Tells the users of the store's volumes the new sizes of those that have changed. */
void store_tell_sizes(struct store *store);

/* Adds up the counts of a volume's present users. */
void store_counts(const struct store *store, u64 volume, struct disk_counts *counts);
/* Writes the names of a volume's users, such as "alpha (ro), beta (ro)". */
void store_users(const struct store *store, u64 volume, char *text, size_t size);
/*
 * Finds the volume of that name for a user; the store is NULL if no section has its name. Returns
 * false, with the reason in `problem`, if the volume cannot be used now.
 */
bool store_look_up(const struct store *store, const char *name, struct store_volume *volume,
		   char *problem, size_t size);
