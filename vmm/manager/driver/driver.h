/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/driver/dma_pages.h"
#include "vmm/manager/driver/link_ends.h"
#include "vmm/manager/process/process_build.h"

/*
 * Drivers, a process each: of disk controllers, of network cards, and a network's switch, which is
 * a driver without a device. They may die: the device is made quiet, a new process is started, and
 * the generation of each link is raised, upon which the driver and the client begin anew with an
 * empty link.
 */
#define DRIVER_MAX	  32u
#define DRIVER_NAME_BYTES 48u
/* A driver that dies restart_limit times within this time stays down. */
#define DRIVER_WINDOW_NS (60 * NS_PER_S)
/* A driver hangs if requests wait this long and none is answered. */
#define DRIVER_HANG_NS (5 * NS_PER_S)
/*
 * A driver with work is looked at once a second; times longer than this between two looks are the
 * manager's own delay and do not count as a hang.
 */
#define DRIVER_LOOK_NS (2 * NS_PER_S)
/*
 * A driver counts as hung if it has not released a leaving client for this time, even if it answers
 * otherwise.
 */
#define DRIVER_LEAVE_NS (30 * NS_PER_S)
/* The interval at which a switch or a disk's driver is asked whether it lives. */
#define DRIVER_ASK_NS (5 * NS_PER_S)
/*
 * A driver that ends before it is ready, or within this time after, is started anew after a pause:
 * first DRIVER_PAUSE_NS, then twice as long each time.
 */
#define DRIVER_SHORT_NS (2 * NS_PER_MS)
#define DRIVER_PAUSE_NS (10 * NS_PER_MS)
#define DRIVER_PAUSES	7u /* the doublings of the pause after which it stays the same */
/*
 * The time after a driver's end for which the manager keeps trying to start it if pages are
 * lacking.
 */
#define DRIVER_PAGES_NS (10 * NS_PER_S)
/* The time limit for a driver with a device to become ready. */
#define DRIVER_START_NS (60 * NS_PER_S)

enum driver_life {
	DRIVER_LIFE_STARTING,
	DRIVER_LIFE_READY,
	DRIVER_LIFE_RESTARTING, /* the driver's process has ended, and its device is made quiet */
	DRIVER_LIFE_FAILED,	/* the driver is not started any more; `reason` says why */
	DRIVER_LIFE_COUNT
};

/* A window: the part of a client's RAM that the device reaches, one piece from `at` on. */
struct ram_window {
	handle_t memory; /* the client's RAM; HANDLE_NONE: the device shall not reach it */
	u64 bytes;
	bool wanted; /* the window is to be open; false: it is to be closed */
	u64 at;	     /* the RAM's address for the device; 0: the RAM is not mapped */
	/* number of the open window; 0: it is closed, or, if `at` is not 0, being closed */
	u32 number;
	u32 told; /* number of the window that the device may use, as the client knows it */
	u32 last_number;
	u64 closing_tsc; /* the TSC since when the window is closing */
};

#define LINK_UNDO_PARTS 8u /* one more part than the number of times the memory can grow */

/* Memory for a disk's old blocks at a snapshot of its VM; disk_undo.h. */
struct link_undo {
	/*
	 * the parts of the memory, paid for by the client's memory group; the driver maps them one
	 * after the other
	 */
	struct {
		handle_t memory;
		u64 bytes;
	} part[LINK_UNDO_PARTS];
	u32 parts; /* the number of parts in use; 0: there is no memory for old blocks */
	u64 bytes; /* the size of the memory for old blocks: the sum of its parts */
	/* sectors of the client's part of the disk when the memory for old blocks was last sized */
	u64 sectors;
	/* pages by which the maker of the memory for old blocks has raised the client's quota */
	u64 client_pages;
	/* address of the memory for old blocks in the driver; 0: it is not mapped there */
	u64 driver_at;
	/*
	 * The number of the snapshot whose old blocks are kept; 0: none are kept, or the memory is
	 * being closed.
	 */
	u32 number;
	u32 put_back;	 /* not 0: the old blocks are to go back to the disk */
	bool full_told;	 /* the operator knows that a clone's overlay is full */
	bool low_told;	 /* the operator knows that little room for old blocks is left */
	u64 table_pages; /* pages by which the driver's quota was raised for page tables */
};

/* Memory for the list of blocks that the client has changed since a backup; disk_changes.h. */
struct link_changes {
	/*
	 * the list's memory, which the client's memory group pays for; HANDLE_NONE: there is no
	 * list
	 */
	handle_t memory;
	u64 bytes;
	/* address at which the driver's process has the list mapped; 0: it is not mapped */
	u64 driver_at;
	/*
	 * number of the last time that the list was begun anew; 0: it was never begun, and no
	 * changes are recorded
	 */
	u32 number;
	bool merge;	 /* when the list was begun last, it kept the changes from before */
	u64 table_pages; /* pages by which the driver's quota was raised for page tables */
	/* the first page of the list, mapped in the manager */
	const struct disk_changes_head *head;
};

