/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"
#include "vmm/manager/config/config.h"
#include "vmm/manager/config/files.h"
#include "vmm/manager/driver/dma_pages.h"
#include "vmm/manager/process/process_build.h"

/*
 * Drivers, a process each: of disk controllers, of network cards, and a network's switch, which is
 * a driver without a device. They may die: the device is made quiet, a new process is started, and
 * the links' generations rise, upon which both ends begin anew.
 */
#define DRIVER_MAX	  32u
#define DRIVER_NAME_BYTES 48u
/* So many deaths as its disks allow within it: the driver stays down. */
#define DRIVER_WINDOW_NS  (60 * NS_PER_S)
/* Requests wait and none is answered: it hangs. */
#define DRIVER_HANG_NS	  (5 * NS_PER_S)
/* It is looked at once a second while it has work; what is missed beyond this is not its fault. */
#define DRIVER_LOOK_NS	  (2 * NS_PER_S)
/* A client shall leave and does not, whatever else is answered: likewise. */
#define DRIVER_LEAVE_NS	  (30 * NS_PER_S)
/* So often a switch or a disk's driver is asked whether it lives. */
#define DRIVER_ASK_NS	  (5 * NS_PER_S)
/*
 * One that ends before it is ready, or so soon after it, is started anew after a pause: the first
 * one, and twice as long each time.
 */
#define DRIVER_SHORT_NS	  (2 * NS_PER_MS)
#define DRIVER_PAUSE_NS	  (10 * NS_PER_MS)
#define DRIVER_PAUSES	  7u /* then it is no longer */
/* So long after its end a driver is started for which there were no pages. */
#define DRIVER_PAGES_NS	  (10 * NS_PER_S)
/* From the start of a driver with a device until it is ready. */
#define DRIVER_START_NS	  (60 * NS_PER_S)

enum driver_life {
	DRIVER_LIFE_STARTING,
	DRIVER_LIFE_READY,
	DRIVER_LIFE_RESTARTING, /* its process has ended; the device is being made quiet */
	DRIVER_LIFE_FAILED,	/* `reason` says why */
	DRIVER_LIFE_COUNT
};

/* A client's RAM, as far as the device reaches it: from `at` on, in one piece. */
struct ram_window {
	handle_t memory; /* HANDLE_NONE: it has none to give */
	u64 bytes;
	bool wanted;	/* it shall be open */
	u64 at;		/* 0: not mapped */
	u32 number;	/* of the window that is open; 0: closed, or closing where it is mapped */
	u32 told;	/* the client: the one that the device may be using */
	u32 last_number;
	u64 closing_tsc; /* since then */
};

#define LINK_UNDO_PARTS 8u /* so often it can grow, less one */

/* Memory for what a disk held at a snapshot of its VM; disk_undo.h. */
struct link_undo {
	/* of the client's group, one behind the other in the driver */
	struct {
		handle_t memory;
		u64 bytes;
	} part[LINK_UNDO_PARTS];
	u32 parts;	  /* 0: there is none */
	u64 bytes;	  /* of all */
	u64 sectors;	  /* of the client's part of the disk, when its room was last looked at */
	u64 client_pages; /* by so many the client's quota was raised: its maker's */
	u64 driver_at;	  /* 0: not mapped there */
	u32 number;	  /* of what is kept; 0: nothing is, or it is being closed */
	u32 put_back;	  /* not 0: it goes back to the disk */
	bool full_told;	  /* that a clone has no more room to write */
	bool low_told;	  /* that there is not much left */
	u64 table_pages;  /* by so many the driver's quota was raised, for page tables */
};

/* Memory for what the client has changed since a backup; disk_changes.h. */
struct link_changes {
	handle_t memory; /* of the client's group; HANDLE_NONE: there is none */
	u64 bytes;
	u64 driver_at; /* 0: not mapped there */
	u32 number;    /* of the last point; 0: there was none, and nothing is noted */
	bool merge;    /* at that one */
	u64 table_pages; /* as of link_undo */
	const struct disk_changes_head *head; /* its first page, in the manager */
};

/* One client of a driver: a disk in a VM, or who has a port of a switch. */
struct driver_link {
	bool used;
	bool leaving;	 /* it shall end */
	u64 leaving_tsc; /* since then */
	bool told;	 /* and the driver knows */
	bool said;	 /* that it cannot leave */
	bool fails;	 /* its requests, while the driver is down for good */
	bool lost;	 /* which it is */
	u16 seen; /* of a port, the state that was said last */
	u32 number;	 /* in struct driver_client */
	handle_t memory; /* belongs to the client's group, as pool_pages does */
	handle_t doorbell;
	handle_t bell;
	struct link_memory *at; /* in the manager */
	u64 driver_at;		/* in the driver; 0: not mapped there */
	u64 pool_pages_at;	/* likewise, of the pool's addresses */
	handle_t pool_pages;	/* memory with them; HANDLE_NONE without DMA */
	struct dma_window window; /* where the device finds the pool */
	struct ram_window ram;	  /* memory, bytes and wanted are its maker's */
	struct link_undo undo;
	struct link_changes changes;
	/* what the maker of the link sets */
	char user[CONFIG_NAME_BYTES]; /* the VM, the card */
	u32 section;		      /* number of the [disk] or [net] in the configuration */
	bool whole; /* the disk from its first to its last sector: it grows with it */
	/*
	 * Of its memory so much lies behind what the client is given, and is the driver's alone:
	 * what its device reaches then, in place of the pool.
	 */
	u64 hidden_bytes;
	struct disk_client_part disk;
	struct net_port port;
};

