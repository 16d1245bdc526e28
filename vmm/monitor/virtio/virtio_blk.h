/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A VM's disks and CD-ROM drives: their requests, their state, and the parts that the VM gives each
 * of them.
 */
#include "vmm/io/disk_serial.h"
#include "vmm/monitor/disk/disk_client.h"
#include "vmm/monitor/virtio/virtio.h"

struct blk_protocol;
struct disk_cipher;
struct platform_config;

#define VIRTIO_BLK_MAX	      16u /* the most disks of a VM */
#define VIRTIO_BLK_QUEUES     4u
#define VIRTIO_BLK_QUEUE_SIZE 256u
/* the most requests taken from all queues and not yet returned to the guest */
#define VIRTIO_BLK_REQUESTS 128u
#define VIRTIO_BLK_DATA_MAX 32u /* the most segments of a request's data (seg_max) */
/* the segments of a request: the data's, the header's and the status's */
#define VIRTIO_BLK_SEGMENTS   (VIRTIO_BLK_DATA_MAX + 2)
#define VIRTIO_BLK_NAME_BYTES DISK_SERIAL_BYTES

enum blk_phase {
	BLK_FREE,
	BLK_WAITS, /* the next piece of the request has not been sent to the driver yet */
	BLK_ASKED, /* the driver has been sent a piece of the request */
};

/*
 * A request of the guest as it was when it was taken from the queue; the guest may change its own
 * copy at any time.
 */
struct blk_request {
	u8 phase;     /* enum blk_phase */
	u8 operation; /* enum block_operation */
	u16 queue;
	u16 head;
	u16 readable_count;
	u16 segment_count;
	u16 asked; /* the number of sectors of the piece that the driver has been sent */
	u32 sectors;
	u32 done; /* the number of the request's sectors that are done */
	u64 sector;
	struct virtio_segment segment[VIRTIO_BLK_SEGMENTS];
};

struct virtio_blk_state {
	struct virtio_state virtio;
	u64 capacity; /* the disk's size in sectors, as the guest knows it */
	struct blk_request request[VIRTIO_BLK_REQUESTS];
};

enum drive_tray {
	TRAY_FULL,
	TRAY_OPEN, /* the guest has ejected the CD, and may load it again */
	TRAY_EMPTY,
};

/*
 * A guest's use of a CD that it is given for one start, cloud-init's. The CD counts as used when
 * the guest has read its secret blocks and has locked the drive, as a guest does that mounts the
 * CD; software that only looks at the CD does not lock the drive.
 */
enum drive_taken {
	TAKEN_READ = 1 << 0,
	TAKEN_LOCKED = 1 << 1,
	TAKEN_ALL = TAKEN_READ | TAKEN_LOCKED,
	TAKEN_GONE = 1 << 2, /* besides, the VM has started anew since then: the secret is gone */
};

/* The state of a CD-ROM drive; each number is checked when it is loaded. */
struct drive_state {
	u8 tray; /* enum drive_tray */
	/*
	 * 1: the next command ends with the error that the CD may have changed; of a disk: enum
	 * disk_attention
	 */
	u8 attention;
	u8 locked; /* 1: the guest has locked the drive, so that the CD stays in */
	u8 event;  /* the next answer to GET EVENT STATUS NOTIFICATION: enum cd_event */
	u8 taken;  /* enum drive_taken: the guest's use of a CD for one start */
	u8 reserved[3];
};

/* The state of a CD-ROM drive, and of a disk at the VM's SCSI host, which has no `disk.virtio`. */
struct virtio_scsi_state {
	struct virtio_blk_state disk;
	struct drive_state drive;
};

/*
 * A disk (virtio 1.2, 5.2), whose sectors a driver reads and writes at the other end of a link; or
 * a CD-ROM drive at a SCSI host of its own (5.6), whose CD has these sectors; or a disk at the SCSI
 * host that all such disks of the VM share.
 */
struct virtio_blk {
	struct virtio_device virtio; /* of a disk at the shared SCSI host only function.device */
	/* the device in whose queues the guest's requests are: &virtio, or the shared SCSI host */
	struct virtio_device *device;
	union {
		struct virtio_blk_state state;
		/* the state of a SCSI unit, which begins with that of a disk */
		struct virtio_scsi_state scsi;
	};
	/* how the guest's requests are laid out and answered */
	const struct blk_protocol *protocol;
	struct disk_client client;
	struct block_about about;
	bool copy[VIRTIO_BLK_REQUESTS];	   /* the request's next piece goes through the pool */
	bool awaited[VIRTIO_BLK_REQUESTS]; /* blk_await_all was called since the request was taken
					    */
	struct disk_cipher *cipher;	   /* the disk's cipher; NULL: the disk is not encrypted */
	char name[VIRTIO_BLK_NAME_BYTES];  /* the serial number that the guest sees */
	u32 number;			   /* the disk's number among those of the VM */
	bool is_drive;			   /* a CD-ROM drive: virtio_scsi.c attaches it */
	bool is_unit; /* a disk at the VM's SCSI host: virtio_scsi_host.c attaches it */
	/*
	 * the CD's content in memory, medium_sectors sectors; NULL: the disk's driver has the
	 * content
	 */
	const u8 *medium;
	u64 medium_sectors;
	/*
	 * the CD's blocks from secret_first to secret_end are for one start only; secret_end 0: the
	 * whole CD is for all starts
	 */
	u32 secret_first;
	u32 secret_end;
	const u8 *medium_after; /* a CD of the same size without the secret, for later starts */
	/* becomes 1 when the guest has used the secret (TAKEN_ALL); NULL: the manager need not know
	 */
	u32 *taken_mark;
	u32 waiting;   /* the number of requests in phase BLK_WAITS */
	u32 free_from; /* all requests before this one are in use */
	bool lost;     /* the disk's driver will not come back: requests fail */
};

/* Attaches the VM's disks: config->blk has config->blk_count of them, open, named and numbered. */
enum status virtio_blk_attach(struct platform *platform,
			      const struct platform_config *config) MUST_CHECK;
/*
 * Returns whether the device may still write to the guest's memory for requests from before a
 * reset.
 */
bool virtio_blk_is_landing(struct virtio_blk *blk);
/*
 * Takes the driver's answers, but sends it nothing more. Returns true once all requests that it has
 * been sent are answered.
 */
bool virtio_blk_drain(struct virtio_blk *blk);
/*
 * Looks at the link to the driver: takes answers, and notices a new driver process or a disk that
 * has grown.
 */
void virtio_blk_poll_link(struct virtio_blk *blk);