/*
 * A link between a driver and one client: of a disk's driver for a VM's disk, or of a switch for a
 * port.
 */
struct driver_link {
	bool used;
	bool leaving;	 /* the link is to end, once the driver has released it */
	u64 leaving_tsc; /* the TSC since when the link is to end */
	bool told;	 /* the driver knows that the link is to end */
	bool said;	 /* the operator knows that the driver does not release the link */
	bool fails;	 /* the link's requests fail while the driver is down for good */
	bool lost;	 /* the driver of the link is down for good, so that no request is served */
	u16 seen;	 /* of a port of a switch: its state as last reported to the operator */
	u32 number;	 /* the link's number, as in struct driver_client */
	/*
	 * the client's part of the link, for which, and for pool_pages, the client's memory group
	 * pays. The maker of the link may set it, so that a client goes over to another server.
	 */
	struct link_ends ends;
	u64 driver_at;	   /* the pool's address in the driver; 0: not mapped there */
	u64 pool_pages_at; /* address of the pool's list in the driver; 0: not mapped */
	/* memory with the list of the pool's addresses; HANDLE_NONE without DMA */
	handle_t pool_pages;
	struct dma_window window; /* the place where the device finds the pool */
	/* the window to the client's RAM; the maker of the link sets memory, bytes and wanted */
	struct ram_window ram;
	struct link_undo undo;
	struct link_changes changes;
	/* Set by the maker of the link: */
	char user[CONFIG_NAME_BYTES]; /* name of the link's user: a VM or card */
	/* number of the user's [disk] or [net] section in the configuration */
	u32 section;
	char name[CONFIG_DISK_BYTES]; /* for a disk: its name, DISK or STORE/VOLUME */
	bool whole;		      /* the link has the whole disk, and grows with it */
	/* id of an encrypted volume's key, as in struct store_key; else 0 */
	u64 key_id;
	char key[CONFIG_NAME_BYTES]; /* name of the key of an encrypted volume */
	/*
	 * Size of the memory that follows the client's part of the link's memory and that only the
	 * driver has: the device uses it in place of the pool.
	 */
	u64 hidden_bytes;
	struct disk_client_part disk;
	struct net_port port;
};

struct driver;

/*
 * Functions and limits that are the same for all drivers of disks, for all drivers of cards, or for
 * all switches.
 */
struct driver_class {
	u64 link_bytes; /* size of the memory that the driver and a client share */
	/*
	 * offset of the pool, which the device reads and writes, in the memory that driver and
	 * client share; 0: there is no pool
	 */
	u64 pool_at;
	u32 client_max;
	u32 quota_pages; /* pages of a driver's quota besides those that every driver gets */
	/* the manager asks a driver of this class from time to time whether it lives */
	bool asked;
	/* Called each time a process of the driver has become ready; may be NULL. */
	void (*ready)(struct driver *driver);
	/* Called before a new process is given its clients; may be NULL. */
	void (*open)(struct driver *driver);
	/* Called when a ready driver signals; may be NULL. */
	void (*signalled)(struct driver *driver);
	/* Is called when a driver's process has ended; may be NULL. */
	void (*ended)(struct driver *driver);
	/*
	 * Writes the server's description for the client into the link's `about`, one field at a
	 * time.
	 */
	void (*describe)(const struct driver *driver, const struct driver_link *link);
	/* Writes the part of the driver's description of a client that is the class's own. */
	void (*fill)(const struct driver_link *link, struct driver_client *client);
};

/*
 * The kind of a driver's device: how the driver's process gets access to it, and how it is made
 * quiet.
 */
struct driver_kind {
	const char *image;	    /* name of the driver's image */
	const struct file *program; /* program of a service, in place of an image */
	const char *argument;	    /* the argument of a service; NULL: it has none */
	const struct driver_class *class;
	bool dma;
	bool direct;   /* the kind's devices, if behind an IOMMU, may reach their clients' RAM */
	u32 dma_pages; /* pages for the device's own memory; 0: the usual number */
	u32 units;     /* the most disks of the driver; 0: one */
	/* Gives the driver's process the means to use the device: registers, interrupt, DMA. */
	void (*equip)(struct process_build *build, u32 device);
	/*
	 * Makes the device quiet. STATUS_OK: it no longer touches memory. STATUS_AGAIN: call again,
	 * by the deadline. Otherwise *problem says why it may still do so. NULL: there is no
	 * device.
	 */
	enum status (*quiet)(u32 device, const char **problem);
	u64 (*quiet_deadline)(u32 device); /* returns the TSC by which the device has to be quiet */
};