struct driver;

/* What the drivers of disks have in common, those of cards, or switches. */
struct driver_class {
	u64 link_bytes; /* of a client's link */
	u64 pool_at;	/* in it: what the device may read and write, to the link's end; 0: none */
	u32 client_max;
	u32 quota_pages; /* beside what every driver takes */
	bool asked; /* from time to time, whether it lives */
	/* It is ready, each time it was started; may be NULL. */
	void (*ready)(struct driver *driver);
	/* It has signalled while it was ready; may be NULL. */
	void (*signalled)(struct driver *driver);
	/* Its process has ended; may be NULL. */
	void (*ended)(struct driver *driver);
	/* What the client is told, by the link's `about`: one field at a time. */
	void (*describe)(const struct driver *driver, const struct driver_link *link);
	/* The driver's part of what it is told of a client. */
	void (*fill)(const struct driver_link *link, struct driver_client *client);
};

/* What kind of device a driver drives: how its process gets at it, how it is made quiet. */
struct driver_kind {
	const char *image; /* of the driver */
	const struct file *program; /* a service's, in place of one of the boot image */
	const char *argument;	    /* what a service is told; NULL: nothing */
	const struct driver_class *class;
	bool dma;
	bool direct;   /* behind an IOMMU it may reach its clients' RAM */
	u32 dma_pages; /* of memory for its device; 0: as most need */
	u32 units;     /* disks that its driver may have; 0: one */
	/* Adds what the process needs of the device. */
	void (*equip)(struct process_build *build, u32 device);
	/*
	 * STATUS_OK: the device touches memory no more. STATUS_AGAIN: call again, at the deadline
	 * at the latest. Else *problem says why that is not sure. NULL: there is no device.
	 */
	enum status (*quiet)(u32 device, const char **problem);
	u64 (*quiet_deadline)(u32 device); /* a TSC */
};

/* Memory that a disk in memory has grown by, and what its group has. */
struct driver_store {
	handle_t memory;
	u64 bytes;
	const struct group_page *account;
};

struct driver {
	bool used;
	char name[DRIVER_NAME_BYTES];
	const struct driver_kind *kind;
	u32 device;		 /* number, for kind */
	const struct file *file; /* of a RAM disk; NULL: none */
	u64 disk_bytes;		 /* of a disk in memory; 0: the file's size */
	enum driver_life life;
	char reason[DRIVER_TEXT_BYTES + 32];

	handle_t group; /* that pays for the process: the latest */
	handle_t image; /* memory with a service's program */
	handle_t process; /* HANDLE_NONE: there is none */
	handle_t space;	  /* its address space */
	handle_t wake;	  /* event that it waits on */
	handle_t ring;	  /* event that it signals */
	handle_t channel_memory;
	handle_t dma;
	handle_t dma_pages; /* memory with the addresses of its pages */
	handle_t dma_space; /* what its device may reach; HANDLE_NONE: all memory, or no device */
	u64 dma_bytes;
	struct driver_store grown[DRIVER_STORE_MAX - 1];
	u32 grown_count;
	u64 quota_pages; /* promised to it */
	u64 group_pages; /* of these, to `group` */
	struct driver_channel *channel; /* written by the driver: read each field once */
	const struct group_page *account;

	u32 starts;
	u32 deaths;
	u32 restart_limit; /* deaths within the window; 0: none */
	u64 death_tsc[CONFIG_RESTART_MAX]; /* the latest */
	u64 seen_finished; /* channel->finished, when it was looked at last */
	u64 seen_tsc;
	u64 stuck_tsc; /* that it has had work since, and shown none */
	u32 asked; /* channel->asked, and when */
	u64 asked_tsc;
	u64 ready_tsc; /* of its present process; 0: it is not yet */
	u64 launch_tsc; /* the next one, not before */
	u32 short_lives; /* in a row */
	u32 last_number;
	u64 ended_tsc; /* its last process; 0: none has yet */
	u64 restart_ns; /* from then until its disk was known again */
	bool killed; /* by `driver restart` or because it hung */
	bool failing; /* once its device is quiet it has failed, for the reason there */
	bool link_up; /* a card's */
	u64 said_tsc; /* lines about that, or a network's ports, from then on */
	u32 said_count;
	bool loud;    /* its device may still write to memory, of which nothing is used again */
	struct driver_link link[DRIVER_CLIENT_MAX];
};

/* Walks the drivers; NULL after the last. */
struct driver *driver_next(struct driver *driver);
#define DRIVER_FOR_EACH(each) \
	for (struct driver *each = driver_next(NULL); each != NULL; each = driver_next(each))
struct driver *driver_find(const char *name);
const char *driver_life_name(enum driver_life life);

/* Its own words in its channel, at most DRIVER_TEXT_BYTES, read once and made printable. */
void driver_text(const char *from, size_t bytes, char *to, size_t size);
/* In its own words, what it drives: at most 48 bytes, each shown in up to four. */
void driver_model(const struct driver *driver, char *text, size_t size);

/* Starts one. NULL: `problem` says why. */
struct driver *driver_create(const char *name, const struct driver_kind *kind, u32 device,
			     const struct file *file, u64 disk_bytes, char *problem, size_t size);
/* Ends its process, which is then started anew. False: it had none; one is started. */
bool driver_restart(struct driver *driver);
/*
 * Lets a disk in memory grow: with more memory its process starts anew, and tells its clients.
 * `bytes` is more than it has, in whole pages. False: `problem` says why nothing has changed.
 */
bool driver_grow(struct driver *driver, u64 bytes, char *problem, size_t size);
/* Whether a line about what it says is not one too many: a broken one may say it without end. */
bool driver_may_say(struct driver *driver);
/* So many, in this time. */
#define DRIVER_SAY_LINES 20u
#define DRIVER_SAY_NS	 (60 * NS_PER_S)
/* Memory that it takes now, in all. */
u64 driver_resident_pages(const struct driver *driver);
/* For which its processes have run, those that have died too. */
u64 driver_cpu_ns(const struct driver *driver);
/*
 * From the end of its last process until the present one had answered a client; 0: none has ended,
 * or nothing was answered since.
 */
u64 driver_pause_ns(const struct driver *driver);

/* Signals: it has changed something in its channel; its process has ended. */
void driver_signalled(u32 number);
void driver_process_ended(u32 number);
/* One step of what is under way; true when there is more to do at once. */
bool driver_step(void);
u64 driver_deadline(void);
/* Whether all are ready, or failed to be. */
bool drivers_settled(void);

/*
 * A link as its maker wants it, charged to `group`. NULL: `problem` says why. What was made of it
 * then goes with the group.
 */
struct driver_link *driver_link_make(struct driver *driver, handle_t group,
				     const struct driver_link *wanted, char *problem, size_t size);
/*
 * Hands the client's end to its process: the link as `kind` with the number and the name, and its
 * events as the two kinds that follow, bell and doorbell.
 */
void driver_link_give(struct process_build *build, const struct driver_link *link,
		      enum start_kind kind, u32 number, const char *name);
/* Begins anew at both ends: the client is another process. */
void driver_link_renew(struct driver_link *link);
/* Tells the client what has changed. */
void driver_link_describe(struct driver_link *link);
/* Tells the driver what has changed of the client, which goes on. */
void driver_link_fill(struct driver_link *link);
/* Ends it, in steps: true once the driver has nothing of it any more. */
bool driver_link_end(struct driver_link *link);

/* Its window into the client's RAM shall close, and the driver still has requests through it. */
static inline bool driver_link_is_closing(const struct driver_link *link)
{
	return link->ram.at != 0 && link->ram.number == 0 && link->driver_at != 0;
}

/* The driver's present process gets the memory of link->undo, or has it no more. */
enum status driver_link_map_undo(struct driver_link *link) MUST_CHECK;
/* It has one part more: likewise. */
enum status driver_link_map_undo_part(struct driver_link *link, u32 part) MUST_CHECK;
void driver_link_unmap_undo(struct driver_link *link);

/* Likewise that of link->changes; it is given back. */
enum status driver_link_map_changes(struct driver_link *link) MUST_CHECK;
void driver_link_drop_changes(struct driver_link *link);

/* The device reaches none of the client's RAM any more when this returns. */
void driver_link_unmap_ram(struct driver_link *link);

/* For the driver's life. */
void driver_links_open(struct driver *driver); /* hands all to a new process */
void driver_links_close(struct driver *driver); /* its process has ended */
/* It stays down: clients that are configured so are told. */
void driver_links_lose(struct driver *driver);
enum status driver_build(struct driver *driver, char *problem, size_t size);
/* Memory for `bytes` of disk in all, and a group that pays for it and for the next process. */
bool driver_add_store(struct driver *driver, u64 bytes, char *problem, size_t size);
/* So many pages more for its process, or less. False: they are not to be had. */
bool driver_raise_quota(struct driver *driver, u64 pages);
void driver_lower_quota(struct driver *driver, u64 pages);
u32 driver_number(const struct driver *driver);
struct driver *driver_of_link(const struct driver_link *link);