/*
 * One piece of memory by which a disk in memory was enlarged, and the memory group that pays for
 * it.
 */
struct driver_store {
	handle_t memory;
	u64 bytes;
	const struct group_page *account;
};

struct driver {
	bool used;
	char name[DRIVER_NAME_BYTES];
	const struct driver_kind *kind;
	u32 device;		 /* number of the device, whose meaning depends on the kind */
	const struct file *file; /* contents of a RAM disk; NULL: it has none */
	u64 disk_bytes;		 /* size of a disk in memory; 0: the file's size */
	enum driver_life life;
	char reason[DRIVER_TEXT_BYTES + 32];

	handle_t group;	  /* the memory group that pays for the present process */
	handle_t image;	  /* memory with a service's program */
	handle_t process; /* the driver's process; HANDLE_NONE: there is none */
	handle_t space;	  /* the process's address space */
	handle_t wake;	  /* event on which the driver waits */
	handle_t ring;	  /* event that the driver signals */
	handle_t channel_memory;
	handle_t dma;
	handle_t dma_pages; /* memory with the addresses of the pages of `dma` */
	/* the space that the driver's device may reach; HANDLE_NONE: all memory, or no device */
	handle_t dma_space;
	u64 dma_bytes;
	struct driver_store grown[DRIVER_STORE_MAX - 1];
	u32 grown_count;
	/* pages by which the quota was raised for page tables of the memory of stores */
	u64 store_table_pages;
	u64 quota_pages; /* pages promised to all the driver's memory groups */
	u64 group_pages; /* pages promised to the memory group `group` alone */
	/* memory shared with the driver, which writes it at any time: read each field once */
	struct driver_channel *channel;
	const struct group_page *account;

	u32 starts;
	u32 deaths;
	u32 restart_limit;		   /* the most deaths within the window; 0: no limit */
	u64 death_tsc[CONFIG_RESTART_MAX]; /* times of the latest deaths */
	/* channel->finished, the driver's count of answers, when the manager last looked */
	u64 seen_finished;
	u64 seen_tsc;
	u64 stuck_tsc; /* TSC cycles in which the driver had work but made no progress, added up */
	u32 asked;     /* last value written to channel->asked */
	u64 asked_tsc;
	u64 ready_tsc;	 /* TSC when the present process became ready; 0: it is not ready yet */
	u64 launch_tsc;	 /* TSC before which no process of the driver is started */
	u32 short_lives; /* how many processes in a row have ended after a short time */
	u32 last_number;
	u64 ended_tsc; /* TSC when the last process ended; 0: none has ended */
	/* the time in ns from the last process's end until the driver's disk was known again */
	u64 restart_ns;
	bool killed;  /* the process was ended by `driver restart` or because it hung */
	bool failing; /* the driver fails, for `reason`, once its device is quiet */
	bool link_up; /* of a network card: its link is up */
	u64 said_tsc; /* the TSC at which the present count of the driver's log lines began */
	u32 said_count;
	/*
	 * The driver's device may still write to memory, so that this memory must not be used
	 * again.
	 */
	bool loud;
	u32 link_end; /* the entries of `link` from this index on were never used */
	struct driver_link link[DRIVER_CLIENT_MAX];
};

/* Returns the next driver (the first after NULL), or NULL after the last. */
struct driver *driver_next(struct driver *driver);
#define DRIVER_FOR_EACH(each)                                                                      \
	for (struct driver *each = driver_next(NULL); each != NULL; each = driver_next(each))
struct driver *driver_find(const char *name);
const char *driver_life_name(enum driver_life life);

/*
 * Copies a text of at most DRIVER_TEXT_BYTES from the driver's channel, read once, with '?' for
 * unprintable bytes.
 */
void driver_text(const char *from, size_t bytes, char *to, size_t size);
/*
 * Copies the driver's description of its device, at most 48 bytes, with '?' for unprintable bytes.
 */
void driver_model(const struct driver *driver, char *text, size_t size);

/* Starts a driver. Returns NULL, with the reason in `problem`, if that is not possible. */
struct driver *driver_create(const char *name, const struct driver_kind *kind, u32 device,
			     const struct file *file, u64 disk_bytes, char *problem, size_t size);
/*
 * Ends the driver's process, after which a new one is started. Returns false if there was no
 * process and one is being started already.
 */
bool driver_restart(struct driver *driver);
/*
 * Lets a disk in memory grow: its process is restarted with more memory, and tells its clients.
 * `bytes` is the new size, in whole pages. Returns false, with the reason in `problem`, if the size
 * stays the same.
 */
bool driver_grow(struct driver *driver, u64 bytes, char *problem, size_t size);
/*
 * Returns whether another line about the driver's reports may be logged: a faulty driver may report
 * without end.
 */
bool driver_may_say(struct driver *driver);
/* The most lines of one driver in the log within DRIVER_SAY_NS. */
#define DRIVER_SAY_LINES 20u
#define DRIVER_SAY_NS	 (60 * NS_PER_S)
/* Returns how many pages the driver's memory groups take now. */
u64 driver_resident_pages(const struct driver *driver);
/* Returns the CPU time in ns of the driver's processes, including those that have died. */
u64 driver_cpu_ns(const struct driver *driver);
/*
 * Returns the time in ns from the end of the driver's last process until the present one has
 * answered a client, or 0 if none has ended or no client was answered since.
 */
u64 driver_pause_ns(const struct driver *driver);

/* Handle a driver's signals: a change in its channel, and the end of its process. */
void driver_signalled(u32 number);
void driver_process_ended(u32 number);
/* Does one step of all drivers; returns whether another is due at once. */
bool driver_step(void);
u64 driver_deadline(void);
/* Returns whether all drivers are ready or have failed. */
bool drivers_settled(void);

/*
 * Makes a link as `wanted`, charged to the memory group `group`. Returns NULL, with the reason in
 * `problem`, if it fails; parts that were made are then destroyed with the group.
 */
struct driver_link *driver_link_make(struct driver *driver, handle_t group,
				     const struct driver_link *wanted, char *problem, size_t size);
/*
 * Gives the client's process its end of the link: the link's memory as start kind `kind` with the
 * number and the name, and its events as the two start kinds after `kind`, bell and doorbell.
 */
void driver_link_give(struct process_build *build, const struct driver_link *link,
		      enum start_kind kind, u32 number, const char *name);
/* Starts the link anew at both ends, as another process has become the client. */
void driver_link_renew(struct driver_link *link);
/* Writes the driver's description for the client into the link, when that has changed. */
void driver_link_describe(struct driver_link *link);
/* Writes the client's description for the driver, when that has changed; the client continues. */
void driver_link_fill(struct driver_link *link);
/*
 * Ends the link; to be repeated until it returns true: then the driver uses nothing of the link's
 * memory.
 */
bool driver_link_end(struct driver_link *link);
/*
 * Ends the link as driver_link_end does, but for the client's ends, which are the caller's when it
 * returns true: to be given to driver_link_make, or closed by link_ends_close.
 */
bool driver_link_end_keeping(struct driver_link *link, struct link_ends *ends);
/*
 * Ends the link that *link points to, as driver_link_end does, and then sets *link to NULL. Returns
 * true once it is NULL.
 */
static inline bool driver_link_end_at(struct driver_link **link)
{
	if (*link != NULL && driver_link_end(*link))
		*link = NULL;
	return *link == NULL;
}

/* Returns whether the link's window is closing, and the driver still has requests that use it. */
static inline bool driver_link_is_closing(const struct driver_link *link)
{
	return link->ram.at != 0 && link->ram.number == 0 && link->driver_at != 0;
}

/*
 * Maps the memory of link->undo into the driver's present process; driver_link_unmap_undo() unmaps
 * it.
 */
enum status driver_link_map_undo(struct driver_link *link) MUST_CHECK;
/* Maps one more part of the memory for old blocks into the driver. */
enum status driver_link_map_undo_part(struct driver_link *link, u32 part) MUST_CHECK;
void driver_link_unmap_undo(struct driver_link *link);

/*
 * Maps the memory of link->changes into the driver's present process; driver_link_drop_changes()
 * unmaps and frees it.
 */
enum status driver_link_map_changes(struct driver_link *link) MUST_CHECK;
void driver_link_drop_changes(struct driver_link *link);

/* Unmaps the window to the client's RAM; once this returns, the device reaches none of that RAM. */
void driver_link_unmap_ram(struct driver_link *link);

/* The following functions are for the life of a driver. */
/* Gives all of the driver's links to its new process. */
void driver_links_open(struct driver *driver);
void driver_links_close(struct driver *driver); /* unmaps all links, as the process has ended */
/*
 * Marks the driver's links as lost, since the driver stays down, and tells the clients whose
 * requests shall fail then.
 */
void driver_links_lose(struct driver *driver);
enum status driver_build(struct driver *driver, char *problem, size_t size);
/*
 * Adds memory to a disk in memory, so that it has `bytes` in all, and a group that pays for it and
 * for the next process.
 */
bool driver_add_store(struct driver *driver, u64 bytes, char *problem, size_t size);
/*
 * Adds pages to the quota of the driver's process. Raising returns false if there are too few
 * pages.
 */
bool driver_raise_quota(struct driver *driver, u64 pages);
void driver_lower_quota(struct driver *driver, u64 pages);
u32 driver_number(const struct driver *driver);
struct driver *driver_of_link(const struct driver_link *link);
